"""Which Pods this node runs: follows the cloud's word and keeps one worker for each.

A list and a watch say what is bound here; workloads of an earlier life of this agent are taken up
from their records first, so a cloud out of reach stops nobody. A Pod that the cloud no longer
knows is stopped. Next: `worker.py`, one Pod's life.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Protocol

from busbar.agent.api import Api, ApiRefused, Unreachable
from busbar.model.objects import Object, name_of, namespace_of, uid_of

log = logging.getLogger("busbar.agent.pods")


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

    def update(self, pod: Object | None) -> None:
        """Hear the cloud's latest word; None: it knows no such Pod."""
        ...

    def lease_changed(self, live: bool) -> None:
        """Hear that the right to run was lost or won back."""
        ...

    async def run(self) -> None:
        """Live until nothing is left."""
        ...


class Pods:
    """Keeps one worker per Pod of this node."""

    def __init__(self, api: Api, start: Callable[[Object], Worker]) -> None:
        self._api = api
        self._start = start
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
        self._wake(pod)

    async def run(self) -> None:
        """Follow the cloud for ever."""
        query = {"fieldSelector": f"spec.nodeName={self._api.settings.node}"}
        pause = 0.2
        while True:
            try:
                listed = await self._api.get("/api/v1/pods", query)
                self._replace(listed.get("items") or [])
                pause = 0.2
                await self._watch(query, listed["metadata"]["resourceVersion"])
            except Unreachable as error:
                log.info("the cloud cannot be reached: %s", error)
            except ApiRefused as error:
                log.warning("the cloud refused the list of Pods: %s", error)
            await asyncio.sleep(pause)
            pause = min(5.0, pause * 2)

    async def _watch(self, query: dict[str, str], revision: str) -> None:
        query = {**query, "watch": "true", "resourceVersion": revision}
        query |= {"allowWatchBookmarks": "true", "timeoutSeconds": "600"}
        async for event in self._api.lines("/api/v1/pods", query):
            kind, pod = event.get("type"), event.get("object") or {}
            if kind == "ERROR":
                return
            if kind in ("ADDED", "MODIFIED"):
                self._wake(pod)
            elif kind == "DELETED" and uid_of(pod) in self._workers:
                self._workers[uid_of(pod)].update(None)

    def _replace(self, pods: list[dict[str, Any]]) -> None:
        known = {uid_of(pod) for pod in pods}
        for uid, worker in list(self._workers.items()):
            if uid not in known:
                worker.update(None)
        for pod in pods:
            self._wake({"apiVersion": "v1", "kind": "Pod", **pod})

    def _wake(self, pod: Object) -> None:
        uid = uid_of(pod)
        worker = self._workers.get(uid)
        if worker is not None:
            worker.update(pod)
            return
        worker = self._start(pod)
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
        """Tell every worker that the right to run was lost or won back."""
        for worker in self._workers.values():
            worker.lease_changed(live)
