"""What a vendor agreed to, and from when an edit of its offer counts for contracts already made.

    the offer at the match --edited--> the offer now
    binds for the notice agreed        binds from then on

A contract with a reclaim notice carries what its offer stated when it was made. What an edit makes
worse for the consumer (a higher price, closed hours, a shorter longest run) counts from the first
slot that begins after the notice; what it makes better counts at once. Next: `rolling.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from busbar.market.calendar import Calendar, Piece, parse_calendar
from busbar.model.choosiness import read_refuses
from busbar.model.errors import InvalidField
from busbar.model.money import parse_euro
from busbar.model.objects import spec_of, status_of
from busbar.model.time import Instant

REMEMBERED_MAX = 16
"""How many versions of its terms an Offer remembers; a vendor who edits more often is held to
older ones for longer."""


class Terms(NamedTuple):
    """What a contract is extended by: whose offer, its calendar, and for how long it runs work."""

    vendor: str
    calendar: Calendar
    longest_ms: int | None = None


def stated(spec: Mapping[str, Any], since: Instant) -> dict[str, Any]:
    """Give what an Offer's spec says about extensions, as it is kept in objects.

    `since` is when it was first seen, milliseconds since the epoch.
    """
    refuses = spec.get("refuses")
    found = {
        "sinceMs": since,
        "vendor": spec.get("vendor"),
        "pricePerDTU": spec.get("pricePerDTU"),
        "calendar": spec.get("calendar"),
        "longerThan": refuses.get("longerThan") if isinstance(refuses, Mapping) else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def remembered(offer: Mapping[str, Any], now: Instant) -> list[dict[str, Any]]:
    """Give what an Offer remembers of its terms, oldest first, with those that it has now.

    Where there are too many, one goes that was replaced soonest, never the first or the last: who
    was made under it is held to the one before.
    """
    known = [dict(entry) for entry in status_of(offer).get("terms") or ()]
    latest = stated(spec_of(offer), known[-1]["sinceMs"] if known else now)
    if known and known[-1] == latest:
        return known
    known.append({**latest, "sinceMs": now})
    while len(known) > REMEMBERED_MAX:
        stood = [known[i + 1]["sinceMs"] - known[i]["sinceMs"] for i in range(len(known) - 1)]
        del known[min(range(1, len(stood)), key=stood.__getitem__)]
    return known


def binding(
    agreed: Mapping[str, Any] | None,
    offer: Mapping[str, Any],
    notice_ms: int,
    not_before: Instant,
    at: Instant,
) -> Terms | None:
    """Give the terms that bind a vendor for a slot that begins `at`; None: only those of now.

    `agreed` is what the contract carries, `offer` the Offer as it is. An edit binds once the
    notice has passed since it was first seen, and not `not_before`, the end of the minimum term.
    """
    if agreed is None or not notice_ms:
        return None
    seen = status_of(offer).get("terms") or ()
    later = [entry for entry in seen if entry["sinceMs"] > agreed["sinceMs"]]
    due = [e for e in later if max(e["sinceMs"] + notice_ms, not_before) <= at]
    return _read(due[-1] if due else agreed)


def _read(entry: Mapping[str, Any]) -> Terms | None:
    try:
        price = parse_euro(entry.get("pricePerDTU"), "pricePerDTU")
        calendar = parse_calendar(price, entry.get("calendar"), "calendar")
        longest = read_refuses({"longerThan": entry.get("longerThan")}, "").longer_than_ms
    except InvalidField:
        return None
    return Terms(str(entry.get("vendor") or ""), calendar, longest)


def better(calendars: Iterable[Calendar], start: Instant, end: Instant) -> list[Piece]:
    """Give the lowest ask of some calendars at each instant of [start, end), as pieces."""
    found = [calendar.pieces(start, end) for calendar in calendars]
    cuts = sorted({piece.start for pieces in found for piece in pieces})
    asks = []
    for cut in cuts:
        there = (p.ask for pieces in found for p in pieces if p.start <= cut < p.end)
        asks.append(min((ask for ask in there if ask is not None), default=None))
    return [Piece(*piece) for piece in zip(cuts, [*cuts[1:], end], asks, strict=True)]


def longer(terms: Iterable[int | None]) -> int | None:
    """Give the longest run that any of these allows; None: as long as it takes."""
    found = list(terms)
    return None if None in found else max(ms for ms in found if ms is not None)
