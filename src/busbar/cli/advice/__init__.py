"""`busbar advice`, a module each for reading and for doing. Start at `group.py`."""
