"""What an offer asks at each instant: its price calendar, compiled.

A calendar is written in wall-clock time of one time zone, so an instant is always turned into
wall-clock time, never the other way round: that direction has one answer also where the clock is
put back (02:30 happens twice, both get the rule of 02:30) or forward (02:30 never happens). Where
the answer changes inside a UTC slot, the slot is split; nobody pays an hour at a price that held
for half of it. Next: `offers.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from busbar.model.errors import InvalidField
from busbar.model.money import parse_euro
from busbar.model.time import DAY, HOUR, MINUTE, SECOND, Instant, to_datetime

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY_MINUTES = 24 * 60

_CLOCK = re.compile(r"\A(?:([01]\d|2[0-3]):([0-5]\d)|24:00)\Z", re.ASCII)
_DATE = re.compile(r"\A\d{4}-\d\d-\d\d\Z", re.ASCII)
_ZONE_NAME = re.compile(r"\A[A-Za-z0-9_+-]{1,32}(?:/[A-Za-z0-9_+-]{1,32}){0,3}\Z")


class Segment(NamedTuple):
    """An interval [start, end) inside one UTC slot with one price, in nano-euro per DTU."""

    start: Instant
    end: Instant
    price_nano: int


class Piece(NamedTuple):
    """An interval [start, end) inside one UTC slot with one ask; None: closed."""

    start: Instant
    end: Instant
    ask: int | None


@dataclass(frozen=True, slots=True)
class Rule:
    """Wall-clock minutes [start, end) of some days at a price; None: no capacity then.

    `end` at or before `start` runs over midnight. `days` are weekdays (0 is Monday) for a rule,
    the ordinal of one date for an exception: always the day on which it begins.
    """

    days: frozenset[int]
    start: int
    end: int
    price_nano: int | None

    def holds(self, today: int, yesterday: int, minute: int) -> bool:
        """Say whether it holds at a minute of a day."""
        if self.start < self.end:
            return today in self.days and self.start <= minute < self.end
        return (today in self.days and minute >= self.start) or (
            yesterday in self.days and minute < self.end
        )


@dataclass(frozen=True, slots=True)
class Calendar:
    """An offer's asks over time: exceptions first, then rules, then the base price.

    Within each list the first that holds wins. Compare and hash by value: rows of one offer share
    one calendar.
    """

    base_nano: int | None
    zone: str = "UTC"
    rules: tuple[Rule, ...] = ()
    exceptions: tuple[Rule, ...] = ()

    def ask_at(self, at: Instant) -> int | None:
        """Give the price at an instant, nano-euro per DTU; None where there is no capacity."""
        if not self.rules and not self.exceptions:
            return self.base_nano
        local = to_datetime(at).astimezone(time_zone(self.zone))
        minute = local.hour * 60 + local.minute
        ordinal, weekday = local.toordinal(), local.weekday()
        for rule in self.exceptions:
            if rule.holds(ordinal, ordinal - 1, minute):
                return rule.price_nano
        for rule in self.rules:
            if rule.holds(weekday, (weekday - 1) % 7, minute):
                return rule.price_nano
        return self.base_nano

    def pieces(self, start: Instant, end: Instant) -> list[Piece]:
        """Give what [start, end) asks, split at UTC hours and wherever the ask changes."""
        found = []
        for hour in range(start - start % HOUR, end, HOUR):
            for piece in _pieces_of_hour(self, hour):
                left, right = max(piece.start, start), min(piece.end, end)
                if left < right:
                    found.append(Piece(left, right, piece.ask))
        return found

    def segments(self, start: Instant, end: Instant) -> tuple[Segment, ...] | None:
        """Give the pieces as segments of a contract; None if any of the time is closed.

        >>> Calendar(7).segments(HOUR - 1, HOUR + 1)
        (Segment(start=3599999, end=3600000, price_nano=7), Segment(start=3600000, end=3600001, \
price_nano=7))
        """
        found = []
        for piece in self.pieces(start, end):
            if piece.ask is None:
                return None
            found.append(Segment(piece.start, piece.end, piece.ask))
        return tuple(found)


@lru_cache(maxsize=1 << 14)
def _pieces_of_hour(calendar: Calendar, hour: Instant) -> tuple[Piece, ...]:
    """Split one UTC hour where the ask changes. Cached: every batch asks for the same hours."""
    end = hour + HOUR
    if not calendar.rules and not calendar.exceptions:
        return (Piece(hour, end, calendar.base_nano),)
    cuts = [hour]
    asks = [calendar.ask_at(hour)]
    for at in sorted(set(_candidates(calendar, hour, end))):
        if (ask := calendar.ask_at(at)) != asks[-1]:
            cuts.append(at)
            asks.append(ask)
    return tuple(map(Piece, cuts, [*cuts[1:], end], asks))


def _candidates(calendar: Calendar, start: Instant, end: Instant) -> Iterator[Instant]:
    """Give every instant in (start, end) at which the wall clock jumps or meets a rule's edge."""
    edges = {0}
    for rule in (*calendar.rules, *calendar.exceptions):
        edges |= {rule.start * MINUTE, rule.end * MINUTE % DAY}
    zone = time_zone(calendar.zone)
    for left, right in _stretches(zone, start, end):
        if left > start:
            yield left
        local = to_datetime(left).astimezone(zone)
        since_midnight = (local.hour * 60 + local.minute) * MINUTE + local.second * SECOND
        for edge in edges:
            at = left + (edge - since_midnight) % DAY
            if left < at < right:
                yield at


def _stretches(zone: ZoneInfo, start: Instant, end: Instant) -> Iterator[tuple[Instant, Instant]]:
    """Split an hour where the zone's clock is put forward or back, found by halving."""
    before = _offset(zone, start)
    if _offset(zone, end - SECOND) == before:
        yield start, end
        return
    low, high = start, end - SECOND
    while high - low > SECOND:
        middle = (low + high) // (2 * SECOND) * SECOND
        low, high = (middle, high) if _offset(zone, middle) == before else (low, middle)
    yield start, high
    yield high, end


def _offset(zone: ZoneInfo, at: Instant) -> timedelta | None:
    return to_datetime(at).astimezone(zone).utcoffset()


@lru_cache(maxsize=1024)
def time_zone(name: str) -> ZoneInfo:
    """Give an IANA time zone; KeyError or ValueError where there is none of that name."""
    if not _ZONE_NAME.match(name):
        raise KeyError(name)
    return ZoneInfo(name)


def parse_calendar(base_nano: int | None, value: object, path: str) -> Calendar:
    """Compile an offer's `calendar`; InvalidField names what is wrong in it."""
    if value is None:
        return Calendar(base_nano)
    calendar = _mapping(value, path)
    zone = calendar.get("timeZone", "UTC")
    try:
        time_zone(zone if isinstance(zone, str) else "")
    except (KeyError, ValueError, OSError):
        raise InvalidField(
            f"{path}.timeZone", "is not an IANA time zone; write one such as Europe/Stockholm"
        ) from None
    return Calendar(
        base_nano,
        zone,
        tuple(_rules(calendar, "rules", path, base_nano)),
        tuple(_rules(calendar, "exceptions", path, base_nano)),
    )


def _rules(calendar: Mapping[str, Any], field: str, path: str, base: int | None) -> Iterator[Rule]:
    entries = calendar.get(field) or []
    if not isinstance(entries, list) or len(entries) > 1000:
        raise InvalidField(f"{path}.{field}", "must be a list of at most 1000 entries")
    for i, entry in enumerate(entries):
        where = f"{path}.{field}[{i}]"
        days = _weekdays if field == "rules" else _date
        yield _rule(_mapping(entry, where), where, days(entry, where), base)


def _rule(entry: Mapping[str, Any], path: str, days: frozenset[int], base: int | None) -> Rule:
    start = _minute(entry.get("from", "00:00"), f"{path}.from")
    end = _minute(entry.get("until", "24:00"), f"{path}.until")
    if start == DAY_MINUTES:
        raise InvalidField(f"{path}.from", "24:00 is a day's end; write 00:00 of the next day")
    if start == end:
        raise InvalidField(
            f"{path}.until", "is the same as from; for a whole day write 00:00 until 24:00"
        )
    available = entry.get("available", True)
    if not isinstance(available, bool):
        raise InvalidField(f"{path}.available", "must be true or false")
    price = base
    if entry.get("pricePerDTU") is not None:
        price = parse_euro(entry["pricePerDTU"], f"{path}.pricePerDTU")
    return Rule(days, start, end, price if available else None)


def _weekdays(entry: Mapping[str, Any], path: str) -> frozenset[int]:
    names = entry.get("weekdays") or list(WEEKDAYS)
    if not isinstance(names, list) or any(name not in WEEKDAYS for name in names):
        raise InvalidField(f"{path}.weekdays", f"must be a list of {', '.join(WEEKDAYS)}")
    return frozenset(WEEKDAYS.index(name) for name in names)


def _date(entry: Mapping[str, Any], path: str) -> frozenset[int]:
    value = entry.get("date")
    try:
        if isinstance(value, str) and _DATE.match(value):
            return frozenset({date.fromisoformat(value).toordinal()})
    except ValueError:
        pass
    raise InvalidField(f"{path}.date", "must be a day of the calendar such as 2027-12-24")


def _minute(value: object, path: str) -> int:
    match = _CLOCK.match(value) if isinstance(value, str) else None
    if match is None:
        raise InvalidField(path, "must be a time of day such as 08:30, or 24:00 for a day's end")
    hour, minute = match.groups()
    return DAY_MINUTES if hour is None else int(hour) * 60 + int(minute)


def _mapping(value: object, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidField(path, "must be an object")
    return value
