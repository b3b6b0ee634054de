"""What all people do alike: make things, wait for them, give them up, pay. Next: `wants.py`."""

from __future__ import annotations

from typing import Any

from busbar.controllers.parts.pods import node_of
from busbar.model.objects import Key, Object
from busbar.model.time import MINUTE
from busbar.simulator.door import Door
from busbar.simulator.profile import Profile
from busbar.simulator.world import World

REGIONS = ("Sweden", "Germany")
EURO = 10**9


class Hands:
    """What people share: the door, their payments, the names they have given."""

    def __init__(self, world: World, door: Door, profile: Profile) -> None:
        self.world, self.door, self.profile = world, door, profile
        self.paid_in: dict[str, int] = {}
        """Payments by their key: each counts once, however often it is entered."""
        self.is_active = True
        self._count = 0

    def make(self, key: Key, **fields: Any) -> bool:
        return self.door.create(key, self.world.now, **fields)

    def place(self, key: Key, **fields: Any) -> None:
        """Place an order, and give it up when nobody takes it for too long."""
        self.make(key, **fields)
        patience = self.world.between(MINUTE, self.profile.patience_ms)
        self.world.after(patience, lambda: self._give_up(key))

    def _give_up(self, key: Key) -> None:
        order = self.door.get(key)
        if order is None or not self.door.is_open:
            return
        status = order.get("status") or {}
        waits = not node_of(order) if key.resource == "pods" else not status.get("node")
        if key.group == "apps":
            waits = not status.get("readyReplicas")
        elif key.group == "batch":
            waits = not (status.get("ready") or status.get("succeeded"))
        if waits:
            self.door.delete(key, self.world.now)

    def pay(self, namespace: str, amount: int) -> None:
        """Pay in, sometimes twice under one key: it must count once."""
        self._count += 1
        self.paid_in[f"pay-{self._count}"] = amount
        for _ in range(2 if self.world.often(0.3) else 1):
            self.door.pay_in(namespace, amount, self.world.now, f"pay-{self._count}")

    def home(self) -> str:
        return f"ns{self.world.between(0, self.profile.namespaces - 1)}"

    def next_name(self, stem: str) -> str:
        self._count += 1
        return f"{stem}-{self._count}"

    def any_of(self, group: str, resource: str) -> Object | None:
        found = self.door.all_of(group, resource)
        return self.world.chance.choice(found) if found else None
