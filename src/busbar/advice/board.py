"""What uses how much just now, in memory: rates made of two reports of a node's counters.

A node's word is bounded as its bills are: it is heard on Pods that are bound to it and on nothing
else, no Pod uses more memory than it bought or more cpu than the node has, and a node that falls
silent is known for `STALE_MS` and then not at all. What it holds is a report a node, and what was
seen since the profiles were last written: nothing grows with time. Next: `profile.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from busbar.model.errors import InvalidField
from busbar.model.objects import (
    Object,
    containers_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from busbar.model.requests import requests_of, resources_of
from busbar.model.time import SECOND, Instant
from busbar.model.use import ContainerUse, Observed, PodUse, Rate, UseReport

STALE_MS = 60 * SECOND
WINDOW_MS_MIN = SECOND
"""Reports that follow each other faster are not listened to."""
SAMPLES_MAX = 64
"""Samples of a container kept until they are summed up; then the latest count."""


class _Heard(NamedTuple):
    report: UseReport
    at: Instant
    observed: dict[str, Observed]
    """By Pod uid."""
    machine: Observed | None


@dataclass
class Seen:
    """One container's samples since they were last taken away."""

    cpu_milli: list[int] = field(default_factory=list)
    memory_bytes: int = 0
    peak_bytes: int = 0


@dataclass
class SeenPod:
    """One Pod's containers; `pod` is the object as it was when last reported on."""

    pod: Object
    at: Instant
    containers: dict[str, Seen] = field(default_factory=dict)


class Board:
    """Takes reports, gives rates, and hands over the samples that were not summed up yet."""

    def __init__(self) -> None:
        self._heard: dict[str, _Heard] = {}
        self._seen: dict[str, SeenPod] = {}

    def take(
        self, node: Object, report: UseReport, pods: Mapping[str, Object], now: Instant
    ) -> None:
        """Take a node's report; `pods` are those of it that are bound there, by uid."""
        name = name_of(node)
        before = self._heard.get(name)
        window = _window(before, report)
        if before is not None and 0 <= window < WINDOW_MS_MIN:
            return
        observed: dict[str, Observed] = {}
        if before is not None and window > 0:
            self._rate(_Two(node, before.report, window, now), report, pods, observed)
        machine = _machine(node, before, report, window, now)
        self._heard[name] = _Heard(report, now, observed, machine)

    def _rate(
        self,
        two: _Two,
        report: UseReport,
        pods: Mapping[str, Object],
        observed: dict[str, Observed],
    ) -> None:
        earlier = {pod.uid: pod for pod in two.before.pods}
        for said in report.pods:
            pod, known = pods.get(said.uid), earlier.get(said.uid)
            if pod is None or known is None:
                continue
            rates = tuple(two.rates(pod, known, said))
            if rates:
                observed[said.uid] = Observed(two.now, two.window, rates)
                self._keep(pod, said, rates, two.now)

    def _keep(self, pod: Object, said: PodUse, rates: tuple[Rate, ...], now: Instant) -> None:
        seen = self._seen.setdefault(uid_of(pod), SeenPod(pod, now))
        seen.pod, seen.at = pod, now
        bought = _bought(pod)
        peaks = {container.name: container.peak_bytes for container in said.containers}
        for rate in rates:
            one = seen.containers.setdefault(rate.name, Seen())
            one.cpu_milli.append(-(-rate.cpu_nano // 1_000_000))
            del one.cpu_milli[:-SAMPLES_MAX]
            one.memory_bytes = max(one.memory_bytes, rate.memory_bytes)
            one.peak_bytes = max(one.peak_bytes, min(peaks.get(rate.name, 0), bought))

    def pod(self, pod: Object, now: Instant) -> Observed | None:
        """Give what a Pod's containers use; None where nobody knows (any more)."""
        heard = self._heard.get(str(spec_of(pod).get("nodeName") or ""))
        if heard is None or now - heard.at > STALE_MS:
            return None
        return heard.observed.get(uid_of(pod))

    def node(self, name: str, now: Instant) -> Observed | None:
        """Give what a machine uses in all; None where nobody knows (any more)."""
        heard = self._heard.get(name)
        return None if heard is None or now - heard.at > STALE_MS else heard.machine

    def hand_over(self, now: Instant) -> list[SeenPod]:
        """Give what was seen since the last time, and forget it, and nodes long silent."""
        found, self._seen = list(self._seen.values()), {}
        for name in [n for n, heard in self._heard.items() if now - heard.at > 60 * STALE_MS]:
            del self._heard[name]
        return sorted(found, key=lambda one: (namespace_of(one.pod), name_of(one.pod)))


class _Two(NamedTuple):
    """Two reports, `window` ms apart by the node's own clock."""

    node: Object
    before: UseReport
    window: int
    now: Instant

    def rates(self, pod: Object, known: PodUse, said: PodUse) -> list[Rate]:
        """Give a Pod's rates, within what it can have."""
        earlier = {one.name: one for one in known.containers}
        most, bought = _cpu_nano_max(self.node), _bought(pod)
        named = {str(c.get("name")) for c in containers_of(spec_of(pod))}
        found = []
        for one in said.containers:
            last = earlier.get(one.name)
            if last is None or one.name not in named or not _continues(last, one):
                continue
            cpu = min((one.cpu_ms - last.cpu_ms) * 10**9 // self.window, most)
            found.append(Rate(one.name, cpu, min(one.memory_bytes, bought)))
        return found


def _window(before: _Heard | None, report: UseReport) -> int:
    """Give the ms between two looks; negative where their clocks do not compare."""
    if before is None or before.report.boot != report.boot:
        return -1
    return report.at_ms - before.report.at_ms


def _continues(last: ContainerUse, one: ContainerUse) -> bool:
    return last.run == one.run and one.cpu_ms >= last.cpu_ms


def _machine(
    node: Object, before: _Heard | None, report: UseReport, window: int, now: Instant
) -> Observed | None:
    if before is None or window <= 0 or report.node.cpu_ms < before.report.node.cpu_ms:
        return None
    capacity = _capacity(node)
    cpu = (report.node.cpu_ms - before.report.node.cpu_ms) * 10**9 // window
    cpu = min(cpu, _cpu_nano_max(node))
    memory = min(report.node.memory_bytes, capacity[1])
    return Observed(now, window, (Rate(name_of(node), cpu, memory),))


def _capacity(node: Object) -> tuple[int, int]:
    """Give a node's whole cpu (thousandths) and memory, as it joined."""
    status = status_of(node)
    try:
        found = resources_of(status.get("capacity") or status.get("allocatable") or {}, "status")
    except InvalidField:
        return 0, 0
    return found.cpu_milli, found.memory_bytes


def _cpu_nano_max(node: Object) -> int:
    return _capacity(node)[0] * 1_000_000


def _bought(pod: Object) -> int:
    try:
        return requests_of(spec_of(pod)).memory_bytes
    except InvalidField:
        return 0
