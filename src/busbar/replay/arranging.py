"""Changing places, and arranging anew: steps 4 and 5 of the rule. Next: `gangs.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from busbar.model.dtu import amount
from busbar.replay.costs import base_draw, beyond
from busbar.replay.prices import is_bearable, standing
from busbar.replay.turns import hardness, size

if TYPE_CHECKING:
    from busbar.replay.clearing import Market, Row, Wish

NEVER = 2**60
Sequence = Callable[["Market", "Wish"], tuple[Any, ...]]


def arrange(market: Market, turns: list[Wish]) -> None:
    """Change places; arrange again, the hard ones first, then the largest; keep the best."""
    exchange(market, turns)
    arrange_again(market, turns, hardness)
    arrange_again(market, turns, size)


def arrange_again(
    market: Market, turns: list[Wish], first: Callable[[Market, Wish], tuple[Any, ...]]
) -> None:
    """Arrange anew in another order; keep it where it costs less and nobody loses a place."""
    places = [(w, w.place, w.when) for w in turns if w.row is not None]
    for wish in turns:
        wish.home = wish.row
    before = sum(cost_now(market, w) for w in turns)
    had_none = [w for w in turns if w.row is None]
    stay = [w for w, _, _ in places if w.is_bound]
    again = (
        sorted((w for w, _, _ in places if not w.is_bound), key=lambda w: first(market, w))
        + had_none
    )
    for wish in again:
        if wish.row is not None:
            market.lift(wish)
    market.take_turns(again)
    exchange(market, stay + again)
    nobody_lost = all(w.row is not None for w, _, _ in places)
    if nobody_lost and sum(cost_now(market, w) for w in turns) < before:
        return
    for wish in turns:
        if wish.row is not None:
            market.lift(wish)
    for wish, row, term in places:
        market.put(wish, row, term)


def exchange(market: Market, turns: list[Wish]) -> None:
    for wish in turns:
        wish.home = wish.row
    for _ in range(2 * len(turns)):
        changes_ = sorted(savings(market, turns), key=lambda c: c[:-1])
        for *_, moves in changes_:
            if keeps_caps(market, turns, moves):
                move(market, moves)
                break
        else:
            return


def cost(market: Market, wish: Wish, row: Row) -> int:
    """Give what a row costs an order that runs now, at the asks, on a reference node."""
    if wish.is_bound and row is not wish.row:
        return NEVER
    if market.shares.binds(wish, row) and row is not wish.home:
        return NEVER
    key = wish.order["id"], row.name
    if key not in market.costs:
        market.costs[key] = work_out_cost(market, wish, row)
    return market.costs[key]


def work_out_cost(market: Market, wish: Wish, row: Row) -> int:
    term = (wish.start, wish.start + wish.length)
    if not market.sells(wish, row, term):
        return NEVER
    draw = base_draw(market, wish)
    parts = market.parts(term)
    price = sum(amount(row.asks[cell] or 0, draw, ms) for cell, ms in parts)
    return price + beyond(market, wish, row)


def cost_now(market: Market, wish: Wish) -> int:
    if wish.row is not None:
        return cost(market, wish, wish.row)
    most = 0
    if wish.order.get("burden"):
        may = [row for row in market.rows if cost(market, wish, row) < NEVER]
        most = max((beyond(market, wish, row) for row in may), default=0)
    return amount(wish.order["capNano"], base_draw(market, wish), wish.length) + most + 1


def elsewhere(market: Market, wish: Wish) -> tuple[int, Row | None]:
    """Give the cheapest other node with room, the first in tie order."""
    best: tuple[int, Row | None] = (NEVER, None)
    term = (wish.start, wish.start + wish.length)
    for row in market.rows:
        own = wish.row is not None and row.node["node"] == wish.row.node["node"]
        if not own and cost(market, wish, row) < best[0] and market.has_room(wish, row, term):
            best = (cost(market, wish, row), row)
    return best


def savings(market: Market, turns: list[Wish]) -> Iterator[tuple[Any, ...]]:
    """Give every change that saves something: (-saving, kind, turn, other turn, moves)."""
    now = [cost_now(market, w) for w in turns]
    other_places = [elsewhere(market, w) for w in turns]
    for i, one in enumerate(turns):
        term = (one.start, one.start + one.length)
        least, row = other_places[i]
        if row is not None and now[i] > least:
            yield least - now[i], 0, i, 0, [(one, row)]
        for j, other in enumerate(turns):
            if other.row is None or i == j:
                continue
            if one.row is not None and one.row.node["node"] == other.row.node["node"]:
                continue
            gain = now[i] + now[j] - cost(market, one, other.row)
            least, row = other_places[j]
            displaced = gain - least if row is not None else 0
            swapped = gain - cost(market, other, one.row) if one.row is not None else 0
            if displaced <= 0 and swapped <= 0:
                continue
            if not market.has_room(one, other.row, term, without=other):
                continue
            if displaced > 0:
                yield -displaced, 1, i, j, [(one, other.row), (other, row)]
            back = (other.start, other.start + other.length)
            if swapped > 0 and market.has_room(other, one.place, back, without=one):
                yield -swapped, 2, i, j, [(one, other.row), (other, one.row)]


def keeps_caps(market: Market, turns: list[Wish], moves: list[tuple[Wish, Row]]) -> bool:
    """Say whether a change leaves every class within the caps of its orders."""
    moved = {id(wish) for wish, _ in moves}
    stay = [standing(w) for w in turns if w.row is not None and id(w) not in moved]
    after = [*stay, *((w, row, (w.start, w.start + w.length)) for w, row in moves)]
    return all(is_bearable(market, after, wish.group) for wish, _ in moves)


def move(market: Market, moves: list[tuple[Wish, Row]]) -> None:
    for wish, _ in moves:
        if wish.row is not None:
            market.lift(wish)
    for wish, row in moves:
        market.put(wish, row, (wish.start, wish.start + wish.length))
