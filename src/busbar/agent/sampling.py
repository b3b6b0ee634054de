"""Observed use: looks at what the machine and each container use, and tells the cloud.

One request a look, of some hundred bytes a Pod; nothing is kept, nothing is repeated. A look that
is not heard is followed by the next one, whose counters hold what the lost one held. Next:
`relay.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from pathlib import Path

import msgspec

from busbar.agent.api import Api, ApiRefused, Unreachable
from busbar.agent.clock import Clock, boot_id
from busbar.agent.pods import Pods
from busbar.agent.runtimes.contract import ContainerStatus, Runtime
from busbar.agent.worker import PodWorker
from busbar.model.objects import name_of, namespace_of
from busbar.model.use import SAMPLE_MS, ContainerUse, Counters, PodUse, UseReport

log = logging.getLogger("busbar.agent.sampling")
PROC = Path("/proc")
_TICK_MS = 10
"""A tick of /proc/stat, as the kernel shows it to every program."""


class Sampler:
    """Looks and tells, for ever."""

    def __init__(
        self, api: Api, runtime: Runtime, pods: Pods, clock: Clock, proc: Path = PROC
    ) -> None:
        self._api, self._runtime, self._pods, self._clock = api, runtime, pods, clock
        self._proc = proc
        self._boot = boot_id()

    async def run(self) -> None:
        """Look every `SAMPLE_MS`."""
        while True:
            await asyncio.sleep(SAMPLE_MS / 1000)
            with contextlib.suppress(Unreachable, ApiRefused):
                await self.tell()

    async def tell(self) -> None:
        """Look once, and tell it. Raises `Unreachable` or `ApiRefused`."""
        report = await self.look()
        path = f"/agent/v1/nodes/{self._api.settings.node}/use"
        await self._api.post(path, msgspec.to_builtins(report))

    async def look(self) -> UseReport:
        """Look at every running container of this node's Pods."""
        workers = [w for w in list(self._pods.workers.values()) if isinstance(w, PodWorker)]
        found = [await self._pod(w) for w in workers if w.containers.any_running()]
        at_ms = int(self._clock.monotonic() * 1000)
        return UseReport(at_ms, self._boot, machine_use(self._proc), tuple(found))

    async def _pod(self, worker: PodWorker) -> PodUse:
        pod = worker.pod
        running = [s for s in worker.containers.statuses if s.state == "running"]
        used = [await self._container(status) for status in running]
        return PodUse(namespace_of(pod), name_of(pod), worker.uid, tuple(used))

    async def _container(self, status: ContainerStatus) -> ContainerUse:
        used = await self._runtime.use(status.id)
        return ContainerUse(
            used.cpu_ms,
            used.memory_bytes,
            name=status.name,
            run=status.id,
            peak_bytes=used.memory_peak_bytes,
        )


def machine_use(proc: Path = PROC) -> Counters:
    """Give what the whole machine uses; nothing where the kernel does not say."""
    try:
        first = (proc / "stat").read_text().split("\n", 1)[0].split()[1:]
        memory = _kilobytes((proc / "meminfo").read_text().splitlines())
    except (OSError, ValueError):
        return Counters()
    ticks = [int(word) for word in first]
    idle = sum(ticks[3:5])  # idle and iowait
    # Guests' time (the ninth and tenth) is in user's and nice's already.
    busy_ms = max(0, sum(ticks[:8]) - idle) * _TICK_MS
    used = memory.get("MemTotal", 0) - memory.get("MemAvailable", 0)
    return Counters(busy_ms, max(0, used) * 1024)


def _kilobytes(lines: Iterable[str]) -> dict[str, int]:
    pairs = (line.split()[:2] for line in lines if ":" in line)
    return {name.rstrip(":"): int(number) for name, number in pairs}
