"""What people want when they order: terms, sizes, and how their work will behave.

Next: `orders.py`.
"""

from __future__ import annotations

from typing import Any

from busbar.model.time import HOUR, MINUTE, SECOND, format_instant
from busbar.model.wellknown import (
    ANN_CAP,
    ANN_DURATION,
    ANN_MAY_WAIT,
    ANN_NOT_AFTER,
    ANN_REGION,
    ANN_RESERVATION,
    ANN_TERM,
    ANN_VENDOR,
)
from busbar.simulator.disks import Disks
from busbar.simulator.gpus import Gpus
from busbar.simulator.haulage import Haulage
from busbar.simulator.machine import ENV_EXIT_CODE, ENV_RUNS_MS
from busbar.simulator.people.hands import REGIONS, Hands
from busbar.simulator.tastes import Tastes


class Wants:
    """Chooses what an order asks for."""

    def __init__(self, hands: Hands) -> None:
        self.world, self.profile = hands.world, hands.profile
        seed = self.world.seed
        self.tastes = Tastes(seed, self.profile.wary, self.profile.careful)
        self.disks = Disks(seed)
        self.gpus = Gpus(seed, self.profile.gpus)
        self.haulage = Haulage(f"people {seed}")

    def terms(self) -> dict[str, str]:
        world, terms = self.world, self.tastes.start(self.world.now)
        if world.often(0.3):
            terms[ANN_CAP] = f"0.{world.between(5, 120):03d}"
        if world.often(0.3):
            terms[ANN_REGION] = world.chance.choice(REGIONS)
        if world.often(0.2):
            terms[ANN_VENDOR] = f"v{world.between(0, self.profile.vendors)}"
        if world.often(0.3):
            after = world.now + world.between(5, 600) * MINUTE
            terms[ANN_NOT_AFTER] = format_instant(after)
            if world.often(0.5):
                terms[ANN_MAY_WAIT] = "true"
        if self.profile.procures and world.often(0.2):
            terms[ANN_RESERVATION] = world.chance.choice(("keep-0", "keep-1", "none"))
        if world.often(0.1):
            terms[ANN_TERM] = f"{world.between(1, 12)}h"
        if world.often(0.3):
            terms[ANN_DURATION] = f"{world.between(5, 180)}m"
        return terms

    def behaviour(self) -> dict[str, str]:
        runs = self.world.chance.choice((20 * SECOND, 10 * MINUTE, HOUR, 5 * HOUR))
        return {
            ENV_RUNS_MS: str(self.world.between(1, 2 * runs)),
            ENV_EXIT_CODE: "1" if self.world.often(0.1) else "0",
            **self.disks.written(),
        }

    def resources(self) -> dict[str, str]:
        milli = self.world.chance.choice((250, 1000, 2000, 5000))
        return {"cpu": f"{milli}m", "memory": f"{milli}Mi"}

    def reserved(self) -> dict[str, Any]:
        """Give what a container reserves; of GPUs, as Kubernetes asks, no less than its limit."""
        gpus = self.gpus.of_pod()
        asked = {**self.resources(), **self.disks.of_pod(), **gpus}
        return {"requests": asked, **({"limits": gpus} if gpus else {})}

    def unit(self) -> dict[str, Any]:
        """Give the same as Jobs and Procurements write it."""
        return {**self.resources(), **self.disks.of_unit(), **self.gpus.of_unit()}

    def pod_spec(self) -> dict[str, Any]:
        env = [{"name": name, "value": value} for name, value in self.behaviour().items()]
        container = {
            "name": "main",
            "image": "work",
            "env": env,
            "resources": self.reserved(),
        }
        spec = {"containers": [container], "restartPolicy": "Never", **self.tastes.affinity()}
        return spec | self.haulage.volumes() | self.gpus.selector()

    def notes(self) -> dict[str, str]:
        return {**self.terms(), **self.tastes.notes(), **self.haulage.notes()}
