"""How objects change: creates, updates and the four kinds of patch, with field ownership. Pure.

Start at `writes.py` (what the HTTP half calls), then `json_patch.py`, `merge_patch.py`,
`strategic.py`, `fields.py` (sets of field paths), `ownership.py` (who owns what), `apply.py`
(server-side apply).
"""
