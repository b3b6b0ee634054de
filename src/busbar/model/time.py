"""Time as the whole project tells it: integer milliseconds since 1970, UTC.

Clocks live in server and agent; everywhere else `now` is an argument. Next: `dtu.py`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from busbar.model.errors import InvalidField

Instant = int
"""Milliseconds since 1970-01-01T00:00:00Z."""

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RFC3339 = re.compile(
    r"\A\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)\Z",
    re.ASCII,
)
_DURATION = re.compile(
    r"\A(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9})s)?\Z", re.ASCII
)


class Slot(NamedTuple):
    """A traded hour [start, end), UTC."""

    start: Instant
    end: Instant


def slot_of(at: Instant) -> Slot:
    """Give the hour that holds an instant."""
    start = at - at % HOUR
    return Slot(start, start + HOUR)


def parse_instant(value: object, path: str) -> Instant:
    """Read an RFC 3339 time with its zone; `InvalidField` otherwise."""
    if not isinstance(value, str) or len(value) > 40 or not _RFC3339.match(value):
        raise InvalidField(path, "must be a time such as 2027-03-25T08:25:58Z")
    try:
        return _read_instant(value)
    except (ValueError, OverflowError):
        raise InvalidField(path, f"{value!r} is not a day and time of the calendar") from None


@lru_cache(maxsize=1024)
def _read_instant(text: str) -> Instant:
    """Read it once: what was created in the same second says so in the same words."""
    moment = datetime.fromisoformat(text.upper().replace("Z", "+00:00")).astimezone(UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def format_instant(at: Instant) -> str:
    """Write an instant as Kubernetes' metav1.Time: whole seconds, RFC 3339, UTC."""
    return _format_second(at // SECOND)


@lru_cache(maxsize=256)
def _format_second(second: int) -> str:
    return to_datetime(second * SECOND).isoformat(timespec="seconds")[:19] + "Z"


def format_micro_time(at: Instant) -> str:
    """Write an instant as Kubernetes' metav1.MicroTime (leases, events)."""
    return to_datetime(at).isoformat(timespec="microseconds")[:26] + "Z"


def to_datetime(at: Instant) -> datetime:
    """Give an aware UTC datetime."""
    return _EPOCH + timedelta(milliseconds=at)


def parse_duration(value: object, path: str) -> int:
    """Read a duration such as `90s`, `30m`, `1h30m` or `2d`; gives milliseconds."""
    match = _DURATION.match(value) if isinstance(value, str) and value else None
    if match is None:
        raise InvalidField(path, "must be a duration such as 90s, 30m or 1h30m")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return days * DAY + hours * HOUR + minutes * MINUTE + seconds * SECOND


def format_duration(ms: int) -> str:
    """Write milliseconds as `1h30m`, `45s`, `0s`."""
    left, parts = max(0, ms) // SECOND, []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
