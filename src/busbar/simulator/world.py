"""Time and chance: a heap of things to happen, one seeded source of randomness.

Nothing else in the simulation knows a clock. Two runs with one seed are the same run.
Next: `exchange.py`.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable

from busbar.model.time import Instant

Action = Callable[[], None]


class World:
    """The clock, what is planned, and chance."""

    def __init__(self, seed: int, start: Instant) -> None:
        self.seed = seed
        self.now: Instant = start
        self.step = 0
        self.chance = random.Random(seed)
        self._planned: list[tuple[Instant, int, Action]] = []
        self._count = 0

    def at(self, when: Instant, action: Action) -> None:
        """Plan something for a time; for now, where that has passed."""
        self._count += 1
        heapq.heappush(self._planned, (max(when, self.now), self._count, action))

    def after(self, ms: int, action: Action) -> None:
        """Plan something for later."""
        self.at(self.now + ms, action)

    def next_at(self) -> Instant | None:
        """Give when the next planned thing happens."""
        return self._planned[0][0] if self._planned else None

    def happen(self) -> None:
        """Let what is planned for now happen."""
        while self._planned and self._planned[0][0] <= self.now:
            _, _, action = heapq.heappop(self._planned)
            self.step += 1
            action()

    def often(self, probability: float) -> bool:
        """Say yes with a probability."""
        return self.chance.random() < probability

    def between(self, low: int, high: int) -> int:
        """Give a whole number from low to high."""
        return self.chance.randint(low, high)
