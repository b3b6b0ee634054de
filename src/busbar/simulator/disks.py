"""Disk that machines have and work asks for: mostly none of it is asked for, now and then too much.

It draws from a chance of its own, so that the rest of a life goes on as it would without it.
Next: `gpus.py`.
"""

from __future__ import annotations

import random

from busbar.model.errors import InvalidField
from busbar.model.objects import Object, spec_of
from busbar.model.requests import EPHEMERAL_STORAGE, requests_of
from busbar.simulator.meter import MIB, told

ENV_WRITES_MIB = "SIMULATOR_WRITES_MIB"
"""How much a workload writes on its node's disk."""
_ASKED_GIB = (1, 2, 6, 12)
_GIB_PER_CORE = (0, 2, 4, 8)


class Disks:
    """Makes disks and wishes for them."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"disks {seed}")

    def of_node(self, cores: int) -> dict[str, str]:
        """Give what a machine sells of its disk; some were joined before any was sold."""
        size = cores * self._chance.choice(_GIB_PER_CORE)
        return {EPHEMERAL_STORAGE: f"{size}Gi"} if size else {}

    def of_pod(self) -> dict[str, str]:
        """Give what a Pod requests, beside cpu and memory."""
        return self._asked_as(EPHEMERAL_STORAGE)

    def of_unit(self) -> dict[str, str]:
        """Give the same as Jobs and Procurements write it."""
        return self._asked_as("ephemeralStorage")

    def written(self) -> dict[str, str]:
        """Give what a workload is told to write: mostly nothing, at times more than some buy."""
        if self._chance.random() > 0.15:
            return {}
        return {ENV_WRITES_MIB: str(self._chance.choice((100, 1500, 5000)))}

    def _asked_as(self, name: str) -> dict[str, str]:
        if self._chance.random() > 0.3:
            return {}
        return {name: f"{self._chance.choice(_ASKED_GIB)}Gi"}


def fills_disk(pod: Object) -> bool:
    """Say whether a workload writes more than its Pod bought; who bought none is not held to it."""
    try:
        bought = requests_of(spec_of(pod)).ephemeral_bytes
    except InvalidField:
        return False
    return 0 < bought < told(pod, ENV_WRITES_MIB, 0) * MIB
