"""Cheaper places and hours: the same order cleared again, elsewhere, later.

Nothing is estimated: each answer is the outcome of the published rule for the order with one thing
about it changed, alone against the book as it stands. What is saved is said for the same work: the
difference of the prices per DTU times what the workload draws, so a faster machine is not taken
for a dearer one. Next: `unsold.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from typing import NamedTuple

from busbar.market.book import Book
from busbar.market.clearing import clear
from busbar.market.orders import Order
from busbar.market.outcome import Match
from busbar.model.dtu import amount
from busbar.model.time import HOUR, Instant

SAVING_PERCENT_MIN = 10
SAVING_NANO_MIN = 100_000
"""A ten-thousandth of a euro: less is not worth reading."""
LATER_HOURS = (1, 2, 4, 8, 12, 24)


class Change(StrEnum):
    """What of an order was changed. A closed list."""

    NOTHING = "nothing"
    REGION = "region"
    VENDOR = "vendor"
    BOTH = "region and vendor"


class Place(NamedTuple):
    """A cheaper place, and what had to change for it."""

    change: Change
    match: Match
    saving_nano_per_hour: int


class Later(NamedTuple):
    """A later deadline, and what the whole term then costs."""

    hours: int
    deadline: Instant
    match: Match
    saving_nano: int


def cheaper_place(
    book: Book, order: Order, price_nano: int, draw_micro: int, now: Instant
) -> Place | None:
    """Give where an order that pays a price would pay clearly less; the least change first.

    A larger change is only named where it saves as much again as the smaller one.
    """
    best: Place | None = None
    for change, asked in _variants(order, now):
        match = _match(book, asked, now)
        if match is None or (order.requests.gpus and match.draw_micro > draw_micro):
            # GPUs of a heavier class would do the same for less, but only to who has more to do.
            continue
        # Data that would have to move there is paid for in the first hour.
        saving = amount(price_nano - match.highest_nano, draw_micro, HOUR) - match.moving_nano
        if not is_worth(saving, amount(price_nano, draw_micro, HOUR)):
            continue
        if best is None or saving >= 2 * best.saving_nano_per_hour:
            best = Place(change, match, saving)
    return best


def _variants(order: Order, now: Instant) -> Iterable[tuple[Change, Order]]:
    asked = replace(
        order, earliest=now, may_wait=False, deadline=None, duration=HOUR, avoid=frozenset()
    )
    yield Change.NOTHING, asked
    eligibility = order.eligibility
    if eligibility.regions:
        anywhere = eligibility._replace(regions=())
        yield Change.REGION, replace(asked, eligibility=anywhere)
    if eligibility.vendors:
        anybody = eligibility._replace(vendors=())
        yield Change.VENDOR, replace(asked, eligibility=anybody)
    if eligibility.regions and eligibility.vendors:
        free = eligibility._replace(regions=(), vendors=())
        yield Change.BOTH, replace(asked, eligibility=free)


def cheaper_hour(
    book: Book, order: Order, cost_nano: int, length_ms: int, now: Instant
) -> Later | None:
    """Give the cheapest start within a day for work that now runs at once, if it saves clearly."""
    deadline = now + max(24 * HOUR, 2 * length_ms)
    earliest = max(now, order.earliest)
    asked = replace(order, earliest=earliest, may_wait=True, duration=length_ms, avoid=frozenset())
    asked = replace(asked, deadline=deadline)
    return _cheaper(book, asked, cost_nano, 24, deadline, now)


def later_deadline(book: Book, order: Order, cost_nano: int, now: Instant) -> tuple[Later, ...]:
    """Give what an order that waits would save with its deadline some hours later."""
    if order.deadline is None or not order.may_wait:
        return ()
    found: list[Later] = []
    for hours in LATER_HOURS:
        deadline = order.deadline + hours * HOUR
        asked = replace(order, deadline=deadline, avoid=frozenset())
        later = _cheaper(book, asked, cost_nano, hours, deadline, now)
        if later is not None and (not found or later.saving_nano > found[-1].saving_nano):
            found.append(later)
    return tuple(found)


def worthwhile(found: tuple[Later, ...]) -> Later | None:
    """Choose the earliest deadline that saves at least four fifths of the most."""
    most = max((later.saving_nano for later in found), default=0)
    return next((later for later in found if later.saving_nano * 5 >= most * 4), None)


def _cheaper(
    book: Book, asked: Order, cost_nano: int, hours: int, deadline: Instant, now: Instant
) -> Later | None:
    match = _match(book, asked, now)
    if match is None:
        return None
    saving = cost_nano - match.hold_nano
    return Later(hours, deadline, match, saving) if is_worth(saving, cost_nano) else None


def is_worth(saving: int, cost: int) -> bool:
    """Say whether a saving is worth a sentence."""
    return saving >= SAVING_NANO_MIN and saving * 100 >= cost * SAVING_PERCENT_MIN


def _match(book: Book, order: Order, now: Instant) -> Match | None:
    found = clear(book, [order], now)
    return found.matches[0] if found.matches else None
