"""The impure seam of the control plane: clock, loops, TLS, settings, identities.

Start at `main.py`, which wires everything into one process; `pki.py` and `identities.py` say who
is who, `joining.py` lets machines in, `runner.py` drives the controllers.
"""
