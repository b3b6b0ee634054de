"""The index's tables, by numbered migrations. Next: `index.py`.

Keys are BLOBs: SQLite compares them byte by byte, which is the order S3 lists in. A segment's id
is `version << SEGMENT_BITS | place`, so that an object's segments are neighbours and need no
second index.
"""

from __future__ import annotations

import sqlite3

from busbar.apis.s3.errors import CannotOpen
from busbar.model.time import Instant

CACHE_KIB = 6 * 1024
"""Of each connection; the system's page cache holds the rest."""
SEGMENT_BITS = 20
SEGMENTS_MAX = 1 << SEGMENT_BITS

MIGRATIONS: tuple[tuple[str, str], ...] = (
    (
        "objects, segments, multipart uploads",
        """
        CREATE TABLE objects (
            bucket TEXT NOT NULL, key BLOB NOT NULL, version INTEGER NOT NULL,
            size INTEGER NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL,
            headers TEXT NOT NULL, PRIMARY KEY (bucket, key)
        ) WITHOUT ROWID;
        CREATE TABLE segments (
            id INTEGER PRIMARY KEY, length INTEGER NOT NULL,
            body BLOB, blob TEXT, start INTEGER NOT NULL
        );
        CREATE INDEX segments_blob ON segments (blob) WHERE blob IS NOT NULL;
        CREATE TABLE uploads (
            id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key BLOB NOT NULL,
            started INTEGER NOT NULL, headers TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE INDEX uploads_key ON uploads (bucket, key, id);
        CREATE TABLE parts (
            upload TEXT NOT NULL, number INTEGER NOT NULL, version INTEGER NOT NULL,
            size INTEGER NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL,
            checksums TEXT NOT NULL, PRIMARY KEY (upload, number)
        ) WITHOUT ROWID;
        """,
    ),
)


class NewerSchema(CannotOpen):
    """The database was written by a newer release; this one must not touch it."""


def connect(path: str, *, readonly: bool = False) -> sqlite3.Connection:
    """Open the index; commits return after they are durable."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
    db.execute("PRAGMA busy_timeout = 10000")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA wal_autocheckpoint = 4000")
    db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    db.execute("PRAGMA journal_size_limit = 67108864")
    if readonly:
        db.execute("PRAGMA query_only = ON")
    return db


def migrate(db: sqlite3.Connection, now: Instant) -> None:
    """Bring the tables up to date, each migration in one transaction."""
    db.execute(
        "CREATE TABLE IF NOT EXISTS migrations"
        " (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied INTEGER NOT NULL)"
    )
    (done,) = db.execute("SELECT coalesce(max(version), 0) FROM migrations").fetchone()
    if done > len(MIGRATIONS):
        raise NewerSchema(
            f"the object index has schema {done}, this release knows {len(MIGRATIONS)}; "
            "start the newer release"
        )
    for version, (name, script) in enumerate(MIGRATIONS[done:], done + 1):
        db.execute("BEGIN IMMEDIATE")
        try:
            for statement in script.split(";"):
                db.execute(statement)
            db.execute("INSERT INTO migrations VALUES (?, ?, ?)", (version, name, now))
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise
