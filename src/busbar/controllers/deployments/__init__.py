"""Deployments of apps/v1: one ReplicaSet for each template, and the way from one to the next.

`revisions.py` finds and makes the ReplicaSets, `hours.py` whether it is to run
now, `rollout.py` says how many Pods each may have,
`progress.py` what is told of it; `controller.py` decides.
Source: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
"""
