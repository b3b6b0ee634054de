"""Who is decided by turns; where, by what costs less.

Turns by cap decide who gets a place when there is not enough. They are not the best way to pack:
so a small batch is arranged again, the hard to place first, and again, the largest first; what
costs less is kept, provided nobody who had a place loses it. Next: `clearing.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from busbar.market.exchange import Exchanged, are_cheapest, exchange, is_small
from busbar.market.matching import Matching
from busbar.market.placing import place_in_turn
from busbar.market.turns import Turn, Wish, by_difficulty, by_size


def arrange(matching: Matching, turns: list[Turn], seed: int) -> list[Turn]:
    """Improve a batch of orders that run now; gives the turns with their places."""
    if not is_small(matching, turns) or are_cheapest(matching, turns):
        return turns
    best = exchange(matching, turns)
    for sequence in (by_difficulty, by_size):
        if not best.is_least:
            other = _again(matching, turns, best, partial(sequence, matching, seed=seed), seed)
            if other.cost < best.cost and _placed(best) <= _placed(other):
                best = other
    matching.start_over(turn.placement for turn in best.turns if turn.placement is not None)
    return best.turns


def _again(
    matching: Matching,
    turns: list[Turn],
    best: Exchanged,
    sequence: Callable[..., list[Wish]],
    seed: int,
) -> Exchanged:
    """Arrange anew: those that had a place in a sequence, then those that had none in their turn.

    Who has company, or belongs to a gang, keeps their place.
    """
    places = {turn.order.id: turn.placement for turn in best.turns}
    turns = [turn._replace(placement=places[turn.order.id]) for turn in turns]
    had_place = [turn for turn in turns if turn.placement is not None]
    kept = [turn for turn in had_place if not turn.order.is_free]
    placed = [Wish(*turn[:3]) for turn in had_place if turn.order.is_free]
    others = [Wish(*turn[:3]) for turn in turns if turn.placement is None]
    matching.start_over(turn.placement for turn in kept if turn.placement is not None)
    wishes = [*sequence(wishes=placed), *others]
    return exchange(matching, [*kept, *place_in_turn(matching, wishes, seed)])


def _placed(arrangement: Exchanged) -> set[str]:
    return {turn.order.id for turn in arrangement.turns if turn.placement is not None}
