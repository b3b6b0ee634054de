"""GPUs that machines have and work asks for: some of any class, some of one, now and then too many.

It draws from a chance of its own, so that the rest of a life goes on as it would without it.
Next: `tastes.py`.
"""

from __future__ import annotations

import random
from typing import Any

from busbar.model.requests import GPU_RESOURCES
from busbar.model.wellknown import LABEL_GPU_CLASS, LABEL_GPU_PRODUCT

_LABELS: tuple[dict[str, str], ...] = (
    {LABEL_GPU_PRODUCT: "Tesla-T4"},
    {LABEL_GPU_PRODUCT: "NVIDIA-A100-SXM4-40GB"},
    {LABEL_GPU_CLASS: "H100"},
    {LABEL_GPU_CLASS: "of-a-garage"},
    {},
)
_NODES, _ORDERS, _CHOOSY = 0.7, 0.4, 0.2
"""Shares: of the nodes that have GPUs, of the orders that ask for some, of these with a class."""


class Gpus:
    """Makes GPUs and wishes for them; nothing of either where a cloud has none."""

    def __init__(self, seed: int, are_there: bool) -> None:
        self._chance = random.Random(f"gpus {seed}")
        self._are_there = are_there

    def of_node(self) -> tuple[dict[str, str], dict[str, str]]:
        """Give what a machine says of its GPUs: labels, and how many it sells."""
        if not self._often(_NODES):
            return {}, {}
        count = {self._chance.choice(GPU_RESOURCES): str(self._chance.choice((1, 2, 4)))}
        return dict(self._chance.choice(_LABELS)), count

    def of_pod(self) -> dict[str, str]:
        """Give what a Pod requests, beside cpu and memory."""
        return {GPU_RESOURCES[0]: str(self._count())} if self._often(_ORDERS) else {}

    def of_unit(self) -> dict[str, int]:
        """Give the same as Jobs and Procurements write it."""
        return {"gpus": self._count()} if self._often(_ORDERS) else {}

    def selector(self) -> dict[str, Any]:
        """Give the class that a Pod asks for, as part of its spec."""
        if not self._often(_CHOOSY):
            return {}
        return {"nodeSelector": {LABEL_GPU_CLASS: self._chance.choice(("T4", "A100", "H100"))}}

    def _count(self) -> int:
        return self._chance.choice((1, 1, 2, 8))

    def _often(self, share: float) -> bool:
        return self._are_there and self._chance.random() < share
