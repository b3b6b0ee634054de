"""The strategy study: what each play gains or loses against honest play, in the same seasons.

For each seed and play one season is lived through in which one player plays it and all others are
honest, and compared with the season in which everybody is; the player is another one from seed to
seed. Next: `scarcity.py`.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from studies import floor
from studies.consumers import CONSUMERS
from studies.outcome import Outcome
from studies.plays import HONEST, Play
from studies.scene import CONSUMERS as CONSUMERS_COUNT
from studies.scene import Scene, scene_of
from studies.vendors import vendors_plays

LOADS = (0.8, 1.5)
WITH_RIVALS = tuple(f"ask {percent} % of the cost" for percent in (110, 150, 250))
"""Plays that are tried where another vendor has the same cost, too: what bounds them."""
Live = Callable[[Scene, Play, int], Outcome]


class Gain(NamedTuple):
    """What a play came to, over many seasons, in per cent."""

    play: str
    is_vendors: bool
    load: float
    low: float
    """A tenth of the seasons gave less."""
    median: float
    high: float
    """A tenth of the seasons gave more."""
    others: float
    """What everybody together gained, of what they gained when all were honest: the median."""
    pays_in: int
    """Seasons in which the player gained by it."""
    seasons: int


def plays() -> tuple[Play, ...]:
    """Give all plays."""
    return (*CONSUMERS, *vendors_plays())


def gains(
    seeds: Iterable[int],
    hours: int,
    load: float,
    chosen: Sequence[Play] | None = None,
    live: Live = floor.live,
    rivals: bool = False,
) -> list[Gain]:
    """Give what each play gains at a load; `rivals` as for `scene_of`."""
    found: dict[str, list[tuple[float, float]]] = {}
    tried = chosen if chosen is not None else plays()
    for seed in seeds:
        scene = scene_of(seed, hours, load, rivals)
        honest = _honest(live, seed, hours, load, rivals)
        for play in tried:
            player = seed % (scene.vendors if play.is_vendors else CONSUMERS_COUNT)
            found.setdefault(play.name, []).append(
                _compared(honest, live(scene, play, player), play, player)
            )
    return [_gain(play, load, rivals, found[play.name]) for play in tried]


@lru_cache(maxsize=256)
def _honest(live: Live, seed: int, hours: int, load: float, rivals: bool) -> Outcome:
    return live(scene_of(seed, hours, load, rivals), HONEST, 0)


def _compared(honest: Outcome, other: Outcome, play: Play, player: int) -> tuple[float, float]:
    """Give the player's gain and everybody's, in per cent.

    A consumer's of what it gained when it was honest; a vendor's, which gains little then, of what
    it was paid.
    """
    before = honest.gain(player, is_vendors=play.is_vendors)
    after = other.gain(player, is_vendors=play.is_vendors)
    base = honest.turnover[player] if play.is_vendors else before
    return (
        100 * (after - before) / max(1, base),
        100 * (other.welfare - honest.welfare) / max(1, honest.welfare),
    )


def _gain(play: Play, load: float, rivals: bool, found: list[tuple[float, float]]) -> Gain:
    own = sorted(gain for gain, _ in found)
    low, high = _quantile(own, 0.1), _quantile(own, 0.9)
    pays = sum(gain > 0.05 for gain in own)
    everybody = statistics.median(gain for _, gain in found)
    middle = statistics.median(own)
    name = f"{play.name}, with a rival at the same cost" if rivals else play.name
    return Gain(name, play.is_vendors, load, low, middle, high, everybody, pays, len(own))


def _quantile(values: Sequence[float], part: float) -> float:
    """Give a quantile of sorted values, between neighbours."""
    at = part * (len(values) - 1)
    low = int(at)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (at - low)
