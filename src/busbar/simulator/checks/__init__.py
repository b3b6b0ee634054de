"""What must hold after every step, whatever went wrong. `base.py`, then one module a subject.

The checkers see commits and the machines' own logs, never the controllers' minds.
"""
