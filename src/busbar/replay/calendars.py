"""What a published calendar asks, found by looking at every minute. Next: `clearing.py`."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from busbar.model.time import MINUTE

Json = dict[str, Any]


def ask_at(calendar: Json, at: int) -> int | None:
    """Give the ask at an instant: exceptions, then rules, then the base price."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)
    wall = moment.astimezone(ZoneInfo(calendar["zone"]))
    minute = wall.hour * 60 + wall.minute
    today = wall.date()
    yesterday = today - timedelta(days=1)
    for entries, day_of in _LISTS:
        for entry in calendar[entries]:
            first, last, days = entry["start"], entry["end"], entry["days"]
            if first < last:
                holds = day_of(today) in days and first <= minute < last
            else:
                evening = day_of(today) in days and minute >= first
                morning = day_of(yesterday) in days and minute < last
                holds = evening or morning
            if holds:
                return _price(entry["priceNano"])
    return _price(calendar["baseNano"])


_LISTS: tuple[tuple[str, Callable[[date], int]], ...] = (
    ("exceptions", date.toordinal),
    ("rules", date.weekday),
)


def _price(value: object) -> int | None:
    assert value is None or isinstance(value, int)
    return value


def changes(calendar: Json, start: int, end: int) -> frozenset[int]:
    """Give the instants in (start, end) at which the ask changes."""
    return _changes(json.dumps(calendar), start, end)


@lru_cache(maxsize=1000)
def _changes(text: str, start: int, end: int) -> frozenset[int]:
    calendar = json.loads(text)
    if not calendar["rules"] and not calendar["exceptions"]:
        return frozenset()
    found = set()
    before = ask_at(calendar, start)
    at = start - start % MINUTE + MINUTE
    while at < end:
        now = ask_at(calendar, at)
        if now != before:
            found.add(at)
        before = now
        at += MINUTE
    return frozenset(found)
