"""One function for each operation: a call in, an answer out. `routes.py` says which is when."""
