"""Given hours: a calendar that says when a service runs, as an offer's says when it sells.

Wall-clock time of a time zone, so that a service which opens at eight opens at eight, also where
clocks are put forward or back. Next: `moves.py`.
"""

from __future__ import annotations

from dataclasses import replace

from busbar.market.calendar import Calendar, parse_calendar
from busbar.model.hours import read_hours
from busbar.model.time import DAY, HOUR, Instant

_LOOK_MS = 8 * DAY
"""How far the next change is looked for; where there is none, it is looked for again then."""


def parse_hours(text: object, path: str) -> Calendar:
    """Read given hours: open where a rule says so, closed outside of all rules."""
    return replace(parse_calendar(0, read_hours(text, path), path), base_nano=None)


def is_wanted(hours: Calendar, now: Instant, ahead_ms: int) -> bool:
    """Say whether a service is to run: it is open, or opens within `ahead_ms`."""
    return any(piece.ask is not None for piece in hours.pieces(now, now + ahead_ms + 1))


def next_change(hours: Calendar, now: Instant, ahead_ms: int) -> Instant:
    """Give when a service starts or ends to be wanted; later than `now`.

    A gap shorter than `ahead_ms` is none: the Pods that it would end are wanted again at once.
    """
    wanted, last_open = is_wanted(hours, now, ahead_ms), now
    for hour in range(now - now % HOUR, now + _LOOK_MS, HOUR):
        for piece in hours.pieces(max(hour, now), hour + HOUR):
            if piece.ask is None:
                if wanted and piece.end - last_open > ahead_ms and last_open > now:
                    return last_open
                continue
            if not wanted:
                return max(now + 1, piece.start - ahead_ms)
            if piece.start - last_open > ahead_ms and last_open > now:
                return last_open
            last_open = piece.end
    return now + _LOOK_MS
