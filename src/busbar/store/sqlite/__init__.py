"""The engine on one machine's disk: SQLite in WAL mode with synchronous=FULL and group commit.

On the way of a commit: `engine.py` judges it and queues it, `writer.py` makes many durable with one
fsync, `engine.py` then shows and acknowledges them. `schema.py` is what lies on the disk,
`directory.py` what lies beside it, `load.py` reads it back, `verify.py` audits the ledger,
`backup.py` saves and restores the whole.
"""

from __future__ import annotations

from busbar.store.sqlite.backup import backup, restore
from busbar.store.sqlite.directory import bump_epoch
from busbar.store.sqlite.engine import SqliteStore
from busbar.store.sqlite.verify import verify

__all__ = ["SqliteStore", "backup", "bump_epoch", "restore", "verify"]
