"""Statements that auditors sign about vendors, offers and nodes. Start at `dsse.py`."""
