"""What a season came to: who gained what, what was done, how long it waited, at which prices.

A consumer gains what its finished work was worth to it less what it was billed; a vendor what it
was paid less what its machines' work cost it. Next: `floor.py`.
"""

from __future__ import annotations

from typing import NamedTuple

from busbar.model.dtu import amount
from studies.scene import Scene, Want

BATCH_MS = 5 * 60_000
"""Time between batches: as many orders in each as a larger market has in a second."""
AFTERWARDS = 10
"""Hours after the last order in which what was begun comes to its end."""
NODES = "n{}"
"""How machines are called, by their number."""


class Trade(NamedTuple):
    """What was sold for one slot or a part of it."""

    start_ms: int
    price_nano: int
    dtu_micro: int


class Outcome(NamedTuple):
    """A season afterwards; money in nano-euro, times from the season's begin."""

    scene: Scene
    consumers: dict[int, int]
    vendors: dict[int, int]
    turnover: dict[int, int]
    """What vendors were paid."""
    exchange: int
    done: frozenset[int]
    """The pieces of work that finished in time, by number."""
    waits_ms: dict[int, int]
    """From order to start, of those that started."""
    trades: tuple[Trade, ...]

    @property
    def welfare(self) -> int:
        """Give what everybody gained together."""
        return sum(self.consumers.values()) + sum(self.vendors.values()) + self.exchange

    def gain(self, player: int, *, is_vendors: bool) -> int:
        """Give what one player gained."""
        return (self.vendors if is_vendors else self.consumers)[player]


def worth_nano(want: Want) -> int:
    """Give what a piece of work is worth to who wants it."""
    return amount(want.value_nano, want.draw_micro, want.runs_ms)
