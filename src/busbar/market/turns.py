"""Whose turn it is: the order in which a batch is placed. Next: `placing.py`, which places it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from busbar.market.burden import likeness
from busbar.market.lots import lot, lots, name_key
from busbar.market.matching import Matching, Placement
from busbar.market.orders import Order
from busbar.market.terms import Window
from busbar.model.dtu import Resources, base_draw


class Wish(NamedTuple):
    """An order and when it may run; orders of one `kind` differ in nothing but their names."""

    order: Order
    window: Window
    kind: int


class Turn(NamedTuple):
    """An order in its turn, with its place if it has one."""

    order: Order
    window: Window
    kind: int
    placement: Placement | None = None


@lru_cache(maxsize=1 << 14)
def lopsidedness(requests: Resources) -> int:
    """Give how far one dimension outweighs the other, in thousandths: 500 is balanced."""
    cpu = base_draw(Resources(cpu_milli=requests.cpu_milli))
    memory = base_draw(Resources(memory_bytes=requests.memory_bytes))
    return 1000 * max(cpu, memory) // (cpu + memory)


def waits(wish: Wish, matching: Matching) -> bool:
    """Say whether an order may or must start later than now."""
    window = wish.window
    return window.forward or window.first > matching.axis.now


def by_priority(matching: Matching, wishes: list[Wish], seed: int) -> list[Wish]:
    """Sort by who is to have a place: now before later, cap, narrow class, draw, kind, lot.

    What a gang draws is what all its members draw.
    """
    whole: Counter[str] = Counter()
    for order, _, _ in wishes:
        if order.gang is not None:
            whole[order.gang.name] += matching.base_draw(order)

    def urgency(wish: Wish) -> tuple[object, ...]:
        order = wish.order
        narrow = matching.narrowness(order.eligibility)
        draw = matching.base_draw(order) if order.gang is None else whole[order.gang.name]
        return waits(wish, matching), -order.cap_nano, narrow, -draw

    return _sorted(wishes, urgency, seed)


def by_difficulty(matching: Matching, wishes: list[Wish], seed: int) -> list[Wish]:
    """Sort by who is hard to place: narrow class, lopsided shape, draw, kind, lot."""

    def difficulty(wish: Wish) -> tuple[object, ...]:
        order = wish.order
        narrow = matching.narrowness(order.eligibility)
        return narrow, -lopsidedness(order.requests), -matching.base_draw(order)

    return _sorted(wishes, difficulty, seed)


def by_size(matching: Matching, wishes: list[Wish], seed: int) -> list[Wish]:
    """Sort by who needs the largest gap: cpu, draw, narrow class, kind, lot."""

    def size(wish: Wish) -> tuple[object, ...]:
        order = wish.order
        narrow = matching.narrowness(order.eligibility)
        return -order.requests.cpu_milli, -matching.base_draw(order), narrow

    return _sorted(wishes, size, seed)


def _sorted(wishes: list[Wish], key: Callable[[Wish], tuple[object, ...]], seed: int) -> list[Wish]:
    """Sort by a key that is one for each kind, then kind by kind, then by lot."""
    kinds: dict[int, Wish] = {}
    for wish in wishes:
        kinds.setdefault(wish.kind, wish)
    ordered = sorted(kinds.values(), key=lambda wish: (*key(wish), *_likeness(wish, seed)))
    rank = {wish.kind: i for i, wish in enumerate(ordered)}
    ranks = np.array([rank[wish.kind] for wish in wishes], dtype=np.int64)
    keys = np.array([name_key(wish.order.id) for wish in wishes], dtype=np.uint64)
    return [wishes[at] for at in np.lexsort((lots(keys, seed), ranks)).tolist()]


def _likeness(wish: Wish, seed: int) -> tuple[object, ...]:
    """Give what keeps equal orders together: the larger request first, then the longer term.

    Of gangs that are equal, the smaller lot.
    """
    order, window = wish.order, wish.window
    requests = tuple(-amount for amount in order.requests)
    terms = -window.length, window.first, -window.latest_end, window.forward
    gang = (0, "") if order.gang is None else (lot(order.gang.name, seed), order.gang.name)
    wanted = order.eligibility, sorted(order.avoid), order.company, order.dealings
    return (*requests, *terms, *wanted, *likeness(order.burden), *gang, *(order.split or (0, 0)))
