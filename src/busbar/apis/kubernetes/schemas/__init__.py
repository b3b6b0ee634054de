"""What the served kinds look like: schemas, defaults, validation, OpenAPI documents. Pure.

Everything derives from the published Kubernetes schemas (package `kubernetes-validate`) and from
the project's own Structs. Start at `refusals.py` (how a no looks), `definitions.py` (where the
schemas come from), `shapes.py` (their compiled form), `registry.py` (what is served).
"""
