"""Who uses the exchange: consumers with all kinds of orders, vendors with moods, an operator.

Everything they do goes through the door, and may be refused. `crowd.py` says what a life asks of
them, `people.py` who there is. Next: `hands.py`.
"""
