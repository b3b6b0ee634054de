"""What must hold after every step, whatever went wrong. `base.py`, then one module a subject.

The checkers see commits and the machines' own logs, never the controllers' minds. Each says its
invariant in its first line: I1 to I5, I7, I8, I10 and I11 are every cloud's; I13 to I19 are the
market's: gangs, notices, limits, pieces, bonds, signed attributes, terms agreed.
"""
