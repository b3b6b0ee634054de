"""Containers by runc; `runtime.py` is the way in."""
