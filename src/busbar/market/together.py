"""Where a gang starts: the zone and the time at which all its members find a place for the least.

Each zone and start is tried: the members, the largest first and then the hard to place first, take
the first row of their merit order there. A trial leaves nothing behind. Next: `placing.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from busbar.market.lots import lot
from busbar.market.matching import Matching, Placement
from busbar.market.orders import Order
from busbar.market.terms import Window
from busbar.market.turns import Turn, Wish, by_difficulty, by_size
from busbar.model.time import Instant

Accept = Callable[[list[tuple[Order, Placement]]], bool]
"""Says whether orders may take, all of them, the places that were found for them."""


class Missed(NamedTuple):
    """A gang that found no place: in the zone in which most of it would have had one.

    `found` members of `size` had a place there at the earliest start; `blocked` is the first that
    had none. `zone` None: there is no zone to try.
    """

    found: int
    size: int
    zone: str | None
    blocked: Wish


Taken = tuple[Placement, list[Wish]]
"""A place, and the members that share it."""


class _Trial(NamedTuple):
    places: list[Taken]
    left: list[Wish]

    @property
    def found(self) -> int:
        """Give how many found a place."""
        return sum(len(wishes) for _, wishes in self.places)


class _Choice(NamedTuple):
    """A start and a zone. `least`: its cost if every member had the cheapest row there."""

    least: int
    start: Instant
    lot: int
    name: str
    zone: int


def place_gang(
    matching: Matching, members: list[Wish], seed: int, accept: Accept | None
) -> list[Turn] | None:
    """Place a gang, or none of it; None where `accept` turns it down: it takes no part."""
    sequences = [sequence(matching, members, seed) for sequence in (by_size, by_difficulty)]
    best = _best(matching, members, sequences, seed)
    if best is None:
        matching.missed.setdefault(_name(members), _missed(matching, members, sequences[0], seed))
        return [Turn(*wish) for wish in members]
    if accept is not None and not accept(_pairs(best)):
        return None
    turns = []
    for placement, wishes in best:
        matching.take(placement, len(wishes))
        turns += [Turn(*wish, placement) for wish in wishes]
    return turns


def _pairs(places: list[Taken]) -> list[tuple[Order, Placement]]:
    return [(wish.order, placement) for placement, wishes in places for wish in wishes]


def _best(
    matching: Matching, members: list[Wish], sequences: list[list[Wish]], seed: int
) -> list[Taken] | None:
    """Give the places of the zone and start in which the gang costs least."""
    best: tuple[int, Instant, int, str] | None = None
    found: list[Taken] | None = None
    for choice in _choices(matching, members, seed):
        if best is not None and choice.least > best[0]:
            break
        for sequence in sequences:
            trial = _try(matching, sequence, choice, whole=True)
            if not trial.left:
                cost = sum(_cost(matching, *taken) for taken in trial.places)
                mine = (cost, choice.start, choice.lot, choice.name)
                if best is None or mine < best:
                    best, found = mine, trial.places
                break
    return found


def _choices(matching: Matching, members: list[Wish], seed: int) -> list[_Choice]:
    """Give where and when every member may run, room aside, the cheapest first."""
    kinds = [(next(alike), 1 + sum(1 for _ in alike)) for alike in _kinds(members)]
    found = []
    for zone, name in _zones(matching, members):
        for start, _ in members[0].window.terms():
            cheapest = [_cheapest(matching, wish, start, zone) for wish, _ in kinds]
            if None not in cheapest:
                pairs = zip(cheapest, kinds, strict=True)
                least = sum((cost or 0) * count for cost, (_, count) in pairs)
                found.append(_Choice(least, start, lot(name, seed), name, zone))
    return sorted(found)


def _zones(matching: Matching, members: list[Wish]) -> Iterator[tuple[int, str]]:
    """Give the zones to try: where members are already, if any are."""
    bound = {z for m in members if m.order.gang is not None for z in m.order.gang.zones}
    for zone, name in enumerate(matching.columns.zones.values):
        if not bound or name in bound:
            yield zone, name


def _cheapest(matching: Matching, wish: Wish, start: Instant, zone: int) -> int | None:
    return matching.cheapest(wish.order, _at(wish.window, start), zone)


def _cost(matching: Matching, placement: Placement, wishes: list[Wish]) -> int:
    return matching.dearness(placement) * len(wishes)


def _try(matching: Matching, sequence: list[Wish], choice: _Choice, *, whole: bool) -> _Trial:
    """See who would find a place; with `whole` only as long as all do."""
    places: list[Taken] = []
    left = sequence
    with matching.trial({wish.order.eligibility for wish in sequence}):
        while left:
            before = len(left)
            left = _round(matching, left, choice, places, whole=whole)
            if len(left) == before or not any(_hopes(wish.order) for wish in left):
                break
    return _Trial(places, left)


def _round(
    matching: Matching,
    wishes: list[Wish],
    choice: _Choice,
    places: list[Taken],
    *,
    whole: bool,
) -> list[Wish]:
    """Let each take the first place in its merit order; gives those that find none."""
    without: list[Wish] = []
    for alike in map(list, _kinds(wishes)):
        window = _at(alike[0].window, choice.start)
        while alike:
            placement = matching.find(alike[0].order, window, choice.zone)
            if placement is None:
                break
            count = min(matching.room(placement), len(alike))
            matching.take(placement, count)
            places.append((placement, alike[:count]))
            alike = alike[count:]
        without += alike
        if without and whole and not _hopes(without[-1].order):
            break
    return without


def _missed(matching: Matching, members: list[Wish], sequence: list[Wish], seed: int) -> Missed:
    """See how far the gang came: in each zone at the earliest start."""
    start, best = members[0].window.first, Missed(0, len(members), None, sequence[0])
    zones = [_Choice(0, start, lot(name, seed), name, z) for z, name in _zones(matching, members)]
    for choice in sorted(zones):
        trial = _try(matching, sequence, choice, whole=False)
        if trial.left and (best.zone is None or trial.found > best.found):
            best = Missed(trial.found, len(members), choice.name, trial.left[0])
    return best


def _at(window: Window, start: Instant) -> Window:
    return Window(start, window.length, False, start + window.length)


def _kinds(wishes: list[Wish]) -> Iterator[Iterator[Wish]]:
    return (alike for _, alike in groupby(wishes, key=attrgetter("kind")))


def _hopes(order: Order) -> bool:
    """Say whether others who find a place may open one for an order."""
    return bool(order.company.together or order.company.spread)


def _name(members: list[Wish]) -> str:
    gang = members[0].order.gang
    assert gang is not None
    return gang.name
