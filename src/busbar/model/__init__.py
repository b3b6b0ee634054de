"""What things are: kinds, quantities, money, DTU, time. Pure; knows no other room.

Start with `objects.py` (the Kubernetes shape everything declared has), then `kinds/` (the
project's own kinds), then `money.py`, `quantities.py`, `dtu.py` and `time.py` (the units).
"""
