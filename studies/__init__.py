"""Studies of the market: people with values and costs of their own trade, and what each gains is
added up.

`scene.py` draws who wants what and what machines cost; `plays.py` is honest play, `consumers.py`
and `vendors.py` what may be tried instead; `floor.py` clears batch after batch by the market's own
rule, `whole.py` does the same on the whole exchange. `scarcity.py`, `strategies.py` and
`reference.py` are the studies; `studies/run` prints them.
"""
