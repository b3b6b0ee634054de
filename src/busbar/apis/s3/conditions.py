"""Conditional requests and ranges, as RFC 9110 orders them. Next: `metadata.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache
from typing import NamedTuple

from busbar.apis.s3.errors import Code, S3Error
from busbar.apis.s3.storage.records import Condition, Stored
from busbar.model.time import SECOND, Instant

_RANGE = re.compile(r"\Abytes=(\d*)-(\d*)\Z")


_CONDITIONS = frozenset(("if-match", "if-none-match", "if-modified-since", "if-unmodified-since"))


class Span(NamedTuple):
    """A range of a body; `partial` if the client asked for one."""

    start: int
    length: int
    partial: bool


def http_date(at: Instant) -> str:
    """Write an instant as headers have it."""
    return _second_date(at // SECOND)


def check_read(headers: Mapping[str, str], stored: Stored, prefix: str = "") -> None:
    """Refuse a read whose condition does not hold; 304 where the client's copy is current."""
    # Copies name the same conditions x-amz-copy-source-if-..., and know no 304.
    not_modified = Code.PreconditionFailed if prefix else Code.NotModified
    if not _CONDITIONS.isdisjoint(headers) or prefix:
        _check(headers, stored, prefix, not_modified)


def _check(headers: Mapping[str, str], stored: Stored, prefix: str, not_modified: Code) -> None:
    validators = (("ETag", f'"{stored.etag}"'), ("Last-Modified", http_date(stored.modified)))
    second = stored.modified // SECOND
    match, since = headers.get(f"{prefix}if-match"), headers.get(f"{prefix}if-unmodified-since")
    if match is not None:
        if not _matches(match, stored.etag):
            raise S3Error(Code.PreconditionFailed, "If-Match does not hold: the ETag differs.")
    elif since is not None and (limit := _second(since)) is not None and second > limit:
        raise S3Error(Code.PreconditionFailed, "If-Unmodified-Since does not hold.")
    none, after = headers.get(f"{prefix}if-none-match"), headers.get(f"{prefix}if-modified-since")
    if none is not None:
        if _matches(none, stored.etag):
            raise S3Error(
                not_modified, "If-None-Match does not hold: the ETag is the same.", validators
            )
    elif after is not None and (limit := _second(after)) is not None and second <= limit:
        raise S3Error(not_modified, "If-Modified-Since does not hold.", validators)


def write_condition(headers: Mapping[str, str]) -> Condition:
    """Read the condition of a write."""
    match, none = headers.get("if-match"), headers.get("if-none-match")
    if none is not None and none != "*":
        raise S3Error(Code.NotImplemented, "If-None-Match on a write can only be *.")
    return Condition(_bare(match) if match is not None else None, none)


def span(header: str | None, size: int) -> Span:
    """Read the Range header. What is not one range of bytes is ignored, as RFC 9110 allows."""
    match = _RANGE.match(header.strip()) if header and len(header) < 64 else None
    if match is None or match.groups() == ("", ""):
        return Span(0, size, False)
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
        if last and int(last) < int(first):
            return Span(0, size, False)
    if start >= end:
        raise S3Error(
            Code.InvalidRange,
            f"The range lies outside the object, which has {size} bytes.",
            (("Content-Range", f"bytes */{size}"),),
        )
    return Span(start, end - start, True)


def copy_span(header: str, size: int) -> Span:
    """Read x-amz-copy-source-range, which must be a full range inside the source."""
    match = _RANGE.match(header.strip()) if len(header) < 64 else None
    if match is None or not match[1] or not match[2] or int(match[2]) < int(match[1]):
        raise S3Error(
            Code.InvalidArgument, "x-amz-copy-source-range must be bytes=first-last, both given."
        )
    if int(match[2]) >= size:
        raise S3Error(
            Code.InvalidRange, f"x-amz-copy-source-range ends outside the source's {size} bytes."
        )
    return Span(int(match[1]), int(match[2]) - int(match[1]) + 1, True)


@lru_cache(maxsize=4096)
def _second_date(second: int) -> str:
    return formatdate(second, usegmt=True)


def _matches(header: str, etag: str) -> bool:
    return any(_bare(item) in ("*", etag) for item in header.split(","))


def _bare(etag: str) -> str:
    return etag.strip().removeprefix("W/").strip('"')


def _second(date: str) -> int | None:
    try:
        return int(parsedate_to_datetime(date).timestamp())
    except (ValueError, TypeError, OverflowError):
        return None
