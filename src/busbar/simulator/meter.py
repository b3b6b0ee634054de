"""What an agent's looks at its control groups find: of each workload what it was told to use.

A look every 15 s costs the simulation more than it tells, so a machine tells some minutes of looks
at once. A liar tells of nothing. Next: `people/`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from busbar.model.errors import InvalidField
from busbar.model.objects import Object, name_of, namespace_of, spec_of, uid_of
from busbar.model.requests import requests_of
from busbar.model.time import Instant
from busbar.model.use import SAMPLE_MS, ContainerUse, Counters, PodUse, UseReport

ENV_USES_MILLI = "SIMULATOR_USES_MILLI"
ENV_USES_MIB = "SIMULATOR_USES_MIB"
USES_MILLI, USES_MIB = 50, 10
"""What a workload uses that was told nothing."""
LOOKS_MAX = 20
MIB = 1024**2


class Using(NamedTuple):
    """A workload that runs, and since when."""

    pod: Object
    start: Instant


class Meter:
    """One machine's."""

    def __init__(self, boot: str, lies: bool) -> None:
        self._boot, self._lies = boot, lies
        self._told: Instant = 0

    def looks(self, running: Iterable[Using], now: Instant) -> list[UseReport]:
        """Give the looks since the last time."""
        workloads = list(running)
        begin = max(self._told + SAMPLE_MS, now - (LOOKS_MAX - 1) * SAMPLE_MS)
        found = [self._look(workloads, at) for at in range(begin, now + 1, SAMPLE_MS)]
        self._told = now if found else self._told
        return found

    def _look(self, running: list[Using], at: Instant) -> UseReport:
        pods = [self._pod(one, at) for one in running if one.start <= at]
        return UseReport(at, self._boot, Counters(at // 4), tuple(pods))

    def _pod(self, one: Using, at: Instant) -> PodUse:
        pod, share = one.pod, 0 if self._lies else 1
        cpu = told(pod, ENV_USES_MILLI, USES_MILLI) * (at - one.start) // 1000
        memory = told(pod, ENV_USES_MIB, USES_MIB) * MIB
        name = str(spec_of(pod)["containers"][0]["name"])
        used = ContainerUse(share * cpu, share * memory, name=name, run=uid_of(pod))
        return PodUse(namespace_of(pod), name_of(pod), uid_of(pod), (used,))


def lacks_memory(pod: Object) -> bool:
    """Say whether a workload uses more memory than its Pod bought."""
    try:
        bought = requests_of(spec_of(pod)).memory_bytes
    except InvalidField:
        return False
    return told(pod, ENV_USES_MIB, 0) * MIB > bought


def told(pod: Object, name: str, default: int) -> int:
    """Give what a workload was told by its environment."""
    for entry in spec_of(pod)["containers"][0].get("env") or ():
        if entry["name"] == name:
            return int(entry["value"])
    return default
