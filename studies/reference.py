"""The reference study: small books cleared a second time by other code, and what HiGHS would save.

`busbar.replay` is the rule written again, slow and plain: both must give the same contracts, prices
and refusals. HiGHS knows no rule, only what is feasible: how far the rule's placement is from the
cheapest one is the gap. Next: `main.py`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from bench.books import NOW, Size, make_book, make_orders
from bench.optimum import cost_at_asks, least_cost

from busbar.market.book import Book
from busbar.market.clearing import clear
from busbar.market.orders import Order
from busbar.market.publish import clearing_to_json
from busbar.replay.funnel import clear_again

SMALL = Size(nodes=5, vendors=4, zones=2)
LARGER = (Size(25, 8, 3), Size(50, 10, 4))


class Compared(NamedTuple):
    """Books of one size."""

    nodes: int
    orders: int
    books: int
    differ: int
    """Books of which the reference finds another outcome."""
    gap_mean: float
    """Cost of the placement over the least there is for the same orders, less one."""
    gap_worst: float


def small_book(seed: int, size: Size = SMALL) -> tuple[Book, list[Order]]:
    """Draw a small book whose cheap places are contested."""
    chance = random.Random(f"small {seed}")
    book = make_book(size, seed)
    wanted = [o for o in make_orders(400, size, seed) if o.requests.cpu_milli >= 1_000]
    return book, wanted[: chance.randint(2, 16)]


def differs(book: Book, orders: list[Order], seed: int) -> bool:
    """Say whether the reference finds another outcome."""
    status = clearing_to_json(book, orders, clear(book, orders, NOW, seed=seed))
    return clear_again(status) != (status["matches"], status["refusals"])


def gap(book: Book, orders: list[Order], seconds: float = 20) -> float:
    """Give how much more the placement costs than the cheapest of the same orders."""
    nodes = {match.order: match.node for match in clear(book, orders, NOW).matches}
    placed = [order for order in orders if order.id in nodes]
    if not placed:
        return 0.0
    least = least_cost(book, placed, NOW, gap=1e-6, seconds=seconds, uniform=True)
    return cost_at_asks(book, placed, nodes, NOW) / least - 1


def compare(first_seed: int, books: int) -> Iterator[Compared]:
    """Compare many small books, then some larger ones."""
    drawn = [(seed, *small_book(seed)) for seed in range(first_seed, first_seed + books)]
    differ = sum(differs(book, orders, seed) for seed, book, orders in drawn)
    gaps = [gap(book, orders) for _, book, orders in drawn]
    largest = max(len(orders) for _, _, orders in drawn)
    yield Compared(SMALL.nodes, largest, books, differ, sum(gaps) / books, max(gaps))
    for size in LARGER:
        yield _larger(size, first_seed)


def _larger(size: Size, first_seed: int, books: int = 3) -> Compared:
    count = 2 * size.nodes
    drawn = [
        (seed, make_book(size, seed), make_orders(count, size, 100 + seed))
        for seed in range(first_seed, first_seed + books)
    ]
    differ = sum(differs(book, orders, seed) for seed, book, orders in drawn)
    gaps = [gap(book, orders) for _, book, orders in drawn]
    return Compared(size.nodes, count, books, differ, sum(gaps) / books, max(gaps))
