"""Gangs, worked out again: every zone and every start is tried. Next: `funnel.py`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from busbar.replay.company import hopes
from busbar.replay.costs import at_asks, base_draw
from busbar.replay.lots import lot
from busbar.replay.turns import hardness, size

if TYPE_CHECKING:
    from busbar.replay.clearing import Market, Wish


def gather(market: Market) -> None:
    """Leave out gangs that are not complete or have no common start; give the rest their terms."""
    found: dict[str, list[Wish]] = defaultdict(list)
    for wish in market.wishes:
        if wish.gang is not None:
            found[wish.gang].append(wish)
    for members in found.values():
        gangs = [wish.order["gang"] for wish in members]
        have = len(members) + max(gang["there"] for gang in gangs)
        start = max(wish.start for wish in members)
        last = min(wish.latest - wish.length for wish in members)
        forward = all(wish.forward for wish in members)
        why = "GangIncomplete" if have < max(gang["size"] for gang in gangs) else ""
        why = why or ("DeadlineTooClose" if start > last else "")
        for wish in members:
            wish.start, wish.forward, wish.latest = start, forward, last + wish.length
            if why:
                market.untimely[wish.order["id"]] = why
                market.wishes.remove(wish)


def draw(market: Market, wish: Wish) -> int:
    """Give what an order draws; of a gang, what all of it does."""
    together = [w for w in market.wishes if wish.gang is not None and w.gang == wish.gang]
    return sum(base_draw(market, w) for w in together or [wish])


def place(market: Market, members: list[Wish]) -> None:
    """Put a gang where and when it costs least, or nowhere."""
    zones = zones_of(market, members)
    outcomes: list[tuple[Any, ...]] = []
    for zone in zones:
        for start, _ in market.terms(members[0]):
            cost = attempt(market, members, start, zone)
            if cost is not None:
                key = cost, start, lot(zone, market.seed), zone
                outcomes.append((*key, [(w, w.place, w.when) for w in members]))
            lift(market, members)
    if outcomes:
        *_, places = min(outcomes, key=lambda outcome: outcome[:-1])
        for wish, row, term in places:
            market.put(wish, row, term)
        return
    name = members[0].gang
    assert name is not None
    market.missed.setdefault(name, nearest(market, members, zones))


def zones_of(market: Market, members: list[Wish]) -> list[str]:
    """Give the zones to try: where members are already, if any are."""
    bound = {zone for wish in members for zone in wish.order["gang"]["zones"]}
    return sorted({r.node["zone"] for r in market.rows if not bound or r.node["zone"] in bound})


def attempt(market: Market, members: list[Wish], start: int, zone: str) -> int | None:
    """Place all members, the largest first, or else the hard ones first; gives what they cost."""
    for first in (size, hardness):
        lift(market, members)
        if not fill(market, sorted(members, key=lambda w: first(market, w)), start, zone):
            return sum(at_asks(market, w, w.place, w.when) for w in members)
    return None


def fill(market: Market, members: list[Wish], start: int, zone: str) -> list[Wish]:
    """Let each take its turn; who waits for company tries again. Gives those left out."""
    left, found = members, True
    while found:
        for wish in left:
            market.take_turn(wish, start, zone)
        still = [wish for wish in left if wish.row is None]
        found = len(still) < len(left) and any(hopes(wish) for wish in still)
        left = still
    return left


def nearest(market: Market, members: list[Wish], zones: list[str]) -> tuple[Wish, str | None]:
    """Give the first member left out in the zone where most find a place at the first start."""
    in_turn: Callable[[str], tuple[int, str]] = lambda zone: (  # noqa: E731
        lot(zone, market.seed),
        zone,
    )
    sequence = sorted(members, key=lambda w: size(market, w))
    best: tuple[int, Wish, str | None] = (-1, sequence[0], None)
    for zone in sorted(zones, key=in_turn):
        left = fill(market, sequence, members[0].start, zone)
        if left and len(members) - len(left) > best[0]:
            best = len(members) - len(left), left[0], zone
        lift(market, members)
    return best[1], best[2]


def lift(market: Market, members: list[Wish]) -> None:
    for wish in members:
        if wish.row is not None:
            market.lift(wish)
