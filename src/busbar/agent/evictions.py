"""Holds Pods to the disk that they bought: looks now and then, and ends who has written more.

There are no quotas on most machines, so it is done as kubelets do it without them: what containers
write to their own file systems, their logs and their emptyDirs are counted on the disk, and who is
over a limit is evicted at once, without grace. Between two looks more can be written; the reserve
(`storage.py`) is for that. A Pod that bought none has what is left over: where the disk no longer
holds what others have bought and not written yet, it is the first to go.
Source: Kubernetes, "Local ephemeral storage". Next: `worker.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from busbar.agent.clock import Clock
from busbar.agent.hooks.admit import reserved
from busbar.agent.pods import Pods
from busbar.agent.records import Records
from busbar.agent.refusals import PodRefused
from busbar.agent.runtimes.contract import Runtime
from busbar.agent.storage import COUNT_SECONDS, free_bytes, usage
from busbar.agent.worker import PodWorker
from busbar.model.errors import InvalidField
from busbar.model.objects import Object, containers_of, spec_of
from busbar.model.quantities import format_bytes, whole
from busbar.model.requests import EPHEMERAL_STORAGE

log = logging.getLogger("busbar.agent.evictions")
LOOK_SECONDS = 10.0
_REST = 20
"""A look is followed by a rest of so many times as long as it took: one twentieth of a cpu."""
_MIB = 1024**2
_SPARE = 1024**3
"""What is to be free beside what is owed: for the agent itself, images, and the next look."""


class Limits(NamedTuple):
    """The most bytes that a Pod may have on the disk; `pod` is what it bought, 0: none."""

    pod: int = 0
    containers: tuple[tuple[str, int], ...] = ()
    volumes: tuple[tuple[str, int], ...] = ()


class Written(NamedTuple):
    """The bytes that a Pod has on the disk: by container, logs included, and by emptyDir.

    `whole`: all of it was counted; not so where there are more files than can be.
    """

    containers: dict[str, int]
    volumes: dict[str, int]
    whole: bool = True

    @property
    def total(self) -> int:
        """Give all of it."""
        return sum(self.containers.values()) + sum(self.volumes.values())


def limits_of(pod: Object) -> Limits:
    """Read what a Pod may write; a Pod that cannot be read is refused elsewhere."""
    own = [
        (str(one["name"]), _bytes((one.get("resources") or {}).get("limits") or {}))
        for one in containers_of(spec_of(pod))
    ]
    volumes = [
        (str(volume["name"]), whole(volume["emptyDir"]["sizeLimit"], "sizeLimit"))
        for volume in _on_disk(pod)
        if (volume.get("emptyDir") or {}).get("sizeLimit")
    ]
    stated = tuple((name, most) for name, most in own if most)
    return Limits(reserved(pod).ephemeral_bytes, stated, tuple(volumes))


def excess(limits: Limits, found: Written) -> str:
    """Say in a sentence which limit is exceeded, "" for none."""
    for name, most in limits.volumes:
        if found.volumes.get(name, 0) > most:
            size = _said(found.volumes[name])
            return (
                f"emptyDir volume {name} holds {size}, more than its sizeLimit of "
                f"{format_bytes(most)}: raise the limit, or write less"
            )
    for name, most in limits.containers:
        if found.containers.get(name, 0) > most:
            size = _said(found.containers[name])
            return (
                f"container {name} has written {size}, more than its limit of {format_bytes(most)} "
                "ephemeral-storage: raise resources.limits.ephemeral-storage, or write to a bucket"
            )
    if limits.pod and found.total > limits.pod:
        return (
            f"ephemeral local storage usage of {_said(found.total)} exceeds the "
            f"{format_bytes(limits.pod)} that the Pod reserved: raise "
            "resources.requests.ephemeral-storage, or write to a bucket"
        )
    if limits != Limits() and not found.whole:
        return (
            f"it has more files than can be counted in {COUNT_SECONDS:.0f} s: "
            "write fewer, larger files, or write to a bucket"
        )
    return ""


class Evictor:
    """Looks at this node's Pods, one after the other, for ever."""

    def __init__(
        self, runtime: Runtime, pods: Pods, records: Records, directory: Path, clock: Clock
    ) -> None:
        self._runtime, self._pods, self._records = runtime, pods, records
        self._directory, self._clock = directory, clock

    async def run(self) -> None:
        """Look, rest, and look again."""
        rest = LOOK_SECONDS
        while True:
            await asyncio.sleep(rest)
            begun = self._clock.monotonic()
            try:
                await self.look()
            except OSError as error:  # Such as too many open files: it passes, and so do we.
                log.warning("what Pods have written could not be counted: %s", error)
            rest = max(LOOK_SECONDS, _REST * (self._clock.monotonic() - begun))

    async def look(self) -> None:
        """Evict who is over a limit; where the disk is short, also who is the most over."""
        owed = 0
        for worker in self._running():
            limits = _limits_or_none(worker.pod)
            if limits != Limits():
                found = await self._written(worker)
                self._evict(worker, excess(limits, found))
                owed += max(0, limits.pod - found.total)
        if free_bytes(self._directory) < owed + _SPARE:
            await self._relieve()

    async def _relieve(self) -> None:
        """Evict the Pod that has written most beyond what it bought; one a look."""
        over: list[tuple[int, str, PodWorker]] = []
        for worker in self._running():
            found = await self._written(worker)
            beyond = found.total - _limits_or_none(worker.pod).pod
            if beyond >= _MIB:
                over.append((beyond, worker.uid, worker))
        if over:
            beyond, _, worker = max(over)
            self._evict(
                worker,
                "the node was low on disk, and of its Pods this one had written the most beyond "
                f"what it reserved ({_said(beyond)}): request ephemeral-storage",
            )

    def _running(self) -> list[PodWorker]:
        workers = [w for w in self._pods.workers.values() if isinstance(w, PodWorker)]
        return [worker for worker in workers if worker.containers.any_running()]

    def _evict(self, worker: PodWorker, why: str) -> None:
        if why:
            worker.evict(why)

    async def _written(self, worker: PodWorker) -> Written:
        """Count what a Pod has on the disk."""
        folder = self._records.folder(worker.uid)
        volumes = [str(volume["name"]) for volume in _on_disk(worker.pod)]
        seen = worker.containers.statuses
        logs = [folder / "logs" / status.name for status in seen]
        counted = await usage([*logs, *(folder / "volumes" / "emptyDir" / v for v in volumes)])
        sizes = counted or [0] * (len(logs) + len(volumes))
        own = [await self._runtime.written(status.id) for status in seen]
        of_container = {
            status.name: log_bytes + (bytes_ or 0)
            for status, log_bytes, bytes_ in zip(seen, sizes, own, strict=False)
        }
        is_whole = counted is not None and None not in own
        of_volume = dict(zip(volumes, sizes[len(logs) :], strict=True))
        return Written(of_container, of_volume, is_whole)


def _limits_or_none(pod: Object) -> Limits:
    try:
        return limits_of(pod)
    except (PodRefused, InvalidField):
        return Limits()


def _on_disk(pod: Object) -> Iterator[Object]:
    """Give the emptyDirs that lie on the disk; those in memory are counted as memory."""
    for volume in spec_of(pod).get("volumes") or ():
        kinds = {kind for kind, value in volume.items() if kind != "name" and value is not None}
        in_memory = (volume.get("emptyDir") or {}).get("medium") == "Memory"
        if kinds <= {"emptyDir"} and not in_memory:
            yield volume


def _bytes(amounts: Object) -> int:
    return whole(amounts.get(EPHEMERAL_STORAGE, 0), f"limits[{EPHEMERAL_STORAGE}]")


def _said(count: int) -> str:
    """Write measured bytes for a sentence, in whole MiB."""
    return f"{-(-count // _MIB)}Mi"
