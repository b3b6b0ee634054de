"""Whose turn it is: the order in which a batch is placed, and placing it.

Next: `exchange.py`, which improves on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from busbar.market.burden import likeness
from busbar.market.lots import lots, name_key
from busbar.market.matching import Matching, Placement
from busbar.market.orders import Order
from busbar.market.terms import Window
from busbar.model.dtu import Resources, base_draw


class Wish(NamedTuple):
    """An order and when it may run; orders of one `kind` differ in nothing but their names."""

    order: Order
    window: Window
    kind: int


Accept = Callable[[Order, Placement], bool]
"""Says whether an order may take a place that was found for its kind."""


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
    """Sort by who is to have a place: now before later, cap, narrow class, draw, kind, lot."""

    def urgency(wish: Wish) -> tuple[object, ...]:
        order = wish.order
        narrow = matching.narrowness(order.eligibility)
        return waits(wish, matching), -order.cap_nano, narrow, -base_draw(order.requests)

    return _sorted(wishes, urgency, seed)


def by_difficulty(matching: Matching, wishes: list[Wish], seed: int) -> list[Wish]:
    """Sort by who is hard to place: narrow class, lopsided shape, draw, kind, lot."""

    def difficulty(wish: Wish) -> tuple[object, ...]:
        order = wish.order
        narrow = matching.narrowness(order.eligibility)
        return narrow, -lopsidedness(order.requests), -base_draw(order.requests)

    return _sorted(wishes, difficulty, seed)


def by_size(matching: Matching, wishes: list[Wish], seed: int) -> list[Wish]:
    """Sort by who needs the largest gap: cpu, draw, narrow class, kind, lot."""

    def size(wish: Wish) -> tuple[object, ...]:
        order = wish.order
        narrow = matching.narrowness(order.eligibility)
        return -order.requests.cpu_milli, -base_draw(order.requests), narrow

    return _sorted(wishes, size, seed)


def _sorted(wishes: list[Wish], key: Callable[[Wish], tuple[object, ...]], seed: int) -> list[Wish]:
    """Sort by a key that is one for each kind, then kind by kind, then by lot."""
    kinds: dict[int, Wish] = {}
    for wish in wishes:
        kinds.setdefault(wish.kind, wish)
    ordered = sorted(kinds.values(), key=lambda wish: (*key(wish), *_likeness(wish)))
    rank = {wish.kind: i for i, wish in enumerate(ordered)}
    ranks = np.array([rank[wish.kind] for wish in wishes], dtype=np.int64)
    keys = np.array([name_key(wish.order.id) for wish in wishes], dtype=np.uint64)
    return [wishes[at] for at in np.lexsort((lots(keys, seed), ranks)).tolist()]


def _likeness(wish: Wish) -> tuple[object, ...]:
    """Give what keeps equal orders together: the larger request first, then the longer term."""
    order, window = wish.order, wish.window
    requests = tuple(-amount for amount in order.requests)
    terms = -window.length, window.first, -window.latest_end, window.forward
    wanted = order.eligibility, sorted(order.avoid), order.company
    return (*requests, *terms, *wanted, *likeness(order.burden))


def place_in_turn(
    matching: Matching, wishes: Iterable[Wish], accept: Accept | None = None
) -> list[Turn]:
    """Let each in turn take the first place of its merit order.

    Whoever `accept` turns down takes no room and is left out.
    """
    turns: list[Turn] = []
    for _, alike in groupby(wishes, key=attrgetter("kind")):
        turns += _place_alike(matching, list(alike), accept)
    return _try_again(matching, turns, accept)


def _try_again(matching: Matching, turns: list[Turn], accept: Accept | None) -> list[Turn]:
    """Let those whose company may have come after them try again, until nobody finds a place."""
    again = [i for i, turn in enumerate(turns) if turn.placement is None and _hopes(turn.order)]
    out: set[int] = set()
    while again:
        failed: set[int] = set()
        before = len(again)
        for i in list(again):
            order, window, kind, _ = turns[i]
            if kind in failed:
                continue
            placement = matching.find(order, window)
            if placement is None:
                failed.add(kind)
                continue
            again.remove(i)
            if accept is None or accept(order, placement):
                matching.take(placement)
                turns[i] = turns[i]._replace(placement=placement)
                failed.clear()
            else:
                out.add(i)
        if len(again) == before:
            break
    return [turn for i, turn in enumerate(turns) if i not in out]


def _hopes(order: Order) -> bool:
    """Say whether others who find a place may open one for an order."""
    return bool(order.company.together or order.company.spread)


def _place_alike(matching: Matching, wishes: list[Wish], accept: Accept | None) -> Iterator[Turn]:
    """Place orders of one kind: where one found the first place, its like do, while it has room."""
    at = 0
    while at < len(wishes):
        placement = matching.find(wishes[at].order, wishes[at].window)
        if placement is None:
            yield from (Turn(*wish) for wish in wishes[at:])
            return
        room, taken = matching.room(placement), 0
        while taken < room and at < len(wishes):
            wish = wishes[at]
            at += 1
            if accept is None or accept(wish.order, placement):
                taken += 1
                yield Turn(*wish, placement)
        matching.take(placement, taken)
