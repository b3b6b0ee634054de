"""`busbar market` and `busbar quote`: the market as people look at it. Start at `group.py`."""
