"""What the storage hands in and out. Next: `schema.py`."""

from __future__ import annotations

from typing import NamedTuple

from busbar.model.time import Instant

Headers = list[tuple[str, str]]
"""What GET answers beside size, ETag and time: content type, user metadata, checksums."""


class Content(NamedTuple):
    """A body that has arrived: in memory if small, else in the file `blob`, synced."""

    size: int
    etag: str
    body: bytes | None = None
    blob: str | None = None


class Stored(NamedTuple):
    """An object as the index has it. `version` is never reused while it is readable."""

    key: str
    version: int
    size: int
    etag: str
    modified: Instant
    headers: Headers


class Segment(NamedTuple):
    """A piece of an object: `length` bytes in memory, or of a file from `start`."""

    length: int
    body: bytes | None
    blob: str | None
    start: int


class Upload(NamedTuple):
    """A multipart upload that has been started."""

    id: str
    bucket: str
    key: str
    started: Instant
    headers: Headers


class Part(NamedTuple):
    """An uploaded part. `checksums` maps algorithm to base64."""

    number: int
    version: int
    size: int
    etag: str
    modified: Instant
    checksums: dict[str, str]


class Listing(NamedTuple):
    """One page. `next` is the last entry given if there are more, else None."""

    objects: list[Stored]
    prefixes: list[str]
    next: str | None


class Condition(NamedTuple):
    """What must hold of the present object for a write. ETags without quotes, `*` for any."""

    if_match: str | None = None
    if_none_match: str | None = None


ALWAYS = Condition()
