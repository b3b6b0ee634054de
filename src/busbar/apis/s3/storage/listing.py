"""Listing a bucket: keys in byte order, rolled up at a delimiter, one page at a time.

The rule, also for clients that resume in odd places: the entries of a bucket are its keys and
common prefixes in byte order; a page holds those greater than `after`. Common prefixes are
skipped over by seeking past them, so a million keys under one prefix cost one step. Next:
`commit.py`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

from busbar.apis.s3.storage.index import stored_of
from busbar.apis.s3.storage.records import Listing, Stored

BATCH = 256


def page(
    db: sqlite3.Connection, bucket: str, prefix: str, delimiter: str, after: str, limit: int
) -> Listing:
    """Give up to `limit` entries greater than `after`."""
    objects: list[Stored] = []
    prefixes: list[str] = []
    if limit == 0:
        return Listing(objects, prefixes, None)
    last = ""
    for row, rolled_up in _entries(db, bucket, prefix.encode(), delimiter.encode(), after.encode()):
        if len(objects) + len(prefixes) == limit:
            return Listing(objects, prefixes, last)
        if rolled_up is None:
            objects.append(stored_of(row))
            last = objects[-1].key
        else:
            last = rolled_up.decode()
            prefixes.append(last)
    return Listing(objects, prefixes, None)


def _entries(
    db: sqlite3.Connection, bucket: str, prefix: bytes, delimiter: bytes, after: bytes
) -> Iterator[tuple[tuple[Any, ...], bytes | None]]:
    """Give rows and, where they roll up, their common prefix."""
    inclusive, start = (True, prefix) if prefix > after else (False, after)
    size = 64 if delimiter else BATCH
    while True:
        rows = db.execute(
            "SELECT key, version, size, etag, modified, headers FROM objects WHERE bucket = ?"
            f" AND key {'>=' if inclusive else '>'} ? ORDER BY key LIMIT ?",
            (bucket, start, size),
        ).fetchall()
        skip_to = b""
        for row in rows:
            key: bytes = row[0]
            if key < skip_to:
                continue
            if not key.startswith(prefix):
                return
            rolled_up = _rolled_up(key, prefix, delimiter)
            if rolled_up is None:
                yield row, None
            else:
                skip_to = successor(rolled_up)
                if rolled_up > after:
                    yield row, rolled_up
        if len(rows) < size:
            return
        inclusive = rows[-1][0] < skip_to
        start = skip_to if inclusive else rows[-1][0]


def _rolled_up(key: bytes, prefix: bytes, delimiter: bytes) -> bytes | None:
    if not delimiter:
        return None
    at = key.find(delimiter, len(prefix))
    return None if at < 0 else key[: at + len(delimiter)]


def successor(prefix: bytes) -> bytes:
    """Give the least key greater than all keys with this prefix (UTF-8 never ends in 0xFF)."""
    return prefix[:-1] + bytes((prefix[-1] + 1,))
