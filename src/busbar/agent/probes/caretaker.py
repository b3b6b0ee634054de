"""What follows from a Pod's health: who is ready, who is ended and started again, who is told.

Ending is here, starting again is not: an ended container is like any other, and the Pod's
restartPolicy decides. Next: `prober.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from busbar.agent.api import Api
from busbar.agent.clock import Clock
from busbar.agent.events import event, tell
from busbar.agent.hooks.containers import Containers
from busbar.agent.podstatus import Observed, grace_seconds
from busbar.agent.probes.health import Health, Tracker
from busbar.agent.probes.prober import Asker, Prober
from busbar.agent.probes.spec import Kind, asked
from busbar.agent.runtimes.contract import ContainerStatus
from busbar.model.objects import Object

log = logging.getLogger("busbar.agent.caretaker")


class Caretaker:
    """Looks after one Pod's containers. `wake` is called when something has changed."""

    def __init__(
        self,
        api: Api,
        asker: Asker,
        clock: Clock,
        containers: Containers,
        wake: Callable[[], None],
    ) -> None:
        self._api = api
        self._clock = clock
        self._containers = containers
        self._wake = wake
        self._prober = Prober(asker, clock, wake)
        self._ending: set[str] = set()
        self._unready: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def follow(self, pod: Object, address: str) -> None:
        """Ask what is due; end what has failed, and say so."""
        self._prober.follow(pod, self._containers.statuses, address)
        for status in self._containers.statuses:
            health = self._prober.health(status.name)
            if health is None or status.state != "running":
                continue
            self._tell_unready(pod, status, health.find(Kind.READINESS))
            if health.failed is not None and status.id not in self._ending:
                self._end(pod, status, health.failed)

    def _end(self, pod: Object, status: ContainerStatus, failed: Tracker) -> None:
        why = f"{failed.probe.kind} probe failed: {failed.message}"
        self._ending.add(status.id)
        self._beside(self._say(pod, status.name, why))
        grace = failed.probe.grace_seconds
        grace = grace_seconds(pod) if grace is None else grace
        self._beside(self._containers.end_unhealthy(status.name, grace, why))

    def _tell_unready(self, pod: Object, status: ContainerStatus, tracker: Tracker | None) -> None:
        """Tell once of each time that it became unready."""
        if tracker is None or tracker.verdict is not False:
            self._unready.discard(status.id)
        elif status.id not in self._unready:
            self._unready.add(status.id)
            why = f"{tracker.probe.kind} probe failed: {tracker.message}"
            self._beside(self._say(pod, status.name, why))

    async def _say(self, pod: Object, container: str, why: str) -> None:
        node, now = self._api.settings.node, self._clock.now()
        sentence = f"container {container}: {why}"
        await tell(self._api, event(pod, container, node, "Unhealthy", sentence, now))

    def _beside(self, deed: Coroutine[Any, Any, None]) -> None:
        """Do what may take a while beside everything else."""
        task = asyncio.create_task(deed)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        if task.exception() is not None:
            log.error("looking after containers: %r", task.exception())
        self._wake()

    def shown(self, pod: Object, seen: tuple[Observed, ...]) -> tuple[Observed, ...]:
        """Add to what containers are whether they are started and ready."""
        kinds = {
            container["name"]: {kind for kind in Kind if container.get(f"{kind}Probe")}
            for container in asked(pod)
        }
        return tuple(
            _shown(one, self._prober.health(one.name), kinds[one.name])
            if kinds.get(one.name)
            else one
            for one in seen
        )

    def due_in(self) -> float | None:
        """Give in how many seconds something is to be asked."""
        return self._prober.due_in()

    def close(self) -> None:
        """Ask no more: the Pod is to end. What is being ended goes on ending."""
        self._prober.close()


def _shown(one: Observed, health: Health | None, asked: set[Kind]) -> Observed:
    """Nothing is ready of which nobody has said so yet."""
    if health is not None:
        return one._replace(is_started=health.is_started, is_ready=health.is_ready)
    return one._replace(
        is_started=Kind.STARTUP not in asked, is_ready=not asked & {Kind.STARTUP, Kind.READINESS}
    )
