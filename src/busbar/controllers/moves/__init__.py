"""Moves of running services to cheaper places: the replacement first, then the end of the old Pod.

`words.py` says what is written on Pods, `plan.py` what the book offers, `controller.py` takes one
step at a time. The rule by which it is decided is `busbar.market.moves`.
"""
