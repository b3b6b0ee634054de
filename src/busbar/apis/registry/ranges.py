"""The one form of HTTP range that clients of a registry use (RFC 9110, section 14.1.2)."""

from __future__ import annotations

import re

from busbar.apis.registry.errors import Code, DoorError

_ONE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


def parse_range(header: str | None, size: int) -> range | None:
    """Offsets to send; None for the whole, which is also a valid answer to several ranges."""
    match = _ONE.fullmatch(header.strip()) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
    if first and last and int(last) < int(first):
        return None
    if start >= end:
        raise DoorError(Code.RANGE_INVALID, f"The content has {size} bytes.")
    return range(start, end)
