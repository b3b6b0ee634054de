"""The DTU, the traded good: work that one reference vCPU with 4 GiB does in one hour.

A draw is a rate, in micro-DTU per hour. Source: the market's definition in docs/market.md.
Next: `objects.py`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from busbar.model.money import NanoEuro, format_euro
from busbar.model.time import HOUR

MICRO = 1_000_000
MEMORY_PER_DTU = 4 * 1024**3
REFERENCE_RATING = MICRO
"""The speed rating of the reference vCPU, in millionths."""
RATING_RANGE = (50_000, 20_000_000)
"""Between a twentieth of and twenty times the reference: beyond it a measurement went wrong."""


class Resources(NamedTuple):
    """What a workload requests or a node has: thousandths of a cpu, bytes, pieces, bytes."""

    cpu_milli: int = 0
    memory_bytes: int = 0
    gpus: int = 0
    ephemeral_bytes: int = 0
    """Ephemeral storage: what a Pod writes on its node, gone when the Pod is. It takes room; the
    draw does not depend on it."""

    def fits_in(self, other: Resources) -> bool:
        """Say whether every dimension is at most the other's."""
        return (
            self.cpu_milli <= other.cpu_milli
            and self.memory_bytes <= other.memory_bytes
            and self.gpus <= other.gpus
            and self.ephemeral_bytes <= other.ephemeral_bytes
        )

    def plus(self, other: Resources) -> Resources:
        """Add, dimension by dimension."""
        cpu, memory, gpus, disk = other
        return Resources(
            self.cpu_milli + cpu,
            self.memory_bytes + memory,
            self.gpus + gpus,
            self.ephemeral_bytes + disk,
        )

    def minus(self, other: Resources) -> Resources:
        """Subtract, dimension by dimension; may be negative."""
        cpu, memory, gpus, disk = other
        return Resources(
            self.cpu_milli - cpu,
            self.memory_bytes - memory,
            self.gpus - gpus,
            self.ephemeral_bytes - disk,
        )


def draw_micro(requests: Resources, rating_micro: int, gpu_weight_micro: int = 0) -> int:
    """Give the draw in micro-DTU per hour: the largest dimension times the speed rating.

    `gpu_weight_micro` is what the node's GPUs count as, each, in micro-DTU per hour
    (`busbar.model.gpus`). Rounded up: a draw of zero would run for free.
    """
    cpu = requests.cpu_milli * 1_000
    memory = -(-requests.memory_bytes * MICRO // MEMORY_PER_DTU)
    base = max(cpu, memory, requests.gpus * gpu_weight_micro)
    return -(-base * rating_micro // MICRO)


@lru_cache(maxsize=1 << 14)
def base_draw(requests: Resources, gpu_weight_micro: int = 0) -> int:
    """Give the draw on a reference node, its GPUs of a class of this weight."""
    return draw_micro(requests, REFERENCE_RATING, gpu_weight_micro)


def amount(price: int, draw: int, ms: int) -> NanoEuro:
    """Give the nano-euro for `ms` of a draw (micro-DTU/h) at a price (nano-euro/DTU).

    Rounded down: the consumer never pays for a fraction that did not run.
    """
    return NanoEuro(price * draw * ms // (MICRO * HOUR))


def format_dtu(micro: int) -> str:
    """Write micro-DTU as DTU: with the digits of money, of which they are thousands."""
    return format_euro(micro * 1_000)
