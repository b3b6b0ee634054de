"""Right-sizing: what a workload's containers should request, from what they were seen to use.

Cpu: the 95th percentile of the decaying histogram, with 15 % head-room; whoever needs more for a
moment gets what is idle on the node, so the very peak need not be bought. Memory: the peak of
eight days with 20 %, because what a Pod bought is the limit at which it is killed; one that was
killed for lack of memory gets half as much again and no less of anything. Next: `idle.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import NamedTuple

from busbar.advice.profile import PERCENT, Profile, Usage, span_ms
from busbar.model.dtu import Resources
from busbar.model.time import DAY

SAMPLES_MIN = 240
"""An hour of looks …"""
SPAN_MS_MIN = DAY
RUNS_MIN = 3
"""… over a day, or in as many runs."""
CPU_HEADROOM_PERCENT, MEMORY_HEADROOM_PERCENT = 15, 20
CPU_FLOOR_MILLI, CPU_STEP_MILLI = 50, 10
MIB = 1024**2
MEMORY_FLOOR_BYTES, MEMORY_STEP_BYTES = 64 * MIB, 16 * MIB
NEAR_PERCENT = 95
"""A peak this near to the request is too near."""


class Sizing(NamedTuple):
    """What the containers should request instead of what they do, by name."""

    now: Mapping[str, Resources]
    better: Mapping[str, Resources]


def is_known_enough(profile: Profile) -> bool:
    """Say whether a workload was seen for long enough to be judged."""
    often = span_ms(profile) >= SPAN_MS_MIN or profile.runs >= RUNS_MIN
    return profile.samples >= SAMPLES_MIN and often


def size(
    profile: Profile, requests: Mapping[str, Resources], killed: Set[str] = frozenset()
) -> Sizing | None:
    """Give what would fit; None where it fits, or too little is known.

    `killed` are containers that lately ended for lack of memory: what is known of them at such a
    time is too little to shrink anything, and enough to grow.
    """
    if not killed and not is_known_enough(profile):
        return None
    better = dict(requests)
    for name, asked in requests.items():
        used = profile.containers.get(name)
        if name in killed:
            better[name] = _grown(asked)
        elif used is not None:
            better[name] = _fitting(asked, used, bool(killed))
        elif not killed:
            return None
    return None if better == requests else Sizing(requests, better)


def _grown(asked: Resources) -> Resources:
    memory = _up(asked.memory_bytes * 3 // 2, MEMORY_STEP_BYTES)
    return asked._replace(memory_bytes=max(memory, MEMORY_FLOOR_BYTES))


def _fitting(asked: Resources, used: Usage, keep: bool) -> Resources:
    cpu = target_cpu_milli(used)
    memory = target_memory_bytes(used)
    near = used.memory_peak_bytes * 100 >= asked.memory_bytes * NEAR_PERCENT
    if keep or (memory > asked.memory_bytes and not near):
        memory = max(asked.memory_bytes, memory if near else 0)
    # More cpu than was asked for is idle cpu of the node, and free: nothing to buy.
    cpu = asked.cpu_milli if keep or cpu > asked.cpu_milli else cpu
    return asked._replace(cpu_milli=cpu, memory_bytes=memory)


def target_cpu_milli(used: Usage) -> int:
    """Give the cpu to request."""
    wanted = used.cpu.quantile(PERCENT) * (100 + CPU_HEADROOM_PERCENT) // 100
    return max(CPU_FLOOR_MILLI, _up(wanted, CPU_STEP_MILLI))


def target_memory_bytes(used: Usage) -> int:
    """Give the memory to request."""
    wanted = used.memory_peak_bytes * (100 + MEMORY_HEADROOM_PERCENT) // 100
    return max(MEMORY_FLOOR_BYTES, _up(wanted, MEMORY_STEP_BYTES))


def total(requests: Mapping[str, Resources]) -> Resources:
    """Add containers up."""
    found = Resources()
    for one in requests.values():
        found = found.plus(one)
    return found


def _up(value: int, step: int) -> int:
    return -(-value // step) * step
