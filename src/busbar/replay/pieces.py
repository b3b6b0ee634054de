"""Work in pieces, worked out again: every number of pieces, every start. Next: `funnel.py`."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from busbar.model.time import HOUR
from busbar.replay.costs import at_asks

if TYPE_CHECKING:
    from busbar.replay.clearing import Market, Row, Wish

Place = tuple[int, int, "Row"]
"""What it costs, when it starts, where."""


def place(market: Market, wish: Wish) -> None:
    """Put an order where its pieces cost least together, or nowhere."""
    split, best = wish.order["split"], None
    for count in range(1, split["piecesMax"] + 1):
        length = -(-wish.length // count)
        if count > 1 and length < split["minimumMs"]:
            break
        found = cheapest(places(market, wish, length), length, count)
        if found is not None and (best is None or (found[0], count) < best[:2]):
            best = found[0], count, joined(found[2], length)
    if best is None:
        return
    (start, end, row), *later = best[2]
    market.put(wish, row, (start, end))
    for start, end, row in later:
        piece = part_of(wish, start, end)
        piece.goes_on = True
        market.wishes.append(piece)
        market.put(piece, row, (start, end))


def part_of(wish: Wish, start: int, end: int) -> Wish:
    """Give a wish for a part of the work, then and not later, without a place."""
    piece = replace(wish, start=start, length=end - start, forward=False, latest=end)
    piece.row = piece.term = piece.home = None
    return piece


def places(market: Market, wish: Wish, length: int) -> list[Place]:
    """Give the first place in merit order of each start at which a piece finds one."""
    found: list[Place] = []
    start = wish.start
    while start + length <= wish.latest:
        piece = part_of(wish, start, start + length)
        market.take_turn(piece)
        if piece.row is not None:
            found.append((at_asks(market, piece, piece.row, piece.when), start, piece.row))
            market.lift(piece)
        start = start - start % HOUR + HOUR
    return found


def cheapest(options: list[Place], length: int, count: int) -> tuple[Any, ...] | None:
    """Choose so many that share no slot: the least cost, then the earliest starts."""

    @cache
    def best(at: int, left: int) -> tuple[Any, ...] | None:
        if left == 0:
            return 0, (), ()
        found = []
        for i in range(at, len(options)):
            cost, start, row = options[i]
            over = -(-(start + length) // HOUR) * HOUR
            later = next((j for j in range(i, len(options)) if options[j][1] >= over), len(options))
            rest = best(later, left - 1)
            if rest is not None:
                place = start, row
                found.append((cost + rest[0], (start, *rest[1]), (place, *rest[2])))
        return min(found, key=lambda plan: plan[:2], default=None)

    return best(0, count)


def joined(starts: tuple[tuple[int, Row], ...], length: int) -> list[tuple[int, int, Row]]:
    """Give (start, end, row) of the pieces, those that adjoin on one row as one."""
    found: list[tuple[int, int, Row]] = []
    for start, row in starts:
        if found and found[-1][1] == start and found[-1][2] is row:
            found[-1] = found[-1][0], start + length, row
        else:
            found.append((start, start + length, row))
    return found
