"""A pod's own network namespace, address and rules; `contract.py` is the way in."""
