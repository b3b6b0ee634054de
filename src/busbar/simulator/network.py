"""Messages between agents and the exchange: late, lost, twice, out of order, or not at all.

A partition is per node and per direction. Next: `machine.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from busbar.simulator.world import World


class Weather(NamedTuple):
    """How bad the network is."""

    lost: float = 0.0
    doubled: float = 0.0
    late_ms: int = 200
    very_late: float = 0.0
    """Part of the messages that arrive minutes later."""


class Network:
    """Carries messages, or does not."""

    def __init__(self, world: World, weather: Weather) -> None:
        self.world = world
        self.weather = weather
        self.up_cut: set[str] = set()
        """Nodes whose messages do not arrive at the exchange."""
        self.down_cut: set[str] = set()
        """Nodes that no message reaches."""

    def upward(self, node: str, deliver: Callable[[], None]) -> None:
        """Carry a message from a node."""
        self._carry(node, self.up_cut, deliver)

    def downward(self, node: str, deliver: Callable[[], None]) -> None:
        """Carry a message to a node."""
        self._carry(node, self.down_cut, deliver)

    def _carry(self, node: str, cut: set[str], deliver: Callable[[], None]) -> None:
        world, weather = self.world, self.weather
        if node in cut or world.often(weather.lost):
            return
        for _ in range(2 if world.often(weather.doubled) else 1):
            delay = world.between(1, weather.late_ms)
            if world.often(weather.very_late):
                delay += world.between(10_000, 600_000)

            def arrive() -> None:
                if node not in cut:
                    deliver()

            world.after(delay, arrive)
