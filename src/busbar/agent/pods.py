"""Which Pods this node runs: follows the cloud's word and keeps one worker for each.

A list and a watch say what is bound here; workloads of an earlier life of this agent are taken up
from their records first, so a cloud out of reach stops nobody. A Pod that the cloud no longer
knows is stopped. Each word carries the lease's `reprieves` of the moment in which the list was
asked for that it stems from: after a lease was won back, workers start nothing on an older one
(ADR 18). One question at a time, so no answer overtakes another. Next: `worker.py`, one Pod's life.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Protocol

from busbar.agent.api import Api, ApiRefused, Unreachable
from busbar.model.objects import Object, name_of, namespace_of, uid_of

log = logging.getLogger("busbar.agent.pods")
PAUSE_SECONDS, PAUSE_SECONDS_MAX = 0.2, 5.0


class Worker(Protocol):
    """One Pod's life, as this module needs it."""

    @property
    def pod(self) -> Object:
        """Give the Pod as last seen."""
        ...

    @property
    def done(self) -> bool:
        """Say whether nothing of it is left on this node."""
        ...

    def update(self, pod: Object | None, asked: int = 0) -> None:
        """Hear the cloud's latest word; None: it knows no such Pod. `asked`: how fresh it is."""
        ...

    def lease_changed(self, live: bool) -> None:
        """Hear that the right to run was lost or won back."""
        ...

    async def run(self) -> None:
        """Live until nothing is left."""
        ...


class Pods:
    """Keeps one worker per Pod of this node."""

    def __init__(
        self, api: Api, start: Callable[[Object], Worker], reprieves: Callable[[], int]
    ) -> None:
        self._api = api
        self._start = start
        self._reprieves = reprieves
        self._asked = 0
        self._ask_anew = asyncio.Event()
        self._workers: dict[str, Worker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def workers(self) -> dict[str, Worker]:
        """Give the workers by Pod uid."""
        return self._workers

    def find(self, namespace: str, name: str, uid: str = "") -> Worker | None:
        """Give a Pod's worker, by uid where it is known."""
        if uid:
            return self._workers.get(uid)
        for worker in self._workers.values():
            if (namespace_of(worker.pod), name_of(worker.pod)) == (namespace, name):
                return worker
        return None

    def adopt(self, pod: Object) -> None:
        """Take up a Pod of an earlier life of this agent, before the cloud was asked."""
        self._wake(pod, 0)

    async def run(self) -> None:
        """Follow the cloud for ever; what it says is asked anew when the lease was won back."""
        pause = PAUSE_SECONDS
        while True:
            self._ask_anew.clear()
            asked = self._asked = self._reprieves()
            following = asyncio.ensure_future(self._follow(asked))
            if await self._unless_anew(following):
                pause = PAUSE_SECONDS if following.result() else min(PAUSE_SECONDS_MAX, pause * 2)
                await self._unless_anew(asyncio.ensure_future(asyncio.sleep(pause)))

    async def _unless_anew(self, doing: asyncio.Future[Any]) -> bool:
        """Wait for a deed; break it off (False) when everything is to be asked anew."""
        anew = asyncio.ensure_future(self._ask_anew.wait())
        try:
            await asyncio.wait({doing, anew}, return_when=asyncio.FIRST_COMPLETED)
            return not anew.done()
        finally:
            for task in (doing, anew):
                task.cancel()
            await asyncio.wait({doing, anew})

    async def _follow(self, asked: int) -> bool:
        """List, then watch until the stream ends; says whether the list was taken in."""
        query = {"fieldSelector": f"spec.nodeName={self._api.settings.node}"}
        heard = False
        try:
            listed = await self._api.get("/api/v1/pods", query)
            self._replace(listed.get("items") or [], asked)
            heard = True
            await self._watch(query, listed["metadata"]["resourceVersion"], asked)
        except Unreachable as error:
            log.info("the cloud cannot be reached: %s", error)
        except ApiRefused as error:
            log.warning("the cloud refused the list of Pods: %s", error)
        return heard

    async def _watch(self, query: dict[str, str], revision: str, asked: int) -> None:
        query = {**query, "watch": "true", "resourceVersion": revision}
        query |= {"allowWatchBookmarks": "true", "timeoutSeconds": "600"}
        async for event in self._api.lines("/api/v1/pods", query):
            kind, pod = event.get("type"), event.get("object") or {}
            if kind == "ERROR":
                return
            if kind in ("ADDED", "MODIFIED"):
                self._wake(pod, asked)
            elif kind == "DELETED" and uid_of(pod) in self._workers:
                self._workers[uid_of(pod)].update(None)

    def _replace(self, pods: list[dict[str, Any]], asked: int) -> None:
        known = {uid_of(pod) for pod in pods}
        for uid, worker in list(self._workers.items()):
            if uid not in known:
                worker.update(None)
        for pod in pods:
            self._wake({"apiVersion": "v1", "kind": "Pod", **pod}, asked)

    def _wake(self, pod: Object, asked: int) -> None:
        uid = uid_of(pod)
        worker = self._workers.get(uid)
        if worker is not None:
            worker.update(pod, asked)
            return
        worker = self._start(pod)
        worker.update(pod, asked)
        self._workers[uid] = worker
        task = asyncio.create_task(self._live(uid, worker), name=f"pod {uid}")
        self._tasks[uid] = task

    async def _live(self, uid: str, worker: Worker) -> None:
        try:
            await worker.run()
        finally:
            self._workers.pop(uid, None)
            self._tasks.pop(uid, None)

    def lease_changed(self, live: bool) -> None:
        """Tell every worker that the right to run was lost or won back; then ask anew."""
        if live and self._asked != self._reprieves():
            self._ask_anew.set()
        for worker in self._workers.values():
            worker.lease_changed(live)
