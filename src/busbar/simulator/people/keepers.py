"""Consumers who keep capacity: standing orders that come, change and go. Next: `services.py`."""

from __future__ import annotations

from typing import Any

from busbar.model.objects import Key
from busbar.model.wellknown import GROUP
from busbar.simulator.people.hands import REGIONS, Hands
from busbar.simulator.people.wants import Wants


class Keepers:
    """Places, changes and ends standing orders."""

    def __init__(self, hands: Hands, wants: Wants) -> None:
        self.hands, self.wants, self.world, self.door = hands, wants, hands.world, hands.door

    def procure(self) -> None:
        """Place a standing order, or change or end one that is there."""
        world = self.world
        key = Key(GROUP, "procurements", self.hands.home(), f"keep-{world.between(0, 1)}")
        if self.door.get(key) is None:
            self.hands.make(key, spec=self._standing_order())
        elif world.often(0.4):
            self.door.delete(key, world.now)
        else:
            spec = self._standing_order()
            self.door.change(key, lambda obj: {**obj, "spec": spec})

    def _standing_order(self) -> dict[str, Any]:
        world = self.world
        spec: dict[str, Any] = {
            "units": world.between(1, 3),
            "resources": self.wants.unit(),
            "maxEuroPerDTU": f"0.{world.between(20, 120):03d}",
            "horizon": f"{world.chance.choice((1, 3, 6))}h",
        }
        if world.often(0.5):
            spec["term"] = f"{world.between(1, 12)}h"
        if world.often(0.5):
            hours = world.chance.choice((2, 4))
            spec |= {"block": f"{hours}h", "horizon": "4h", "term": "8h"}
        if world.often(0.5):
            spec["sellAbove"] = f"0.{world.between(5, 60):03d}"
        if world.often(0.2):
            spec["restrictions"] = {"region": world.chance.choice(REGIONS)}
        return spec
