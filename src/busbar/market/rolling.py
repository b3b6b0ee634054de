"""The next slot of a running contract: what it costs, or why there is none.

A contract rolls within its own offer, at the price the offer's calendar asks then: no clearing
takes part, so nobody else's order can push a running workload out. Slots already on the contract
are never touched. Where the contract has a notice, an edit of the offer that makes it worse counts
only when the notice is over (`agreed.py`). Controllers call this before the reserved term ends.
"""

from __future__ import annotations

from typing import NamedTuple

from busbar.market.agreed import better
from busbar.market.calendar import Calendar, Segment
from busbar.market.offers import Offer
from busbar.market.reasons import Reason
from busbar.model.money import format_euro
from busbar.model.time import Instant, format_instant, slot_of


class Rolled(NamedTuple):
    """The contract goes on for these segments, all of them in one slot."""

    segments: tuple[Segment, ...]


class NotRolled(NamedTuple):
    """The contract ends with its reserved term; a closed reason and one sentence."""

    reason: Reason
    message: str


def roll(
    offer: Offer | None,
    cap_nano: int,
    end: Instant,
    deadline: Instant | None,
    agreed: Calendar | None = None,
) -> Rolled | NotRolled:
    """Give the segments from the reserved term's `end` to the end of its slot, or why not.

    `offer` is the contract's offer as it is now, None where it was withdrawn; `agreed` the calendar
    that still binds its vendor, if any: of both, what is better for the consumer. Where the offer
    closes, or passes the cap, inside the slot, the segments stop there.
    """
    until = slot_of(end).end if deadline is None else min(slot_of(end).end, deadline)
    if until <= end:
        return NotRolled(Reason.EXPIRED, f"notAfter {format_instant(until)} is reached")
    if offer is None:
        return NotRolled(Reason.NOT_OFFERED, "the vendor has withdrawn the offer")
    calendars = (offer.calendar,) if agreed is None else (offer.calendar, agreed)
    return _prefix(offer, calendars, cap_nano, end, until)


def _prefix(
    offer: Offer, calendars: tuple[Calendar, ...], cap_nano: int, start: Instant, until: Instant
) -> Rolled | NotRolled:
    segments: list[Segment] = []
    for left, right, ask in better(calendars, start, until):
        if ask is None or ask > cap_nano:
            return Rolled(tuple(segments)) if segments else _refused(offer, ask, cap_nano, left)
        segments.append(Segment(left, right, ask))
    return Rolled(tuple(segments))


def _refused(offer: Offer, ask: int | None, cap_nano: int, at: Instant) -> NotRolled:
    when = format_instant(at)
    if ask is None:
        message = f"offer {offer.name!r} has no capacity from {when}"
        return NotRolled(Reason.OFFER_UNAVAILABLE, message)
    prices = f"{format_euro(ask)} €/DTU from {when}, above the cap of {format_euro(cap_nano)}"
    return NotRolled(Reason.PRICE_ABOVE_CAP, f"offer {offer.name!r} asks {prices} €/DTU")
