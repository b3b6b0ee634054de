"""Who is decided by turns; where, by what costs less.

Turns by cap decide who gets a place when there is not enough. They are not the best way to pack:
so a small batch is arranged a second time, the hard to place first, and the arrangement that
costs less is kept, provided nobody who had a place loses it. Next: `clearing.py`.
"""

from __future__ import annotations

from busbar.market.company import ALONE
from busbar.market.exchange import Exchanged, exchange, is_small
from busbar.market.matching import Matching
from busbar.market.turns import Turn, Wish, by_difficulty, place_in_turn


def arrange(matching: Matching, turns: list[Turn], seed: int) -> list[Turn]:
    """Improve a batch of orders that run now; gives the turns with their places."""
    if not is_small(matching, turns):
        return turns
    best = exchange(matching, turns)
    if not best.is_least:
        second = _second(matching, best, seed)
        if second.cost < best.cost and _placed(best) <= _placed(second):
            best = second
    matching.start_over(turn.placement for turn in best.turns if turn.placement is not None)
    return best.turns


def _second(matching: Matching, first: Exchanged, seed: int) -> Exchanged:
    """Arrange anew: those that had a place, the hard ones first, then those that had none.

    Who has company keeps their place.
    """
    had_place = [turn for turn in first.turns if turn.placement is not None]
    kept = [turn for turn in had_place if turn.order.company != ALONE]
    placed = [Wish(*turn[:3]) for turn in had_place if turn.order.company == ALONE]
    others = [Wish(*turn[:3]) for turn in first.turns if turn.placement is None]
    matching.start_over(turn.placement for turn in kept if turn.placement is not None)
    wishes = [*by_difficulty(matching, placed, seed), *others]
    return exchange(matching, [*kept, *place_in_turn(matching, wishes)])


def _placed(arrangement: Exchanged) -> set[str]:
    return {turn.order.id for turn in arrangement.turns if turn.placement is not None}
