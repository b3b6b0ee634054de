"""ReplicaSets of apps/v1: so many Pods of one template, each of them an order of its own.

`members.py` sorts out which Pods are its own, `choice.py` says who goes first, `podspec.py` what a
new one looks like; `controller.py` decides.
Source: https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/
"""
