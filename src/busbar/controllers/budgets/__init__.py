"""PodDisruptionBudgets of policy/v1: how many Pods may be taken away at one time, by choice.

`count.py` says what a budget allows, `controller.py` keeps its status. Whoever ends Pods by choice
(moves, evictions) asks first; nodes that are lost ask nobody.
Source: https://kubernetes.io/docs/concepts/workloads/pods/disruptions/
"""
