"""People who keep capacity to sell it again, and people who buy hours of it ahead.

Seldom met where everybody does a little of everything: what is kept is mostly used, or gone. So
they are a crowd of their own beside the others, one namespace that keeps and the rest that buy.
Next: `auditors.py`.
"""

from __future__ import annotations

from typing import Any

from busbar.model.objects import Key
from busbar.model.time import HOUR, MINUTE, format_instant
from busbar.model.wellknown import (
    ANN_DURATION,
    ANN_MAY_WAIT,
    ANN_NOT_AFTER,
    ANN_NOT_BEFORE,
    GROUP,
)
from busbar.simulator.door import Door
from busbar.simulator.machine import ENV_EXIT_CODE, ENV_RUNS_MS
from busbar.simulator.profile import Profile
from busbar.simulator.world import World

KEEPER = "ns0"


class Resellers:
    """Keeps, sells again, and buys ahead, where a profile has them."""

    def __init__(self, world: World, door: Door, profile: Profile) -> None:
        self.world, self.door, self.profile = world, door, profile
        self.is_active = profile.resells
        self._count = 0

    def found(self) -> None:
        """Begin, after the others have founded the cloud."""
        if self.is_active:
            self.world.after(MINUTE, self._act)

    def rest(self) -> None:
        """Order nothing new; what is kept the others end."""
        self.is_active = False

    def _act(self) -> None:
        if not self.is_active:
            return
        if self.door.is_open:
            self.world.chance.choice((self._keep, self._buy, self._buy, self._buy))()
        self.world.after(self.world.between(1, self.profile.order_every_ms), self._act)

    def _keep(self) -> None:
        """Keep more, at another ask, or nothing more."""
        world, key = (
            self.world,
            Key(GROUP, "procurements", KEEPER, f"again-{self.world.between(0, 1)}"),
        )
        ask = f"0.{world.between(1, 20):03d}"
        spec: dict[str, Any] = {
            "units": world.between(1, 3),
            "resources": {"cpu": world.chance.choice(("1", "2")), "memory": "1Gi"},
            "maxEuroPerDTU": "2",
            "horizon": "6h",
            "block": world.chance.choice(("1h", "1h", "3h")),
            "sellAbove": ask,
        }
        if self.door.get(key) is None:
            self.door.create(key, world.now, spec=spec)
        elif world.often(0.1):
            self.door.delete(key, world.now)
        elif world.often(0.3):
            self.door.change(key, lambda obj: {**obj, "spec": {**obj["spec"], "sellAbove": ask}})

    def _buy(self) -> None:
        """Order work for later, or such that may wait; sometimes take it back, late or early."""
        world = self.world
        self._count += 1
        home = f"ns{world.between(0, self.profile.namespaces - 1)}"
        key, notes = Key("", "pods", home, f"ahead-{self._count}"), self._when()
        env = {ENV_RUNS_MS: world.between(MINUTE, 3 * HOUR), ENV_EXIT_CODE: 0}
        container = {
            "name": "main",
            "image": "work",
            "env": [{"name": name, "value": str(value)} for name, value in env.items()],
            "resources": {"requests": {"cpu": world.chance.choice(("500m", "1")), "memory": "1Gi"}},
        }
        spec = {"containers": [container], "restartPolicy": "Never"}
        meta = {"annotations": notes}
        self.door.create(key, world.now, meta=meta, spec=spec, status={"phase": "Pending"})
        world.after(world.between(MINUTE, 8 * HOUR), lambda: self._give_up(key))

    def _give_up(self, key: Key) -> None:
        if self.door.is_open:
            self.door.delete(key, self.world.now)

    def _when(self) -> dict[str, str]:
        world = self.world
        notes = {ANN_DURATION: f"{world.between(20, 200)}m"}
        first = world.now // HOUR * HOUR + world.between(1, 5) * HOUR
        if world.often(0.5):
            return {**notes, ANN_NOT_BEFORE: format_instant(first)}
        if world.often(0.5):
            return {**notes, ANN_MAY_WAIT: "true", ANN_NOT_AFTER: format_instant(first + 5 * HOUR)}
        return notes
