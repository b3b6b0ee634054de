"""What runs on a supplying machine: one process per node, dialling out only.

Start at `main.py` (the process), then `pods.py` (which Pods this node runs), `worker.py` (one
Pod's life), `hooks/` (its steps, one idempotent step per file), `lease.py` (the right to run),
`relay.py` (logs on request). `runtimes/`, `network/` and `images/` are what the steps use.
"""
