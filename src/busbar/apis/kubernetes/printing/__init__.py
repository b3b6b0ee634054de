"""Tables, as `kubectl get` shows them: which columns a kind has and what stands in them. Pure
but for `tables.py`, which writes them out. Start at `columns.py`.

Source of columns and words: pkg/printers/internalversion of Kubernetes.
"""
