"""A door with the exchange's controllers behind it, and an agent that starts what it is given.

The agent runs nothing: it says what an agent would say, at once. What containers do is tested
with real ones, in tests/e2e/cloud.
"""

from __future__ import annotations

import asyncio
from typing import Any

from tests.e2e.kubernetes.conftest import Served, new_uid, now

from busbar.controllers.all import controllers
from busbar.controllers.nodes import Listening
from busbar.controllers.parts.leases import lease_key
from busbar.controllers.parts.pods import epoch_of, is_final, node_of
from busbar.controllers.settings import Settings
from busbar.ledger.settlement import top_up
from busbar.model.objects import Key, Object, condition, is_deleting, name_of, status_of
from busbar.model.resources import BY_COLLECTION, key_of
from busbar.model.time import format_instant, format_micro_time
from busbar.model.wellknown import GROUP, LABEL_REGION, LABEL_VENDOR
from busbar.server.runner import Runner
from busbar.store.contract import Put, Transaction

NODE = "n1"
RENEW_SECONDS = 2


class Working:
    """Controllers and one agent over a served door's store."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self.make(GROUP, "vendors", "elastx", spec={})
        offer = {"vendor": "elastx", "pricePerDTU": "0.04"}
        self.make(GROUP, "offers", "elastx", spec=offer)
        allocatable = {"cpu": "64", "memory": "128Gi", "pods": "110"}
        labels = {LABEL_VENDOR: "elastx", LABEL_REGION: "Sweden"}
        self.make("", "nodes", NODE, labels=labels, spec={}, status={"allocatable": allocatable})
        self.served.run(self._begin())

    async def _begin(self) -> None:
        listening = Listening()
        made = controllers(Settings(), listening)
        runner = Runner(self.served.store, made, now, listening=listening)
        for work in (runner.run(), self._renew(), self._follow()):
            self._tasks.append(asyncio.get_running_loop().create_task(work))

    def stop(self) -> None:
        async def end() -> None:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

        self.served.run(end())

    def pay(self, namespace: str, euro: int) -> None:
        entry = top_up(namespace, euro * 10**9, now(), f"pay-{namespace}")
        self.served.run(self.served.store.commit(Transaction((), (entry,))))

    def make(
        self, group: str, resource: str, name: str, labels: Any = None, **fields: Any
    ) -> Object:
        kind = BY_COLLECTION[group, resource]
        meta = {"name": name, "uid": new_uid(), "creationTimestamp": format_instant(now())}
        if labels:
            meta["labels"] = labels
        obj = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta, **fields}
        return self.served.put(obj, Key(group, resource, "", name))

    async def _renew(self) -> None:
        key = lease_key(NODE)
        while True:
            spec = {
                "holderIdentity": NODE,
                "leaseDurationSeconds": 40,
                "renewTime": format_micro_time(now()),
            }
            meta = {"name": NODE, "namespace": key.namespace, "uid": NODE}
            lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta}
            await self.served.store.commit(Transaction((Put(key, {**lease, "spec": spec}),)))
            await asyncio.sleep(RENEW_SECONDS)

    async def _follow(self) -> None:
        watch = self.served.store.watch_all(after=0)
        async for batch in watch:
            for event in batch:
                if event.key.resource == "pods" and event.type.name != "DELETED":
                    await self._consider(event.key)

    async def _consider(self, key: Key) -> None:
        """Say of a Pod what its agent would: Running and Ready, or ended."""
        pod = await self.served.store.get(key)
        if pod is None or node_of(pod) != NODE or is_final(pod):
            return
        meter = {**(status_of(pod).get("busbar") or {}), "epoch": epoch_of(pod)}
        if is_deleting(pod):
            told = {"phase": "Failed", "busbar": {**meter, "finishedMs": now()}}
        elif condition(pod, "Ready") is None:
            told = _started(pod, meter)
        else:
            return
        fresh = {**pod, "status": {**status_of(pod), **told}}
        revision = int(pod["metadata"]["resourceVersion"])
        await self.served.store.commit(Transaction((Put(key_of(pod), fresh, revision),)))


def _started(pod: Object, meter: dict[str, Any]) -> dict[str, Any]:
    at = format_instant(now())
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": at}
    containers = [
        {"name": one["name"], "ready": True, "restartCount": 0, "state": {"running": {}}}
        for one in pod["spec"]["containers"]
    ]
    return {
        "phase": "Running",
        "conditions": [*(status_of(pod).get("conditions") or ()), ready],
        "containerStatuses": containers,
        "busbar": {**meter, "startedMs": now(), "observedMs": now(), "said": name_of(pod)},
    }
