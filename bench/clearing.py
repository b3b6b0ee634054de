"""Clearing at scale: mixed books, orders that mind their company, what is new beside a million
contracts, forward slots, and what placement costs above the optimum.

The book is made first and kept, as it is from batch to batch; a clearing is timed from orders to
contracts with their prices and refusals with their funnels, the best of a few runs, with the
garbage collector set as the server sets it. Peers in the same run: a plain loop that gives each
order, in the same turns, the cheapest node that fits (on a part of the orders), and HiGHS on the
smaller books. What others publish about theirs stands in the notes: other machines, other work.

    python bench/clearing.py [-o json]
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.books import (
    NOW,
    Size,
    demand_over_supply,
    make_book,
    make_orders,
    plain_loop,
)
from bench.optimum import cost_at_asks, least_cost
from bench.published import COMPANY, INCREMENTAL, MATCHING, PLAIN
from bench.report import Row, as_json, as_table, at_least, at_most
from bench.standing_book import Store

from busbar.controllers.market.inputs import read_inputs
from busbar.controllers.settings import Settings
from busbar.controllers.standing import Standing
from busbar.market.book import Book
from busbar.market.clearing import clear
from busbar.market.company import ALONE, Company
from busbar.market.orders import Order
from busbar.model.time import HOUR, MINUTE
from busbar.server.collector import calm_collector

ORDERS = 100_000
RUNS = 3
PEER_ORDERS = 300
"""The plain loop's share of the orders: all of them would take minutes."""
SMALL_BOOKS, SMALL, SMALL_ORDERS = 12, Size(100, 12, 4), 200
SOLVER_SECONDS = 10
STANDING, NEW = 1_000_000, 1_000
FORWARD, FORWARD_SIZE = 50_000, Size(2_000, 50, 10)


def speed(count: int, nodes: int, goal: float) -> Row:
    """Give the row of a large book."""
    size = Size(nodes)
    book, orders = make_book(size, seed=1), make_orders(count, size, seed=2)
    ours = count / _clearing(book, orders)
    loop = PEER_ORDERS / seconds(lambda: plain_loop(book, orders[:PEER_ORDERS]), 1)
    name = f"clearing a mixed book: {count:,} orders over {nodes:,} nodes"
    row = at_least(name, ours, "orders/s", goal, f"plain loop, {PEER_ORDERS} orders", loop)
    demand = f"demand {demand_over_supply(book, orders):.0%} of supply"
    return row._replace(note=f"{demand}; {PLAIN}")


def company() -> Row:
    """Give the row of a book in which a tenth of the orders mind their company."""
    size = Size(5_000)
    book = make_book(size, seed=1)
    orders = with_company(make_orders(ORDERS, size, seed=2), seed=3)
    ours = ORDERS / _clearing(book, orders)
    name = "the same at 5,000 nodes, a tenth spread, together or apart"
    return at_least(name, ours, "orders/s", 10_000)._replace(note=COMPANY)


def with_company(orders: Sequence[Order], seed: int) -> list[Order]:
    """Give a tenth of the orders a rule about those alike, a third each: evenly spread over
    regions, together in one region, no two on a node."""
    chance, left = random.Random(seed), len(orders) // 10
    alike: dict[tuple[object, ...], list[Order]] = {}
    for order in orders:
        wants = order.requests, order.cap_nano, order.eligibility, order.duration
        alike.setdefault(wants, []).append(order)
    found: list[Order] = []
    workloads = sorted(alike.values(), key=lambda group: chance.random())
    for number, group in enumerate(workloads):
        own = _company(chance, f"group-{number}") if left >= len(group) else ALONE
        left -= len(group) if own != ALONE else 0
        found += [replace(order, company=own) for order in group]
    chance.shuffle(found)
    return found


def _company(chance: random.Random, group: str) -> Company:
    match chance.randrange(3):
        case 0:
            return Company((group,), spread=(("region", group, chance.choice([1, 2, 5]), 1),))
        case 1:
            return Company((group,), together=(("region", group),))
        case _:
            return Company((group,), apart=(("node", group),))


def incremental() -> Row:
    """Give the row of new orders beside a million contracts.

    Timed: what changed is read from the snapshot (the new Pods, and as many contracts that the
    batch before made), the Pods become orders, and these are cleared.
    """
    size = Size(65_000)
    store = Store(size, STANDING, seed=1)
    standing = Standing()
    read_inputs(standing, store.snapshot(), NOW, Settings().procure_ms)
    chance, taken = random.Random(4), []
    with calm():
        for run in range(RUNS + 1):
            store.add_pods(size, NEW, seed=10 + run)
            snapshot = store.snapshot()
            begin = time.perf_counter()
            inputs = read_inputs(standing, snapshot, NOW, Settings().procure_ms)
            orders = [ordered.order for ordered in inputs.orders.values()]
            assert len(orders) == NEW
            matches = clear(inputs.book, orders, NOW, funds=inputs.funds).matches
            taken.append(time.perf_counter() - begin)
            for i, match in enumerate(matches):
                store.add_contract(STANDING + run * NEW + i, match.node, chance)
            store.remove_pods()
    name = f"{NEW:,} new orders beside {STANDING:,} contracts on 65,000 nodes"
    # The first looks at tables that stand from then on.
    return at_most(name, 1000 * min(taken[1:]), "ms", 100)._replace(note=INCREMENTAL)


def forward() -> list[Row]:
    """Give the rows of the forward market: orders that may wait, over 48 slots and ten zones."""
    book = make_book(FORWARD_SIZE, seed=1)
    orders = flexible(make_orders(FORWARD, FORWARD_SIZE, seed=2), seed=9)
    taken = _clearing(book, orders, runs=1)
    what = f"{FORWARD:,} flexible orders, 48 slots, {FORWARD_SIZE.zones} zones"
    note = f"one pass: the first result is the last; {MATCHING}"
    return [
        at_most(f"forward clearing: {what}", taken, "s", 30)._replace(note=note),
        at_most("the same: until the best so far can be had", taken, "s", 10),
    ]


def flexible(orders: Sequence[Order], seed: int) -> list[Order]:
    """Let orders wait: for up to 6 to 48 hours, for a term of half an hour to six hours."""
    chance = random.Random(seed)
    times: dict[tuple[object, ...], tuple[int, int]] = {}
    found = []
    for order in orders:
        wants = order.requests, order.cap_nano, order.eligibility
        if wants not in times:
            hours = chance.choice([6, 12, 24, 36, 48])
            times[wants] = NOW + hours * HOUR, chance.choice([30, 60, 120, 240, 360]) * MINUTE
        deadline, duration = times[wants]
        found.append(replace(order, deadline=deadline, duration=duration, may_wait=True))
    return found


def _clearing(book: Book, orders: Sequence[Order], runs: int = RUNS) -> float:
    # One look at the tables and calendars, which stand from batch to batch.
    clear(book, orders[:1], NOW)
    with calm():
        return seconds(lambda: clear(book, orders, NOW), runs)


@contextmanager
def calm() -> Iterator[None]:
    """Set the garbage collector as the server does, for a while."""
    thresholds, callbacks = gc.get_threshold(), list(gc.callbacks)
    calm_collector()
    try:
        yield
    finally:
        gc.callbacks[:] = callbacks
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def seconds(run: Callable[[], object], times: int) -> float:
    """Give the shortest of several runs: what the code takes when nothing else is running."""
    best = float("inf")
    for _ in range(times):
        started = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - started)
    return best


def cost() -> list[Row]:
    """Give the rows of the smaller books: cost over the optimum, and the time both take.

    They are made as the large ones are, with as many orders a node.
    """
    ours = loop = least = least_of_loop = spent = solving = worst = 0.0
    for seed in range(SMALL_BOOKS):
        book = make_book(SMALL, seed)
        orders = make_orders(SMALL_ORDERS, SMALL, 100 + seed)
        clear(book, orders[:1], NOW)
        started = time.perf_counter()
        clearing = clear(book, orders, NOW)
        spent += time.perf_counter() - started
        nodes = {match.order: match.node for match in clearing.matches}
        paid = cost_at_asks(book, orders, nodes, NOW)
        started = time.perf_counter()
        optimum = _least(book, orders, nodes)
        solving += time.perf_counter() - started
        plain = plain_loop(book, orders)
        ours, worst = ours + paid, max(worst, paid / optimum)
        loop += cost_at_asks(book, orders, plain, NOW)
        least += optimum
        least_of_loop += optimum if plain.keys() == nodes.keys() else _least(book, orders, plain)
    books = f"{SMALL_BOOKS} books of {SMALL_ORDERS} orders over {SMALL.nodes} nodes"
    peer = "plain loop ÷ its optimum"
    over = at_most(
        f"cost ÷ optimum, {books}", ours / least, "ratio", 1.005, peer, loop / least_of_loop
    )
    took = at_most(
        "the same books: time a clearing, beside HiGHS to 0.1 %",
        1000 * spent / SMALL_BOOKS,
        "ms",
        1000,
        f"HiGHS, at most {SOLVER_SECONDS} s",
        1000 * solving / SMALL_BOOKS,
    )
    return [over._replace(note=f"the worst book: {worst:.4f}"), took]


def _least(book: Book, orders: Sequence[Order], nodes: dict[str, str]) -> float:
    placed = [order for order in orders if order.id in nodes]
    return least_cost(book, placed, NOW, seconds=SOLVER_SECONDS, uniform=True)


def rows() -> list[Row]:
    """Give the rows of the table."""
    return [
        speed(10_000, 5_000, 20_000),
        speed(10_000, 65_000, 10_000),
        speed(ORDERS, 5_000, 30_000),
        speed(ORDERS, 65_000, 15_000),
        company(),
        *cost(),
        incremental(),
        *forward(),
    ]


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", choices=("table", "json"), default="table")
    found = rows()
    print(as_json(found) if parser.parse_args().o == "json" else as_table(found))


if __name__ == "__main__":
    main()
