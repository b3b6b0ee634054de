"""Jobs that come again under the same name: what they use is known, and some let advice act.

It draws from a chance of its own, so that the rest of a life goes on as it would without it.
Next: `tastes.py`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from busbar.model.objects import Key, annotate, status_of
from busbar.model.time import HOUR, MINUTE, format_instant
from busbar.model.wellknown import ANN_ACT, GROUP
from busbar.simulator.door import Door
from busbar.simulator.machine import ENV_RUNS_MS
from busbar.simulator.meter import ENV_USES_MIB, ENV_USES_MILLI
from busbar.simulator.world import World

EVERY_MS = 12 * MINUTE
JOBS = 2
"""Such Jobs of a namespace."""
_ACTS = ("RightSize", "LaterDeadline", "RightSize,LaterDeadline", "none", "")
_FINAL = ("Succeeded", "Failed", "Expired")


class Regulars:
    """Runs the same few Jobs again and again."""

    def __init__(
        self, world: World, door: Door, namespaces: int, is_active: Callable[[], bool]
    ) -> None:
        self.world, self.door, self.namespaces = world, door, namespaces
        self._is_active = is_active
        self._chance = random.Random(f"regulars {world.seed}")

    def begin(self) -> None:
        """Let some namespaces opt in, and the first Jobs come."""
        for number in range(self.namespaces):
            act = self._chance.choice(_ACTS)
            key = Key("", "namespaces", "", f"ns{number}")
            if act and self._chance.random() < 0.5:
                self._opt_in(key, act)
        self.world.after(MINUTE, self._again)

    def _opt_in(self, namespace: Key, act: str) -> None:
        self.door.change(namespace, lambda obj: annotate(obj, {ANN_ACT: act}))

    def _again(self) -> None:
        if not self._is_active():
            return
        if self.door.is_open:
            for number in range(self.namespaces):
                for name in range(JOBS):
                    self._turn(Key(GROUP, "jobs", f"ns{number}", f"habit-{name}"))
        self.world.after(self._chance.randint(1, 2 * EVERY_MS), self._again)

    def _turn(self, key: Key) -> None:
        """Take away what has ended; make what is not there."""
        known, now = self.door.get(key), self.world.now
        if known is not None:
            if status_of(known).get("phase") in _FINAL:
                self.door.delete(key, now)
            return
        act = self._chance.choice(_ACTS)
        meta = {"annotations": {ANN_ACT: act}} if act else {}
        self.door.create(key, now, meta=meta, spec=self._spec())

    def _spec(self) -> dict[str, Any]:
        """Ask for much, and mostly use little; now and then more than half of it."""
        uses = self._chance.choice((200, 200, 1500))
        spec: dict[str, Any] = {
            "image": "work",
            "resources": {"cpu": "2", "memory": "2000Mi"},
            "env": {
                ENV_RUNS_MS: str(self._chance.randint(20, 40) * MINUTE),
                ENV_USES_MILLI: str(uses),
                ENV_USES_MIB: str(uses),
            },
            "expectedDuration": "40m",
        }
        if self._chance.random() < 0.5:
            late = self.world.now + self._chance.randint(2, 8) * HOUR
            spec |= {"mayWait": True, "notAfter": format_instant(late)}
        return spec
