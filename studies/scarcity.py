"""The scarcity study: demand at 80, 100 and 150 % of supply.

One batch at a time: what the clearing is worth to everybody, against the most that HiGHS finds for
the same book. Whole seasons: the same against a bound that knows the future; who waits how long,
who is never served, what prices do. Everybody is honest. Next: `strategies.py`.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from bench.books import NOW, Size, demand_over_supply, make_book, make_orders
from bench.optimum import Costs, cost_at_asks, least_cost

from busbar.market.book import Book
from busbar.market.clearing import clear
from busbar.market.orders import Order
from busbar.model.dtu import MICRO
from busbar.model.money import NANO_PER_EURO
from busbar.model.time import HOUR
from studies.floor import live
from studies.optimum import most_welfare
from studies.outcome import Outcome
from studies.scene import VALUES_NANO, scene_of

LOADS = (0.8, 1.0, 1.5)
BATCH = Size(30, 10, 3)
SOLVER_SECONDS = 20
PARTS = 4
"""Of the season, for the path of the price."""


class Scarcity(NamedTuple):
    """What a load came to; parts of one, hours, and euro per DTU."""

    load: float
    seasons: int
    batch_median: float
    """Welfare of a batch over the most that any assignment comes to, whatever its prices."""
    batch_worst: float
    season_median: float
    """Welfare of a season over the bound that knows the future."""
    season_worst: float
    used: float
    """Part of what the machines could do that was sold, in the hours with orders."""
    wait_median_h: float
    wait_p99_h: float
    wait_longest_h: float
    unserved: tuple[float, ...]
    """Part of the work of each value that was never done, from the least value to the highest."""
    prices: tuple[float, ...]
    """Mean price of what was delivered in each part of the season."""


def scarcity(seeds: Iterable[int], hours: int, load: float, size: Size = BATCH) -> Scarcity:
    """Study a load over some seeds; `size` is that of the single batches."""
    chosen = list(seeds)
    outcomes = [live(scene_of(seed, hours, load)) for seed in chosen]
    batches = [batch_over_optimum(seed, load, size) for seed in chosen]
    ratios = [o.welfare / NANO_PER_EURO / most_welfare(o.scene) for o in outcomes]
    waits = sorted(ms / HOUR for o in outcomes for ms in o.waits_ms.values())
    return Scarcity(
        load,
        len(chosen),
        statistics.median(batches),
        min(batches),
        statistics.median(ratios),
        min(ratios),
        statistics.mean(map(_used, outcomes)),
        statistics.median(waits),
        waits[int(0.99 * (len(waits) - 1))],
        waits[-1],
        tuple(_unserved(outcomes, value) for value in VALUES_NANO),
        _path(outcomes),
    )


def batch_over_optimum(seed: int, load: float, size: Size = BATCH) -> float:
    """Give what a batch is worth to everybody, over the most that it could be."""
    book = make_book(size, seed)
    orders = orders_for(book, load, seed)
    nodes = {match.order: match.node for match in clear(book, orders, NOW).matches}
    at_cap = Costs(book, NOW).at_cap
    worth = sum(at_cap(order) for order in orders if order.id in nodes)
    asked = sum(map(at_cap, orders))
    most = asked - least_cost(book, orders, NOW, seconds=SOLVER_SECONDS, may_fail=True)
    return (worth - cost_at_asks(book, orders, nodes, NOW)) / most


def orders_for(book: Book, load: float, seed: int) -> list[Order]:
    """Draw orders for an hour each, until they draw so many times what there is."""
    found: list[Order] = []
    for order in make_orders(3_000, BATCH, seed):
        if demand_over_supply(book, found) >= load:
            break
        if order.requests.cpu_milli >= 2_000:
            found.append(replace(order, duration=None))
    return found


def _used(outcome: Outcome) -> float:
    """Give what was sold of what there was, while there were orders."""
    end = outcome.scene.hours * HOUR
    sold = sum(trade.dtu_micro for trade in outcome.trades if trade.start_ms < end)
    return sold / MICRO / outcome.scene.supply_dtu


def _unserved(outcomes: Sequence[Outcome], value: int) -> float:
    asked = [(o, want) for o in outcomes for want in o.scene.wants if want.value_nano == value]
    return sum(want.number not in o.done for o, want in asked) / len(asked)


def _path(outcomes: Sequence[Outcome]) -> tuple[float, ...]:
    """Give mean prices by part of the season, weighted by what was sold."""
    length = outcomes[0].scene.hours * HOUR / PARTS
    paid, sold = [0.0] * (PARTS + 1), [0.0] * (PARTS + 1)
    for trade in (trade for outcome in outcomes for trade in outcome.trades):
        part = min(PARTS, int(trade.start_ms / length))
        paid[part] += trade.price_nano / NANO_PER_EURO * trade.dtu_micro / MICRO
        sold[part] += trade.dtu_micro / MICRO
    return tuple(p / s if s else 0.0 for p, s in zip(paid[:PARTS], sold[:PARTS], strict=True))
