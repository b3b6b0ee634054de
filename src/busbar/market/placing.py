"""Placing a batch in turn: each order takes the first place of its merit order.

Next: `exchange.py`, which improves on it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter

from busbar.market.matching import Matching
from busbar.market.orders import Order
from busbar.market.together import Accept, place_gang
from busbar.market.turns import Turn, Wish


def place_in_turn(
    matching: Matching, wishes: Iterable[Wish], seed: int, accept: Accept | None = None
) -> list[Turn]:
    """Let each in turn take the first place of its merit order; a gang when its last member does.

    Whoever `accept` turns down takes no room and is left out.
    """
    turns: list[Turn] = []
    waiting = _Gathering(wishes := list(wishes))
    for _, group in groupby(wishes, key=attrgetter("kind")):
        alike = list(group)
        if alike[0].order.gang is None:
            turns += _place_alike(matching, alike, accept)
        elif members := waiting.come(alike):
            turns += place_gang(matching, members, seed, accept) or ()
    return _try_again(matching, turns, accept)


class _Gathering:
    """Gangs whose members have not all had their turn."""

    def __init__(self, wishes: list[Wish]) -> None:
        gangs = (wish.order.gang for wish in wishes)
        self._sizes = Counter(gang.name for gang in gangs if gang is not None)
        self._come: dict[str, list[Wish]] = defaultdict(list)

    def come(self, members: list[Wish]) -> list[Wish]:
        """Take members in; gives the gang when it is whole, else nobody."""
        gang = members[0].order.gang
        assert gang is not None
        come = self._come[gang.name]
        come += members
        return come if len(come) == self._sizes[gang.name] else []


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
            if accept is None or accept([(order, placement)]):
                matching.take(placement)
                turns[i] = turns[i]._replace(placement=placement)
                failed.clear()
            else:
                out.add(i)
        if len(again) == before:
            break
    return [turn for i, turn in enumerate(turns) if i not in out]


def _hopes(order: Order) -> bool:
    """Say whether others who find a place may open one for an order that comes alone."""
    return order.gang is None and bool(order.company.together or order.company.spread)


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
            if accept is None or accept([(wish.order, placement)]):
                taken += 1
                yield Turn(*wish, placement)
        matching.take(placement, taken)
