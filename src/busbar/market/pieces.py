"""Work that may be interrupted: the cheapest set of hours before its deadline, not all adjoining.

For each number of pieces the work is cut into equal parts; of the starts at which such a part finds
a place, those are chosen that cost least together and share no slot. The pieces that adjoin on one
row are one. All are taken at once: every piece has its room and its price from the start.
Next: `placing.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from busbar.market.matching import Matching, Placement
from busbar.market.orders import Order
from busbar.market.terms import Window
from busbar.market.together import Accept
from busbar.market.turns import Turn, Wish
from busbar.model.time import Instant


class _Option(NamedTuple):
    start: Instant
    cost: int
    placement: Placement


class _Plan(NamedTuple):
    """What pieces cost together, how many there are, when they start, where they are."""

    cost: int
    pieces: int
    starts: tuple[Instant, ...]
    places: tuple[Placement, ...]


_NOTHING = _Plan(0, 0, (), ())


def is_divisible(wish: Wish) -> bool:
    """Say whether an order may run in pieces: it can wait, and its place concerns nobody else."""
    order, window, _ = wish
    return order.split is not None and window.forward and order.is_free


def place_in_pieces(
    matching: Matching, wishes: list[Wish], accept: Accept | None
) -> Iterator[Turn]:
    """Place orders of one kind, each in the pieces that cost it least."""
    for at, wish in enumerate(wishes):
        placement = _cheapest(matching, wish.order, wish.window)
        if placement is None:
            yield from (Turn(*other) for other in wishes[at:])
            return
        if accept is None or accept([(wish.order, placement)]):
            matching.take(placement)
            yield Turn(*wish, placement)


def _cheapest(matching: Matching, order: Order, window: Window) -> Placement | None:
    assert order.split is not None
    best: _Plan | None = None
    for count in range(1, order.split.pieces_max + 1):
        length = -(-window.length // count)
        if count > 1 and length < order.split.minimum_ms:
            break
        plan = _best_of(_options(matching, order, window._replace(length=length)), count)
        if plan is not None and (best is None or plan[:3] < best[:3]):
            best = plan
    if best is None:
        return None
    first, *later = _joined(matching, best.places)
    return first._replace(later=tuple(later))


def _options(matching: Matching, order: Order, window: Window) -> list[_Option]:
    """Give, for each start at which a piece finds a place, its first in merit order."""
    found = []
    for start, end in window.terms():
        placement = matching.find(order, Window(start, window.length, False, end))
        if placement is not None:
            found.append(_Option(start, matching.dearness(placement), placement))
    return found


def _best_of(options: list[_Option], count: int) -> _Plan | None:
    """Choose so many that share no slot and cost least; of equal ones those that start first."""
    plans: list[_Plan | None] = [_NOTHING] * (len(options) + 1)
    after = [_first_after(options, at) for at in range(len(options))]
    for _ in range(count):
        fresh: list[_Plan | None] = [None] * (len(options) + 1)
        for at in reversed(range(len(options))):
            rest = plans[after[at]]
            choices = [fresh[at + 1], None if rest is None else _before(options[at], rest)]
            known = [choice for choice in choices if choice is not None]
            fresh[at] = min(known, key=_rank, default=None)
        plans = fresh
    return plans[0]


def _first_after(options: list[_Option], at: int) -> int:
    """Give the first option that begins in a slot after those of another."""
    end = options[at].placement.span.k1
    later = range(at + 1, len(options))
    return next((i for i in later if options[i].placement.span.k0 >= end), len(options))


def _before(option: _Option, rest: _Plan) -> _Plan:
    start, cost, placement = option
    starts, places = (start, *rest.starts), (placement, *rest.places)
    return _Plan(cost + rest.cost, rest.pieces + 1, starts, places)


def _rank(plan: _Plan) -> tuple[int, tuple[Instant, ...]]:
    return plan.cost, plan.starts


def _joined(matching: Matching, places: tuple[Placement, ...]) -> list[Placement]:
    """Join neighbours on one row: nothing is interrupted there."""
    found = [places[0]]
    for place in places[1:]:
        last = found[-1]
        if place.row == last.row and place.span.start == last.span.end:
            span = matching.axis.span(last.span.start, place.span.end)
            found[-1] = last._replace(span=span)
        else:
            found.append(place)
    return found
