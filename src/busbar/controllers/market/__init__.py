"""The market: every unbound Pod is an order; a batch clears them together.

`inputs.py` reads book and orders from a snapshot; `drawn.py` makes transactions of those that draw
on held room and `matches.py` of those that match (`contracts.py`: the Contract that one becomes);
`refusals.py` tells those who did not match why, `record.py` publishes the clearing;
`controller.py` decides when and in what order.
"""
