"""Months, and their closing: a closed month takes no entries dated in it.

A closing is an entry of its own, without postings, in the chain like all others: what is closed
is sealed by its hash, and the store refuses what would be dated before it (`store/judge.py`). What
turns out later to have been wrong is corrected by an entry dated later that refers back. Next:
`corrections.py`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from busbar.ledger.entries import Entry, Kind
from busbar.model.errors import InvalidField
from busbar.model.time import DAY, Instant, to_datetime

_MONTH = re.compile(r"\A(\d{4})-(0[1-9]|1[0-2])\Z", re.ASCII)


class Period(NamedTuple):
    """Time [start, end); a calendar month, UTC, or what was asked for."""

    start: Instant
    end: Instant

    def holds(self, at: Instant) -> bool:
        """Say whether an instant lies in it."""
        return self.start <= at < self.end


def month_of(at: Instant) -> str:
    """Name the calendar month (UTC) that holds an instant: `2026-11`."""
    return _month_of_day(at // DAY)


@lru_cache(maxsize=512)
def _month_of_day(day: int) -> str:
    moment = to_datetime(day * DAY)
    return f"{moment.year:04}-{moment.month:02}"


def parse_month(text: str, path: str) -> Period:
    """Read a month such as `2026-11`; `InvalidField` otherwise."""
    match = _MONTH.match(text)
    if match is None or text[:4] in ("0000", "9999"):
        raise InvalidField(path, f"{text[:20]!r} is not a month; write it as 2026-11")
    year, month = int(match[1]), int(match[2])
    following = (year + 1, 1) if month == 12 else (year, month + 1)
    return Period(_first(year, month), _first(*following))


def month_holding(at: Instant) -> Period:
    """Give the calendar month (UTC) that holds an instant."""
    return parse_month(month_of(at), "at")


def _first(year: int, month: int) -> Instant:
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000


def closing_id(month: str) -> str:
    """Name the entry that closes a month."""
    return f"{_CLOSING}{month}"


_CLOSING = "close/"


def is_closing_id(id_: str) -> bool:
    """Say whether an entry of this id closes a month."""
    return id_.startswith(_CLOSING)


def close(month: str, at: Instant) -> Entry:
    """Close a month that has ended. Id: `close/<month>`, so that it is closed once."""
    if at < parse_month(month, "month").end:
        raise ValueError(f"{month} has not ended")
    return Entry(closing_id(month), Kind.CLOSE.value, at, (), f"month/{month}")


def closed_month(entry: Entry) -> str:
    """Give the month that a closing closes."""
    return entry.reference.removeprefix("month/")
