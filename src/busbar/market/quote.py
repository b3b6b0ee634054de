"""What an order would cost: now, and in each of the next 48 hours. Nothing is stored.

A quote is a clearing that does not take place: the same rule, the book as it stands, the order
alone in its batch. What else waits may take the place first; a quote is no promise, a contract is.
Next: `counterfactual.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from busbar.market.axis import FORWARD_SLOTS
from busbar.market.book import Book
from busbar.market.clearing import clear
from busbar.market.orders import DEFAULT_DURATION, Order
from busbar.market.outcome import Match, Refusal
from busbar.market.reasons import Reason
from busbar.model.money import MAX_NANO_EURO
from busbar.model.time import HOUR, Instant, format_instant, slot_of

ANY_PRICE = MAX_NANO_EURO
"""A cap above every ask."""


class Quote(NamedTuple):
    """One start. `cost_nano` None where nothing fits; then `reason` and `message` say why.

    `above_cap`: there is a place, but not within the order's cap.
    """

    start: Instant
    placed: int
    asked: int
    cost_nano: int | None = None
    low_nano: int = 0
    high_nano: int = 0
    places: tuple[tuple[str, str, str], ...] = ()
    """Vendor, zone and offer, each once."""
    above_cap: bool = False
    reason: Reason | None = None
    message: str = ""
    moving_nano: int = 0
    """What of the cost is for moving data."""
    matches: tuple[Match, ...] = ()
    """The places themselves, pieces included."""

    @property
    def is_whole(self) -> bool:
        """Say whether every copy finds a place, within the cap."""
        return self.placed == self.asked and not self.above_cap


def starts(now: Instant) -> Iterator[Instant]:
    """Give the starts that are quoted: now, then each of the next 48 hours."""
    yield now
    first = slot_of(now).end
    yield from range(first, first + FORWARD_SLOTS * HOUR, HOUR)


def quote(book: Book, orders: Sequence[Order], now: Instant, start: Instant) -> Quote:
    """Give what orders would cost from one start on; nothing where one does not start so early."""
    first = max((order.earliest for order in orders), default=start)
    if start < first:
        return Quote(start, 0, len(orders), message=f"notBefore is {format_instant(first)}")
    asked = [replace(order, earliest=start, may_wait=False) for order in orders]
    found = clear(book, asked, now)
    above = False
    if not found.matches and any(r.reason is Reason.PRICE_ABOVE_CAP for r in found.refusals):
        dear = clear(book, [replace(order, cap_nano=ANY_PRICE) for order in asked], now)
        found, above = (dear, True) if dear.matches else (found, False)
    if not found.matches:
        return _none(start, len(asked), found.refusals)
    return _priced(start, len(asked), found.matches, found.refusals, above)


def _none(start: Instant, asked: int, refusals: Sequence[Refusal]) -> Quote:
    if not refusals:
        return Quote(start, 0, asked)
    return Quote(start, 0, asked, reason=refusals[0].reason, message=refusals[0].sentence)


def _priced(
    start: Instant,
    asked: int,
    matches: Sequence[Match],
    refusals: Sequence[Refusal],
    above: bool,
) -> Quote:
    matches = [piece for match in matches for piece in match.pieces]
    prices = [segment.price_nano for match in matches for segment in match.segments]
    places = sorted({(match.vendor, match.zone, match.offer) for match in matches})
    return Quote(
        start,
        len(matches),
        asked,
        sum(match.hold_nano for match in matches),
        min(prices),
        max(prices),
        tuple(places),
        above,
        Reason.PRICE_ABOVE_CAP if above else refusals[0].reason if refusals else None,
        "" if above or not refusals else refusals[0].sentence,
        sum(match.moving_nano for match in matches),
        tuple(matches),
    )


def duration_of(order: Order) -> int:
    """Give the time a quote is for, in ms."""
    return order.duration or DEFAULT_DURATION
