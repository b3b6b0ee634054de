"""The rule: one batch of orders against the book."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from busbar.market.book import Book
from busbar.market.orders import Order
from busbar.market.outcome import Clearing
from busbar.model.time import Instant

RULE = "busbar-merit-1"


class Funds(NamedTuple):
    """What a namespace may still commit: its balance, and what is left of its budget if any."""

    balance: int
    budget_left: int | None = None


def clear(
    book: Book,
    orders: Iterable[Order],
    now: Instant,
    *,
    seed: int | None = None,
    funds: Mapping[str, Funds] | None = None,
) -> Clearing:
    """Clear a batch. `seed` breaks ties (default: `now`); without `funds` money is no limit."""
    return Clearing(now, now if seed is None else seed, RULE)
