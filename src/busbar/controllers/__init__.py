"""Reconcilers: pure functions from a snapshot, a key and a time to a decision.

Start at `contract.py`; `all.py` lists them in the order in which an order passes through.
"""
