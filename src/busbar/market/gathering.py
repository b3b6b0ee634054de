"""Before a batch: which gangs are complete, and when all their members could start at once.

The members of a gang get windows with the same starts. Next: `together.py`, which finds places.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from busbar.market.orders import place_wanted
from busbar.market.outcome import Refusal
from busbar.market.reasons import Reason
from busbar.market.terms import Window
from busbar.market.turns import Wish
from busbar.model.gangs import Gang

NO_COMMON_START = "the members of the gang have no start in common before their deadlines"


def gather(wishes: list[Wish]) -> tuple[list[Wish], list[Refusal]]:
    """Give the wishes, gangs with windows that they share; and those that cannot start together."""
    gangs: dict[str, list[Wish]] = defaultdict(list)
    for wish in wishes:
        if wish.order.gang is not None:
            gangs[wish.order.gang.name].append(wish)
    if not gangs:
        return wishes, []
    found = [wish for wish in wishes if wish.order.gang is None]
    refused: list[Refusal] = []
    kinds: dict[tuple[object, ...], int] = {}
    for members in gangs.values():
        ready, why = _ready(members)
        for wish, window in ready:
            key = (window, *place_wanted(wish.order))
            found.append(Wish(wish.order, window, kinds.setdefault(key, -1 - len(kinds))))
        if why is not None:
            refused += [Refusal(m.order.id, m.order.namespace, *why) for m in members]
    return found, refused


def _ready(
    members: list[Wish],
) -> tuple[list[tuple[Wish, Window]], tuple[Reason, str] | None]:
    """Give the members with their windows, or why they cannot start together."""
    size, have = counted(wish.order.gang for wish in members if wish.order.gang is not None)
    if have < size:
        return [], (Reason.GANG_INCOMPLETE, f"{have} of {size} members of the gang are there")
    windows = common_windows([wish.window for wish in members])
    if windows is None:
        return [], (Reason.DEADLINE_TOO_CLOSE, NO_COMMON_START)
    return list(zip(members, windows, strict=True)), None


def counted(gangs: Iterable[Gang]) -> tuple[int, int]:
    """Give how many members a gang needs, and how many it has with those in the batch.

    Where they disagree about the size, the largest counts.
    """
    found = list(gangs)
    size, there = max(gang.size for gang in found), max(gang.there for gang in found)
    return size, there + len(found)


def common_windows(windows: list[Window]) -> list[Window] | None:
    """Give the windows with the same starts for all; None where they have none in common."""
    first = max(window.first for window in windows)
    last = min(window.latest_end - window.length for window in windows)
    if first > last:
        return None
    forward = all(window.forward for window in windows)
    return [Window(first, w.length, forward, last + w.length) for w in windows]
