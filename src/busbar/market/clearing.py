"""The rule, busbar-merit-1: a batch of orders against the book.

1. Orders that run now come first, then those that may wait for a later slot. Within each: the
   higher cap, then the class with fewer rows, then the larger draw, then the smaller lot.
2. Each takes the first row of its merit order (cost of its term per DTU; then the start; then the
   fuller node; then the smaller lot) that has room for it in every slot of the term and whose
   price its class can bear (`prices.py`).
3. Orders that run now change places while that saves money (`exchange.py`).
4. The price of a zone, class and cell is the highest ask accepted in it; everybody in it pays it.
5. An order whose namespace cannot hold the cost of its term takes no part (`funds.py`).

No input order, clock or chance takes part: the same book, orders, `now` and seed give the same
clearing. docs/market.md has the rule in words and why each part is so. Next: `results.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache, partial

import numpy as np

from busbar.market.axis import make_axis
from busbar.market.book import Book
from busbar.market.exchange import Turn, exchange
from busbar.market.funds import Funds, Purse
from busbar.market.lots import lots, name_key
from busbar.market.matching import Matching, Placement
from busbar.market.orders import Order
from busbar.market.outcome import Clearing, Refusal, cost_of
from busbar.market.results import results, segments_of
from busbar.market.terms import Untimely, Window, window_of
from busbar.model.dtu import REFERENCE_RATING, Resources, draw_micro
from busbar.model.time import Instant

__all__ = ["RULE", "Funds", "clear"]

RULE = "busbar-merit-1"

Timely = list[tuple[Order, Window]]


def clear(
    book: Book,
    orders: Iterable[Order],
    now: Instant,
    *,
    seed: int | None = None,
    funds: Mapping[str, Funds] | None = None,
) -> Clearing:
    """Clear a batch. `seed` breaks ties (default: `now`); without `funds` money is no limit."""
    seed = now if seed is None else seed
    timely, refused = _split(orders, now)
    while True:
        tariffs = book.columns.tariffs.values
        axis = make_axis((calendar for calendar, _ in tariffs), now, _until(timely, now))
        matching = Matching(book.columns, book.commitments, axis, seed)
        turns, poor = _place(matching, _in_turn(matching, timely, seed), funds)
        refused += poor
        unable = _unable(matching, turns, funds)
        refused += unable
        if not unable:
            return Clearing(now, seed, RULE, *results(book, matching, turns, refused))
        out = {refusal.order for refusal in (*poor, *unable)}
        timely = [pair for pair in timely if pair[0].id not in out]


def _split(orders: Iterable[Order], now: Instant) -> tuple[Timely, list[Refusal]]:
    """Part the orders that can still run in time from those that cannot."""
    timely: Timely = []
    untimely: list[Refusal] = []
    known: dict[tuple[object, ...], Window | Untimely] = {}
    for order in orders:
        key = order.earliest, order.deadline, order.duration, order.may_wait
        window = known.get(key)
        if window is None:
            window = known[key] = window_of(order, now)
        if isinstance(window, Untimely):
            untimely.append(Refusal(order.id, order.namespace, window.reason, window.message))
        else:
            timely.append((order, window))
    return timely, untimely


def _until(timely: Timely, now: Instant) -> Instant:
    ends = (w.latest_end if w.forward else w.first + w.length for _, w in timely)
    return max(ends, default=now + 1)


def _in_turn(matching: Matching, timely: Timely, seed: int) -> Timely:
    """Sort by whose turn it is."""
    keys = np.array([name_key(order.id) for order, _ in timely], dtype=np.uint64)
    turns = np.lexsort(
        (
            lots(keys, seed),
            np.array([-base_draw(order.requests) for order, _ in timely], dtype=np.int64),
            np.array([matching.narrowness(order.eligibility) for order, _ in timely]),
            np.array([-order.cap_nano for order, _ in timely], dtype=np.int64),
            np.array([_waits(matching, window) for _, window in timely]),
        )
    )
    return [timely[turn] for turn in turns.tolist()]


@lru_cache(maxsize=1 << 14)
def base_draw(requests: Resources) -> int:
    """Give the draw on a reference node."""
    return draw_micro(requests, REFERENCE_RATING)


def _waits(matching: Matching, window: Window) -> bool:
    return window.forward or window.first > matching.axis.now


def _place(
    matching: Matching, timely: Timely, funds: Mapping[str, Funds] | None
) -> tuple[list[Turn], list[Refusal]]:
    """Give each order a place, if it finds one, and refuse those who cannot even pay the ask."""
    purse = Purse(funds)
    poor: list[Refusal] = []
    at_once = [pair for pair in timely if not _waits(matching, pair[1])]
    turns = _one_by_one(matching, at_once, purse, poor)
    improved = exchange(matching, turns)
    if improved != turns:
        matching.start_over(turn.placement for turn in improved if turn.placement)
    waiting = timely[len(at_once) :]
    return improved + _one_by_one(matching, waiting, purse, poor), poor


def _one_by_one(
    matching: Matching, timely: Timely, purse: Purse, poor: list[Refusal]
) -> list[Turn]:
    """Let each order in turn take its place. Who cannot pay is refused before taking any room."""
    turns = []
    for order, window in timely:
        placement = matching.find(order, window)
        if placement is not None:
            short = purse.hold(order.namespace, partial(_at_asks, matching, placement))
            if short is not None:
                poor.append(Refusal(order.id, order.namespace, *short))
                continue
            matching.take(placement)
        turns.append(Turn(order, window, placement))
    return turns


def _unable(
    matching: Matching, turns: list[Turn], funds: Mapping[str, Funds] | None
) -> list[Refusal]:
    """Give those placed who cannot hold the uniform price.

    They could pay the ask but not the price, so they took room: the batch is placed again without
    them, and what is published can be computed again by who does not know their balance.
    """
    purse, found = Purse(funds), list[Refusal]()
    for order, _, placement in turns:
        if placement is not None:
            short = purse.hold(order.namespace, partial(_at_prices, matching, placement))
            if short is not None:
                found.append(Refusal(order.id, order.namespace, *short))
    return found


def _at_asks(matching: Matching, placement: Placement) -> int:
    return cost_of(matching.asked(placement), matching.draw(placement))


def _at_prices(matching: Matching, placement: Placement) -> int:
    return cost_of(segments_of(matching, placement), matching.draw(placement))
