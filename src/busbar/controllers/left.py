"""What is left of a pool, hour by hour: held, or to be held, and neither drawn on nor sold.

One sweep over its contracts, for a pool of a hundred units bought by the hour has thousands.
Who runs is taken to go on, as in the book: work that runs is not sold from under its feet.
Next: `market/resale.py`, which sells it.
"""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple

from busbar.controllers.pools import (
    NOTHING,
    Pool,
    drawn_until,
    has_begun,
    held_for,
    is_reserved,
    resources_of,
    term_of,
)
from busbar.market.axis import FORWARD_SLOTS
from busbar.model.dtu import Resources
from busbar.model.objects import Object
from busbar.model.time import HOUR, Instant, slot_of

HOURS = FORWARD_SLOTS + 1
"""Hours that are traded, the present one included."""


class Left(NamedTuple):
    """What is left in the hour from `first` and in each after it; where nothing is held, less."""

    first: Instant
    room: tuple[Resources, ...]
    sold: frozenset[int]
    """The hours in which something is sold to others who have not begun."""

    def slots(self, start: Instant, end: Instant) -> range:
        """Give the hours that [start, end) touches, as far as they are traded."""
        begin, until = _touched(start, end, self.first)
        return range(max(0, begin), min(HOURS, until))

    def is_sold_before(self, needs: Resources, start: Instant, end: Instant) -> bool:
        """Say whether in [start, end) so much is not left, for others have bought it."""
        hours = self.sold.intersection(self.slots(start, end)) if self.sold else ()
        return any(not needs.fits_in(self.room[hour]) for hour in hours)


def left_of(pool: Pool, now: Instant) -> Left:
    """Give what is left of a pool.

    In the present hour only what has begun to be held counts; later, what is promised as well.
    """
    first, changes, sold = slot_of(now).start, [NOTHING] * (HOURS + 1), set[int]()
    for contract in pool.held:
        _add(changes, *_held(contract, first), resources_of(contract))
    for contract in pool.drawn:
        begin, until = _drawn(contract, first)
        if is_reserved(contract):
            sold.update(range(max(0, begin), min(HOURS, until)))
        _add(changes, begin, until, NOTHING.minus(resources_of(contract)))
    return Left(first, tuple(accumulate(changes[:HOURS], Resources.plus)), frozenset(sold))


def _held(contract: Object, first: Instant) -> tuple[int, int]:
    """Give the hours all through which a contract holds, or is to; of the present one, its rest."""
    start, end = held_for(contract)
    begin = 0 if has_begun(contract) else max(1, -(-(start - first) // HOUR))
    return begin, (end - first) // HOUR


def _drawn(contract: Object, first: Instant) -> tuple[int, int]:
    """Give the hours in which a contract draws, were it to go on."""
    start, end = term_of(contract)
    if not is_reserved(contract):
        start, end = first, drawn_until(contract)
    return _touched(start, end, first)


def _touched(start: Instant, end: Instant, first: Instant) -> tuple[int, int]:
    return (start - first) // HOUR, -(-(end - first) // HOUR)


def _add(changes: list[Resources], begin: int, until: int, amount: Resources) -> None:
    begin, until = max(0, begin), min(HOURS, until)
    if begin < until:
        changes[begin] = changes[begin].plus(amount)
        changes[until] = changes[until].minus(amount)
