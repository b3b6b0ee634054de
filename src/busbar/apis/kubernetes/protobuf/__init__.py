"""Protobuf as kubectl speaks it: request bodies decoded to JSON-shaped objects. Pure.

Start at `bodies.py` (the one call), then `wire.py` (tags and varints), `messages.py` (which
field has which number), `values.py` (times, quantities and the like).
"""

from __future__ import annotations

from busbar.apis.kubernetes.protobuf.bodies import CONTENT_TYPE, Malformed, decode

__all__ = ["CONTENT_TYPE", "Malformed", "decode"]
