"""Images on a node: fetched by skopeo, unpacked safely, kept once, removed when unused.

`manager.py` is what the agent calls. The work is done by `worker.py` in a process of its own, so
that the agent stays small and a hostile image can at most end that process.
"""
