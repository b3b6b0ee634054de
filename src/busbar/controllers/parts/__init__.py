"""What several controllers need: writing objects, conditions, Events, leases, reading Pods.

Start at `writes.py`.
"""
