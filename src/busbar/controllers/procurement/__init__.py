"""Standing orders: what a Procurement asks the market for, and what it is told.

`asks.py` reads Procurements and gives the orders of what is missing; `told.py` writes the answer.
The market controller clears them with everybody else's, for one hand sells a node's room.
"""
