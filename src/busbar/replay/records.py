"""Records as an exchange serves them: unpacked, and each pinned by the one that follows.

Next: `assembly.py`, which makes a book of them.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from typing import Any, NamedTuple

Json = dict[str, Any]
FORMAT = 1
TABLES = ("offers", "nodes", "vendors", "holdings", "commitments")
_GZIP = 31


class Unsound(Exception):
    """A record, or a chain of them, is not what an honest exchange publishes: one sentence."""


class Link(NamedTuple):
    """Which record one means: its name and its SHA-256."""

    name: str
    digest: str


class Record(NamedTuple):
    """A record that was read: the batch, and what it says of the book."""

    link: Link
    previous: Link | None
    """The record before; None where a chain begins."""
    since: str | None
    """Where to begin to know the whole book here; None where later records have to tell."""
    clearing: Json
    book: Json


def read_record(name: str, packed: bytes) -> Record:
    """Read a record under the name by which it was asked for; raises `Unsound`."""
    return record_of(name, _unpacked(name, packed))


def record_of(name: str, body: bytes) -> Record:
    """Read a record that is unpacked."""
    try:
        said = json.loads(body)
        if said["format"] != FORMAT:
            raise Unsound(f"{name} has format {said['format']!r}; only {FORMAT} is known here")
        if said["name"] != name:
            raise Unsound(f"what is served as {name} is the record of {said['name']!r}")
        before = said["previous"]
        previous = None if before is None else Link(str(before["name"]), str(before["digest"]))
        book = {table: dict(said["book"][table]) for table in TABLES}
        link = Link(name, hashlib.sha256(body).hexdigest())
        return Record(link, previous, said["since"], dict(said["clearing"]), book)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise Unsound(f"{name} is not a record ({type(error).__name__}: {error})") from None


def _unpacked(name: str, packed: bytes) -> bytes:
    unpacker = zlib.decompressobj(_GZIP)
    try:
        body = unpacker.decompress(packed)
    except zlib.error as error:
        raise Unsound(f"the record {name} cannot be unpacked: {error}") from None
    if not unpacker.eof:
        raise Unsound(f"the record {name} cannot be unpacked: it is not whole")
    return body
