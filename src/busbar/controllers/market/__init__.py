"""The market: every unbound Pod is an order; a batch clears them together.

`inputs.py` reads book and orders from a snapshot, `matches.py` turns matches into transactions,
`refusals.py` tells those who did not match why, `record.py` publishes the clearing;
`controller.py` decides when and in what order.
"""
