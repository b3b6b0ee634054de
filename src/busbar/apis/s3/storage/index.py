"""Objects in the index: one function for each change, all inside a transaction of the caller.

A function that refuses has changed nothing. `Change` carries what the transaction leaves behind:
the files that nothing mentions any more. Next: `uploads.py`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

import orjson

from busbar.apis.s3.errors import Code, S3Error
from busbar.apis.s3.storage.records import (
    Condition,
    Content,
    Headers,
    Segment,
    Stored,
)
from busbar.apis.s3.storage.schema import SEGMENT_BITS, SEGMENTS_MAX
from busbar.model.time import Instant

_COLUMNS = "key, version, size, etag, modified, headers"
_WITH_SEGMENTS = f"""
    SELECT {_COLUMNS}, length, body, blob, start FROM objects JOIN segments
    ON id BETWEEN version << {SEGMENT_BITS} AND (version << {SEGMENT_BITS}) + {SEGMENTS_MAX - 1}
    WHERE bucket = ? AND key = ? ORDER BY id
"""


class Change:
    """A write transaction on the index."""

    def __init__(self, db: sqlite3.Connection, versions: Iterator[int]) -> None:
        self.db = db
        self.garbage: list[str] = []
        self._versions = versions

    def add_content(self, content: Content) -> int:
        """Keep a body; gives its version."""
        return self.add_segments([Segment(content.size, content.body, content.blob, 0)])

    def add_segments(self, segments: list[Segment]) -> int:
        """Keep a body of several pieces; gives its version. Files are shared, not copied."""
        if len(segments) > SEGMENTS_MAX:
            raise S3Error(Code.InvalidRequest, "The object would consist of too many pieces.")
        # Even nothing leaves a row: after a restart, versions are counted on from the last row.
        segments = segments or [Segment(0, b"", None, 0)]
        version = next(self._versions)
        first = version << SEGMENT_BITS
        self.db.executemany(
            "INSERT INTO segments VALUES (?, ?, ?, ?, ?)",
            [
                (first + place, piece.length, piece.body, piece.blob, piece.start)
                for place, piece in enumerate(segments)
            ],
        )
        return version

    def drop_version(self, version: int) -> None:
        """Forget a body; files that nothing else mentions become garbage."""
        bounds = segment_ids(version)
        blobs = self.db.execute(
            "DELETE FROM segments WHERE id BETWEEN ? AND ? RETURNING blob", bounds
        ).fetchall()
        for blob in {blob for (blob,) in blobs if blob is not None}:
            if not self.db.execute("SELECT 1 FROM segments WHERE blob = ?", (blob,)).fetchone():
                self.garbage.append(blob)

    def write_object(self, bucket: str, stored: Stored) -> None:
        """Make this the object of its key; the one before is forgotten."""
        previous = find(self.db, bucket, stored.key)
        self.db.execute(
            "REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)",
            (bucket, stored.key.encode(), *stored[1:5], dump(stored.headers)),
        )
        if previous is not None:
            self.drop_version(previous.version)

    def delete_object(self, bucket: str, key: str) -> bool:
        """Forget an object; False if there was none."""
        row = self.db.execute(
            "DELETE FROM objects WHERE bucket = ? AND key = ? RETURNING version",
            (bucket, key.encode()),
        ).fetchone()
        if row is not None:
            self.drop_version(row[0])
        return row is not None


def new_versions(db: sqlite3.Connection) -> Iterator[int]:
    """Count versions on from the last one in use."""
    row = db.execute("SELECT coalesce(max(id), 0) FROM segments").fetchone()
    return count((row[0] >> SEGMENT_BITS) + 1)


def put(
    change: Change,
    bucket: str,
    key: str,
    content: Content,
    headers: Headers,
    condition: Condition,
    now: Instant,
) -> Stored:
    """Create or replace an object."""
    check(condition, find(change.db, bucket, key))
    version = change.add_content(content)
    stored = Stored(key, version, content.size, content.etag, now, headers)
    change.write_object(bucket, stored)
    return stored


def find(db: sqlite3.Connection, bucket: str, key: str) -> Stored | None:
    """Give an object, or None."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM objects WHERE bucket = ? AND key = ?", (bucket, key.encode())
    ).fetchone()
    return None if row is None else stored_of(row)


def find_with_segments(
    db: sqlite3.Connection, bucket: str, key: str
) -> tuple[Stored, list[Segment]] | None:
    """Give an object and the pieces of its body, as of one moment: it is one statement."""
    rows = db.execute(_WITH_SEGMENTS, (bucket, key.encode())).fetchall()
    return (stored_of(rows[0]), [Segment(*row[6:]) for row in rows]) if rows else None


def segments_of(db: sqlite3.Connection, version: int) -> list[Segment]:
    """Give the pieces of a body, in order."""
    rows = db.execute(
        "SELECT length, body, blob, start FROM segments WHERE id BETWEEN ? AND ? ORDER BY id",
        segment_ids(version),
    )
    return [Segment(*row) for row in rows]


def blobs_in_use(db: sqlite3.Connection) -> Iterable[str]:
    """Give the name of every file that the index mentions."""
    for (blob,) in db.execute("SELECT DISTINCT blob FROM segments WHERE blob IS NOT NULL"):
        yield blob


def is_empty(db: sqlite3.Connection, bucket: str) -> bool:
    """Has the bucket no object? (Unfinished uploads do not count.)"""
    return (
        db.execute("SELECT 1 FROM objects WHERE bucket = ? LIMIT 1", (bucket,)).fetchone() is None
    )


def purge(change: Change, bucket: str, limit: int) -> bool:
    """Forget up to `limit` objects and uploads of a bucket; False when none are left."""
    keys = change.db.execute(
        "SELECT key FROM objects WHERE bucket = ? LIMIT ?", (bucket, limit)
    ).fetchall()
    for (key,) in keys:
        change.delete_object(bucket, key.decode())
    uploads = change.db.execute(
        "SELECT id FROM uploads WHERE bucket = ? LIMIT ?", (bucket, limit)
    ).fetchall()
    for (upload,) in uploads:
        for (version,) in change.db.execute(
            "DELETE FROM parts WHERE upload = ? RETURNING version", (upload,)
        ).fetchall():
            change.drop_version(version)
        change.db.execute("DELETE FROM uploads WHERE id = ?", (upload,))
    return bool(keys or uploads)


def buckets_with_data(db: sqlite3.Connection) -> list[str]:
    """Give the uid of every bucket that has objects or uploads."""
    found: set[str] = set()
    for table in ("objects", "uploads"):
        # One seek for each bucket, however many objects it has.
        after = ""
        while True:
            (bucket,) = db.execute(
                f"SELECT min(bucket) FROM {table} WHERE bucket > ?", (after,)
            ).fetchone()
            if bucket is None:
                break
            found.add(bucket)
            after = bucket
    return sorted(found)


def sizes(db: sqlite3.Connection) -> dict[str, tuple[int, int]]:
    """Give, by the uid of each bucket that has any, its number of objects and their bytes."""
    rows = db.execute("SELECT bucket, count(*), sum(size) FROM objects GROUP BY bucket")
    return {bucket: (count_, total) for bucket, count_, total in rows}


def check(condition: Condition, present: Stored | None) -> None:
    """Refuse a write whose condition does not hold."""
    wanted, unwanted = condition
    if wanted is not None:
        if present is None:
            raise S3Error(Code.NoSuchKey, "If-Match was given, but the key does not exist.")
        if wanted not in ("*", present.etag):
            raise S3Error(Code.PreconditionFailed, "If-Match does not hold: the ETag differs.")
    if unwanted is not None and present is not None and unwanted in ("*", present.etag):
        raise S3Error(Code.PreconditionFailed, "If-None-Match does not hold: the key exists.")


def segment_ids(version: int) -> tuple[int, int]:
    """Give the first and last id that a version's segments can have."""
    first = version << SEGMENT_BITS
    return first, first + SEGMENTS_MAX - 1


def stored_of(row: tuple[Any, ...]) -> Stored:
    """Build an object from the columns of a row."""
    return Stored(row[0].decode(), row[1], row[2], row[3], row[4], load(row[5]))


def dump(headers: Headers) -> str:
    """Write headers for the index."""
    return orjson.dumps(headers).decode()


def load(text: str) -> Headers:
    """Read headers from the index."""
    return [(name, value) for name, value in orjson.loads(text)]
