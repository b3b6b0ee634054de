"""What the door does, one module per verb. Start at `shared.py`, then `create.py`."""
