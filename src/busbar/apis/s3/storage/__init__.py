"""Objects at rest: an SQLite index, and files for whatever is larger than `INLINE_BYTES_MAX`.

Where the truth is: the index. A file is written and synced before the index mentions it, and
removed after the index has forgotten it, so a crash leaves at worst a file that nobody mentions,
which the next start sweeps away. Next: `store.py`.
"""
