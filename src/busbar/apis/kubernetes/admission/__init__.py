"""What a change must hold to beyond its schema. Pure: (change) -> refusals.

Schemas, defaults and Kubernetes' own validation are done in `schemas/` before. Here: what only
the exchange may write (`reserved.py`, 403), what may not change any more (`immutable.py`, 422),
and what the values of market terms mean (`terms.py`, 422). Start at `change.py`.
"""
