"""The Kubernetes door: the cloud as a Kubernetes API server, for kubectl and everything like it.

Start at `app.py` (the way of a request). The door translates: it authenticates, reads, checks,
commits through the store's contract and writes answers. `schemas/`, `patches/` and `protobuf/`
are pure and know no HTTP; `verbs/` has one module per verb; `admission/` what a change must hold
to; `printing/` the tables of `kubectl get`.
"""
