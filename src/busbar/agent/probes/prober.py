"""Keeps time for a Pod's probes: asks what is due, beside everything else, and remembers answers.

The worker calls `follow` at each of its turns; each answer wakes it for another. What was known
ends with the run of a container, and with the agent. Next: `checks.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from busbar.agent.clock import Clock
from busbar.agent.probes.checks import Answer
from busbar.agent.probes.health import Health, begin
from busbar.agent.probes.spec import Kind, Probe, asked, probes_of
from busbar.agent.runtimes.contract import ContainerStatus
from busbar.model.objects import Object

log = logging.getLogger("busbar.agent.prober")


class Asker(Protocol):
    """Carries out checks."""

    def ask(self, probe: Probe, container_id: str, address: str) -> Awaitable[Answer]:
        """Carry out one check."""
        ...


@dataclass
class _Run:
    """One run of a container."""

    id: str
    health: Health
    tasks: dict[Kind, asyncio.Task[None]] = field(default_factory=dict)

    def end(self) -> None:
        for task in self.tasks.values():
            task.cancel()


class Prober:
    """The probes of one Pod. `wake` is called after each answer."""

    def __init__(self, asker: Asker, clock: Clock, wake: Callable[[], None]) -> None:
        self._asker = asker
        self._clock = clock
        self._wake = wake
        self._runs: dict[str, _Run] = {}

    def follow(self, pod: Object, statuses: Iterable[ContainerStatus], address: str) -> None:
        """Ask what is due of the containers that run; forget those that do not."""
        running = {s.name: s for s in statuses if s.state == "running"}
        for container in asked(pod):
            status = running.get(container["name"])
            probes = probes_of(container) if status is not None else ()
            if probes and status is not None:
                self._follow(self._run(probes, status), address)
        for name in [name for name in self._runs if name not in running]:
            self._runs.pop(name).end()

    def _run(self, probes: tuple[Probe, ...], status: ContainerStatus) -> _Run:
        run = self._runs.get(status.name)
        if run is None or run.id != status.id:
            if run is not None:
                run.end()
            ran_ms = max(0, self._clock.now() - status.started_ms)
            run = self._runs[status.name] = _Run(status.id, begin(probes, self._now() - ran_ms))
        return run

    def _follow(self, run: _Run, address: str) -> None:
        now = self._now()
        for tracker in run.health.asks():
            kind = tracker.probe.kind
            if tracker.due_ms <= now and kind not in run.tasks:
                task = asyncio.create_task(self._ask(run, tracker.probe, address))
                run.tasks[kind] = task

    async def _ask(self, run: _Run, probe: Probe, address: str) -> None:
        try:
            success: bool | None
            success, message = await self._asker.ask(probe, run.id, address)
        except Exception:  # Of ours: not the workload's to answer for.
            log.exception("%s probe of %s: fault", probe.kind, run.id)
            success, message = None, ""
        run.tasks.pop(probe.kind, None)
        run.health = run.health.after(probe.kind, success, message, self._now())
        self._wake()

    def _now(self) -> int:
        return int(self._clock.monotonic() * 1000)

    def health(self, name: str) -> Health | None:
        """Give a running container's health; None where nobody asks."""
        run = self._runs.get(name)
        return run.health if run else None

    def due_in(self) -> float | None:
        """Give in how many seconds the next check is due; those on their way wake by themselves."""
        due = [
            tracker.due_ms
            for run in self._runs.values()
            for tracker in run.health.asks()
            if tracker.probe.kind not in run.tasks
        ]
        return max(0, min(due) - self._now()) / 1000 if due else None

    def close(self) -> None:
        """Ask no more."""
        for run in self._runs.values():
            run.end()
        self._runs.clear()
