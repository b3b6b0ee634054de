"""Probes: is a container started, ready, alive?

`spec.py` what is asked, `health.py` what follows from answers (pure), `checks.py` asks,
`prober.py` keeps time.
"""
