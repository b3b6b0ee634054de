"""Multipart uploads in the index: parts are bodies of their own until the upload completes.

Completing moves no data: the object's segments are the parts' segments, in order. Next:
`listing.py`.
"""

from __future__ import annotations

import binascii
import hashlib
import sqlite3
from collections.abc import Mapping
from typing import Any

import orjson

from busbar.apis.s3.checksums import PREFIX, whole
from busbar.apis.s3.errors import Code, S3Error
from busbar.apis.s3.storage import index
from busbar.apis.s3.storage.records import (
    Condition,
    Content,
    Headers,
    Part,
    Segment,
    Stored,
    Upload,
)
from busbar.model.time import Instant

PART_BYTES_MIN = 5 * 1024 * 1024
_COLUMNS = "number, version, size, etag, modified, checksums"


Wanted = tuple[int, str, dict[str, str]]
"""A part that the completing request names: number, ETag, checksums."""


def create(change: index.Change, upload: Upload) -> None:
    """Start an upload."""
    change.db.execute(
        "INSERT INTO uploads VALUES (?, ?, ?, ?, ?)",
        (upload.id, upload.bucket, upload.key.encode(), upload.started, index.dump(upload.headers)),
    )


def find(db: sqlite3.Connection, bucket: str, key: str, upload_id: str) -> Upload:
    """Give an upload, or refuse."""
    row = db.execute(
        "SELECT id, bucket, key, started, headers FROM uploads WHERE id = ?", (upload_id,)
    ).fetchone()
    if row is None or row[1] != bucket or row[2] != key.encode():
        raise S3Error(
            Code.NoSuchUpload, "The upload id is not one of this key; it may be completed, aborted."
        )
    return _upload(row)


def put_part(change: index.Change, upload: Upload, content: Content, part: Part) -> Part:
    """Keep a part; one of the same number before it is forgotten."""
    find(change.db, upload.bucket, upload.key, upload.id)
    return _write_part(change, upload.id, part._replace(version=change.add_content(content)))


def put_part_copy(
    change: index.Change, upload: Upload, segments: list[Segment], part: Part
) -> Part:
    """Keep a part that shares the pieces of another object."""
    find(change.db, upload.bucket, upload.key, upload.id)
    return _write_part(change, upload.id, part._replace(version=change.add_segments(segments)))


def _write_part(change: index.Change, upload_id: str, part: Part) -> Part:
    previous = change.db.execute(
        "SELECT version FROM parts WHERE upload = ? AND number = ?", (upload_id, part.number)
    ).fetchone()
    change.db.execute(
        "REPLACE INTO parts VALUES (?, ?, ?, ?, ?, ?, ?)",
        (upload_id, *part[:5], orjson.dumps(part.checksums).decode()),
    )
    if previous is not None:
        change.drop_version(previous[0])
    return part


def parts(db: sqlite3.Connection, upload_id: str, after: int, limit: int) -> list[Part]:
    """Give up to `limit` parts after a number, in order."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM parts WHERE upload = ? AND number > ? ORDER BY number LIMIT ?",
        (upload_id, after, limit),
    )
    return [Part(*row)._replace(checksums=orjson.loads(row[5])) for row in rows]


def complete(
    change: index.Change,
    upload: Upload,
    wanted: list[Wanted],
    announced: Mapping[str, str],
    condition: Condition,
    now: Instant,
) -> Stored:
    """Make an object of the named parts; the others are forgotten.

    `announced` holds checksums that the client expects of the whole.
    """
    find(change.db, upload.bucket, upload.key, upload.id)
    index.check(condition, index.find(change.db, upload.bucket, upload.key))
    chosen = _chosen(parts(change.db, upload.id, 0, -1), wanted)
    checksums = _whole(chosen, announced)
    pieces = [piece for part in chosen for piece in index.segments_of(change.db, part.version)]
    version = change.add_segments(pieces)
    stored = Stored(
        upload.key,
        version,
        sum(part.size for part in chosen),
        combined_etag([part.etag for part in chosen]),
        now,
        upload.headers + checksums,
    )
    change.write_object(upload.bucket, stored)
    abort(change, upload)
    return stored


def abort(change: index.Change, upload: Upload) -> None:
    """Forget an upload and its parts."""
    find(change.db, upload.bucket, upload.key, upload.id)
    for part in parts(change.db, upload.id, 0, -1):
        change.drop_version(part.version)
    change.db.execute("DELETE FROM parts WHERE upload = ?", (upload.id,))
    change.db.execute("DELETE FROM uploads WHERE id = ?", (upload.id,))


def listing(
    db: sqlite3.Connection, bucket: str, prefix: str, after: tuple[str, str], limit: int
) -> list[Upload]:
    """Give up to `limit` uploads after (key, id), ordered by key and id."""
    first = prefix.encode()
    rows = db.execute(
        "SELECT id, bucket, key, started, headers FROM uploads WHERE bucket = ?"
        " AND (key, id) > (?, ?) AND key >= ? AND substr(key, 1, ?) = ?"
        " ORDER BY key, id LIMIT ?",
        (bucket, after[0].encode(), after[1], first, len(first), first, limit),
    )
    return [_upload(row) for row in rows]


def combined_etag(etags: list[str]) -> str:
    """Give the ETag of an object in parts: MD5 of their MD5s, dash, their number."""
    joined = b"".join(binascii.unhexlify(etag.split("-")[0]) for etag in etags)
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(etags)}"


def _whole(chosen: list[Part], announced: Mapping[str, str]) -> Headers:
    found = whole([(part.checksums, part.size) for part in chosen])
    for name, expected in announced.items():
        if found.get(name, expected) != expected:
            raise S3Error(
                Code.BadDigest,
                f"The {name} of the parts together is {found[name]}, not {expected}.",
            )
    return [(PREFIX + name, value) for name, value in found.items()]


def _chosen(have: list[Part], wanted: list[Wanted]) -> list[Part]:
    numbers = [number for number, _, _ in wanted]
    if numbers != sorted(set(numbers)):
        raise S3Error(Code.InvalidPartOrder, "The parts must be named once each, in order.")
    by_number = {part.number: part for part in have}
    chosen = []
    for number, etag, checksums in wanted:
        part = by_number.get(number)
        if part is None or part.etag != etag:
            raise S3Error(
                Code.InvalidPart, f"Part {number} was not uploaded with the ETag {etag!r}."
            )
        if any(part.checksums.get(name, value) != value for name, value in checksums.items()):
            raise S3Error(Code.InvalidPart, f"Part {number} was uploaded with another checksum.")
        chosen.append(part)
    for part in chosen[:-1]:
        if part.size < PART_BYTES_MIN:
            raise S3Error(
                Code.EntityTooSmall,
                f"Part {part.number} has {part.size} bytes; all but the last need "
                f"{PART_BYTES_MIN}.",
            )
    return chosen


def _upload(row: tuple[Any, ...]) -> Upload:
    return Upload(row[0], row[1], row[2].decode(), row[3], index.load(row[4]))
