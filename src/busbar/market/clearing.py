"""The rule, busbar-merit-3: a batch of orders against the book.

1. Orders that run now come first, then those that may wait for a later slot. Within each: the
   higher cap, then the class with fewer rows, then the larger draw, then the smaller lot.
2. Each takes the first row of its merit order (cost of its term per DTU; then the start; then the
   fuller node; then the smaller lot) that has room for it in every slot of the term and whose
   price its class can bear (`prices.py`).
   A gang takes its members' places together, in one zone, when its last member's turn comes.
3. Orders that run now change places while that saves money (`exchange.py`), and are arranged
   again, the hard to place first, then the largest; what costs less is kept (`arrange.py`).
4. The price of a zone, class and cell is the highest ask accepted in it; everybody in it pays it.
5. An order whose namespace cannot hold the cost of its term takes no part (`funds.py`).

No input order, clock or chance takes part: the same book, orders, `now` and seed give the same
clearing. docs/market.md has the rule in words and why each part is so. Next: `results.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from busbar.market.arrange import arrange
from busbar.market.axis import make_axis
from busbar.market.book import Book
from busbar.market.funds import Funds, LastCost, Purse
from busbar.market.gathering import gather
from busbar.market.matching import Matching, Placement
from busbar.market.orders import Order, place_wanted, wants_of
from busbar.market.outcome import Clearing, Refusal
from busbar.market.placing import place_in_turn
from busbar.market.results import PriceList, results
from busbar.market.terms import Untimely, Window, window_of
from busbar.market.turns import Turn, Wish, by_priority, waits
from busbar.model.time import Instant

__all__ = ["RULE", "Funds", "clear"]

RULE = "busbar-merit-3"


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
    timely, apart = gather(timely)
    refused += apart
    while True:
        tariffs = book.columns.tariffs.values
        axis = make_axis((calendar for calendar, _ in tariffs), now, _until(timely, now))
        matching = Matching(book, axis, seed)
        wishes = by_priority(matching, timely, seed)
        turns, poor = _place(matching, wishes, seed, funds)
        refused += poor
        unable = _unable(matching, turns, funds)
        refused += unable
        if not unable:
            return Clearing(now, seed, RULE, *results(book, matching, turns, refused))
        out = {refusal.order for refusal in (*poor, *unable)}
        timely = [wish for wish in timely if wish.order.id not in out]


def _split(orders: Iterable[Order], now: Instant) -> tuple[list[Wish], list[Refusal]]:
    """Part the orders that can still run in time from those that cannot; number their kinds."""
    timely: list[Wish] = []
    untimely: list[Refusal] = []
    known: dict[tuple[object, ...], tuple[int, Window | Untimely]] = {}
    kinds: dict[tuple[object, ...], int] = {}
    for order in orders:
        key = wants_of(order)
        found = known.get(key)
        if found is None:
            window = window_of(order, now)
            kind = kinds.setdefault((window, *place_wanted(order)), len(kinds))
            found = known[key] = kind, window
        kind, window = found
        if isinstance(window, Untimely):
            untimely.append(Refusal(order.id, order.namespace, window.reason, window.message))
        else:
            timely.append(Wish(order, window, kind))
    return timely, untimely


def _until(timely: list[Wish], now: Instant) -> Instant:
    ends = (w.latest_end if w.forward else w.first + w.length for _, w, _ in timely)
    return max(ends, default=now + 1)


def _place(
    matching: Matching, wishes: list[Wish], seed: int, funds: Mapping[str, Funds] | None
) -> tuple[list[Turn], list[Refusal]]:
    """Give each order a place, if it finds one, and refuse those who cannot even pay the ask."""
    purse, at_asks = Purse(funds or {}), LastCost(matching.cost_at_asks)
    poor: list[Refusal] = []

    def can_pay(places: list[tuple[Order, Placement]]) -> bool:
        short = purse.hold(places[0][0].namespace, _sum(at_asks, places))
        if short is not None:
            poor.extend(Refusal(order.id, order.namespace, *short) for order, _ in places)
        return short is None

    accept = None if funds is None else can_pay
    at_once = [wish for wish in wishes if not waits(wish, matching)]
    turns = arrange(matching, place_in_turn(matching, at_once, seed, accept), seed)
    return turns + place_in_turn(matching, wishes[len(at_once) :], seed, accept), poor


def _sum(costs: LastCost, places: list[tuple[Order, Placement]]) -> int:
    """Add up costs; most orders come alone."""
    if len(places) == 1:
        return costs(places[0][1])
    return sum(costs(placement) for _, placement in places)


def _unable(
    matching: Matching, turns: list[Turn], funds: Mapping[str, Funds] | None
) -> list[Refusal]:
    """Give those placed who cannot hold the uniform price.

    They could pay the ask but not the price, so they took room: the batch is placed again without
    them, and what is published can be computed again by who does not know their balance.
    """
    found = list[Refusal]()
    if funds is None:
        return found
    purse, at_prices = Purse(funds), LastCost(PriceList(matching).cost)
    for places in _held_together(turns):
        short = purse.hold(places[0][0].namespace, _sum(at_prices, places))
        if short is not None:
            found += [Refusal(order.id, order.namespace, *short) for order, _ in places]
    return found


def _held_together(turns: list[Turn]) -> list[list[tuple[Order, Placement]]]:
    """Give the places whose terms are held at once: of each order, of each whole gang."""
    found: list[list[tuple[Order, Placement]]] = []
    gangs: dict[str, list[tuple[Order, Placement]]] = {}
    for order, _, _, placement in turns:
        if placement is None:
            continue
        if order.gang is not None and order.gang.name in gangs:
            gangs[order.gang.name].append((order, placement))
            continue
        found.append([(order, placement)])
        if order.gang is not None:
            gangs[order.gang.name] = found[-1]
    return found
