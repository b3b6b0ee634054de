"""Protobuf as kubectl speaks it: request bodies decoded to JSON-shaped objects. Pure.

Start at `wire.py` (tags and varints), then `messages.py` (which field has which number), then
`decode.py`, the one call: `decode(body) -> Object | Malformed`.
"""
