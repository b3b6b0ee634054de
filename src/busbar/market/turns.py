"""Whose turn it is: the order in which a batch is placed, and placing it.

Next: `exchange.py`, which improves on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from busbar.market.lots import lots, name_key
from busbar.market.matching import Matching, Placement
from busbar.market.orders import Order
from busbar.market.terms import Window
from busbar.model.dtu import REFERENCE_RATING, Resources, draw_micro

Wish = tuple[Order, Window]
"""An order and when it may run."""


class Turn(NamedTuple):
    """An order in its turn, with its place if it has one."""

    order: Order
    window: Window
    placement: Placement | None = None


@lru_cache(maxsize=1 << 14)
def base_draw(requests: Resources) -> int:
    """Give the draw on a reference node."""
    return draw_micro(requests, REFERENCE_RATING)


@lru_cache(maxsize=1 << 14)
def lopsidedness(requests: Resources) -> int:
    """Give how far one dimension outweighs the other, in thousandths: 500 is balanced."""
    cpu = base_draw(Resources(cpu_milli=requests.cpu_milli))
    memory = base_draw(Resources(memory_bytes=requests.memory_bytes))
    return 1000 * max(cpu, memory) // (cpu + memory)


def waits(wish: Wish, matching: Matching) -> bool:
    """Say whether an order may or must start later than now."""
    window = wish[1]
    return window.forward or window.first > matching.axis.now


def by_priority(matching: Matching, wishes: list[Wish], seed: int) -> list[Wish]:
    """Sort by who is to have a place: now before later, cap, narrow class, draw, lot."""
    return _sorted(
        wishes,
        [waits(wish, matching) for wish in wishes],
        [-order.cap_nano for order, _ in wishes],
        *_narrow(matching, wishes),
        *_large(wishes, seed),
    )


def by_difficulty(matching: Matching, wishes: list[Wish], seed: int) -> list[Wish]:
    """Sort by who is hard to place: narrow class, lopsided shape, draw, lot."""
    lopsided = [-lopsidedness(order.requests) for order, _ in wishes]
    return _sorted(wishes, *_narrow(matching, wishes), lopsided, *_large(wishes, seed))


def _narrow(matching: Matching, wishes: list[Wish]) -> Iterable[list[int]]:
    yield [matching.narrowness(order.eligibility) for order, _ in wishes]


def _large(wishes: list[Wish], seed: int) -> Iterable[object]:
    yield [-base_draw(order.requests) for order, _ in wishes]
    keys = np.array([name_key(order.id) for order, _ in wishes], dtype=np.uint64)
    yield lots(keys, seed)


def _sorted(wishes: list[Wish], *keys: object) -> list[Wish]:
    columns = [np.asarray(key) for key in reversed(keys)]
    return [wishes[at] for at in np.lexsort(columns).tolist()] if wishes else []


def place_in_turn(
    matching: Matching, wishes: Iterable[Wish], accept: Callable[[Placement], bool] | None = None
) -> list[Turn]:
    """Let each in turn take the first place of its merit order.

    Whoever `accept` turns down takes no room and is left out.
    """
    turns = []
    for order, window in wishes:
        placement = matching.find(order, window)
        if placement is not None:
            if accept is not None and not accept(placement):
                continue
            matching.take(placement)
        turns.append(Turn(order, window, placement))
    return turns
