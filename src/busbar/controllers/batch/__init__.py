"""Jobs of batch/v1, as Kubernetes runs them. `indexes.py`, `podspec.py`, then `controller.py`.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/job/
"""
