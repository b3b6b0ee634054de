"""HTTP workers: processes that speak TLS and HTTP for the control plane, which stays one process.

    client ──TLS, HTTP/1.1──> worker ──requests, many at a time──> control plane
                                     <──answers, many at a time───

The control plane deciding alone is what makes it right; that it also encrypts and parses takes a
fifth of its one core. With `api_workers` in `busbar.json` those listen on the API port instead of
it. They know no object and no caller: what they hand over is what an ASGI server hands over.

Read on: `wire.py` (what goes over the channel), `channel.py` (how), `forward.py` (the worker's
half), `answering.py` (the control plane's half), `pool.py` (starting them, and anew).
"""
