"""A small exchange for controller tests: real store and controllers, time set by hand."""

from __future__ import annotations

from typing import Any

from busbar.controllers.settings import Settings
from busbar.ledger.entries import available, held
from busbar.model.objects import Key, Object, name_of, spec_of, status_of
from busbar.model.requests import GPU_RESOURCES
from busbar.model.time import SECOND, format_instant, parse_instant
from busbar.model.wellknown import GROUP, LABEL_GPU_PRODUCT, LABEL_REGION, LABEL_VENDOR
from busbar.simulator.door import Door
from busbar.simulator.exchange import Exchange
from busbar.simulator.world import World
from busbar.store.contract import Committed, Transaction
from busbar.store.memory import MemoryStore

NOON = parse_instant("2026-11-23T12:00:00Z", "")
EURO = 10**9


class House:
    """An exchange with a door, a clock, and agents that renew leases while they are alive."""

    def __init__(self, at: int = NOON + 20 * 60 * SECOND, **settings: Any) -> None:
        self.world = World(1, at)
        self.store = MemoryStore()
        self.exchange = Exchange(self.world, self.store, Settings(**settings))
        self.exchange.start()
        self.door = Door(self.exchange)
        self.alive: set[str] = set()
        self.paid = 0

    @property
    def now(self) -> int:
        return self.world.now

    @property
    def notes(self) -> list[str]:
        return self.exchange.notes

    # Making things.

    def make(self, group: str, resource: str, namespace: str, name: str, **fields: Any) -> Key:
        key = Key(group, resource, namespace, name)
        assert self.door.create(key, self.now, **fields)
        return key

    def namespace(self, name: str = "xyz", euro: int = 100, **meta: Any) -> None:
        self.make("", "namespaces", "", name, meta=meta)
        self.pay(name, euro * EURO)

    def pay(self, namespace: str, nano: int) -> None:
        self.paid += 1
        assert self.door.pay_in(namespace, nano, self.now, f"pay-{self.paid}")

    def supply(
        self,
        node: str = "n1",
        vendor: str = "elastx",
        price: str = "0.04",
        region: str = "Sweden",
        cpu: str = "4",
        disk: str = "0",
        gpus: int = 0,
        product: str = "",
        **offer: Any,
    ) -> None:
        if self.door.get(Key(GROUP, "vendors", "", vendor)) is None:
            self.make(GROUP, "vendors", "", vendor, spec={})
            spec = {"vendor": vendor, "pricePerDTU": price, **offer}
            self.make(GROUP, "offers", "", vendor, spec=spec)
        labels = {LABEL_VENDOR: vendor, LABEL_REGION: region}
        labels |= {LABEL_GPU_PRODUCT: product} if product else {}
        size = {"cpu": cpu, "memory": "16Gi", "pods": "110", "ephemeral-storage": disk}
        size |= {GPU_RESOURCES[0]: str(gpus)} if gpus else {}
        status = {"allocatable": size}
        self.make("", "nodes", "", node, meta={"labels": labels}, spec={}, status=status)
        self.alive.add(node)
        self.renew()

    def job(self, name: str = "j", **spec: Any) -> Key:
        spec = {"image": "work", "resources": {"cpu": "1", "memory": "2Gi"}, **spec}
        return self.make(GROUP, "jobs", "xyz", name, spec=spec)

    def pod(self, name: str = "p", cpu: str = "1", disk: str = "", **notes: str) -> Key:
        asked = {"cpu": cpu, "memory": "1Gi", **({"ephemeral-storage": disk} if disk else {})}
        container = {"name": "main", "image": "work", "resources": {"requests": asked}}
        spec = {"containers": [container], "restartPolicy": "Never"}
        return self.make(
            "",
            "pods",
            "xyz",
            name,
            meta={"annotations": notes},
            spec=spec,
            status={"phase": "Pending"},
        )

    # Letting time pass.

    def renew(self) -> None:
        for node in self.alive:
            self.door.renew_lease(node, 10 * SECOND)

    def settle(self) -> None:
        """Let everything that is due now, or within a second, happen."""
        self.wait(SECOND)

    def wait(self, ms: int) -> None:
        end = self.now + ms
        beat = self.now
        while True:
            if self.now >= beat:
                self.renew()
                beat = self.now + 5 * SECOND
            self.exchange.work()
            at = min(beat, max(self.exchange.next_at() or end, self.now))
            if at >= end:
                break
            self.world.now = at
        self.world.now = end
        self.renew()
        self.exchange.work()

    # Looking.

    def get(self, key: Key) -> Object:
        found = self.door.get(key)
        assert found is not None
        return found

    def status(self, key: Key) -> dict[str, Any]:
        return status_of(self.get(key))

    def all(self, group: str, resource: str) -> list[Object]:
        return self.door.all_of(group, resource)

    def pods(self) -> list[Object]:
        return self.all("", "pods")

    def only_pod(self) -> Object:
        (pod,) = self.pods()
        return pod

    def contracts(self) -> list[Object]:
        return self.all(GROUP, "contracts")

    def only_contract(self) -> Object:
        (contract,) = self.contracts()
        return contract

    def events(self, reason: str) -> list[str]:
        return [e["message"] for e in self.all("", "events") if e["reason"] == reason]

    def balance(self) -> int:
        return self.store.snapshot_now().balance(available("xyz"))

    def held(self) -> int:
        return self.store.snapshot_now().balance(held("xyz"))

    # Agents.

    def report(self, pod: Object, phase: str, **status: Any) -> bool:
        pod = self.get(Key("", "pods", pod["metadata"]["namespace"], name_of(pod)))
        meta = pod["metadata"]
        meter = {"epoch": int(meta["annotations"]["busbar.dev/epoch"])}
        meter |= status.pop("meter", {})
        told = {"phase": phase, "busbar": meter, **status}
        node = spec_of(pod)["nodeName"]
        return self.door.report(node, meta["namespace"], name_of(pod), meta["uid"], told)

    def runs(self, pod: Object) -> None:
        assert self.report(pod, "Running", meter={"startedMs": self.now})
        self.exchange.work()

    def ends(self, pod: Object, code: int = 0, reason: str = "", message: str = "") -> None:
        ended = {"exitCode": code, "reason": reason or ("Completed" if code == 0 else "Error")}
        status: dict[str, Any] = {
            "containerStatuses": [{"name": "main", "state": {"terminated": ended}}],
            "meter": {"finishedMs": self.now},
        }
        if reason:
            status |= {"reason": reason, "message": message}
        assert self.report(pod, "Failed" if code or reason else "Succeeded", **status)
        self.settle()

    def at(self, ms: int) -> str:
        return format_instant(self.now + ms)

    def commit(self, transaction: Transaction) -> bool:
        return isinstance(self.exchange.commit(transaction), Committed)
