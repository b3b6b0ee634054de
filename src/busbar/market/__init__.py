"""Order book, eligibility, matching, clearing. Pure; knows only the model.

The way through: `calendar.py` (what an offer asks, when), `offers.py` (supply), `orders.py`
(demand), `reasons.py` and `eligibility.py` (who may meet whom, and why not), `book.py`,
`clearing.py` (the rule), `rolling.py` (the next slot of a running contract). The rule in words
is docs/market.md.
"""
