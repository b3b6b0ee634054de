"""A store's snapshot of a large market: nodes, offers, a million open contracts, new Pods.

Made straight into the store's sorted maps, as a server has them in memory: putting a million
contracts through transactions would take the better part of an hour. Next: `clearing.py`.
"""

from __future__ import annotations

import random
from typing import Any

from bench.books import GIB, NOW, Size, make_orders, make_supplies

from busbar.market.calendar import Calendar
from busbar.market.offers import Supply
from busbar.market.orders import Order
from busbar.model.money import format_euro
from busbar.model.objects import Key
from busbar.model.time import MINUTE, format_duration, format_instant
from busbar.model.wellknown import GROUP
from busbar.store.sortedmap import SortedMap
from busbar.store.view import Head, View

NAMESPACES = 100
BALANCE = 10**18


class Store:
    """The sorted maps; `snapshot` gives a view of them, as a store does."""

    def __init__(self, size: Size, contracts: int, seed: int) -> None:
        self._maps: dict[tuple[str, str], SortedMap[Any]] = {}
        self._balances: SortedMap[int] = SortedMap()
        self._revision = 0
        self._waiting: list[str] = []
        rows = make_supplies(size, seed)
        for row in rows:
            self._put("", "nodes", "", row.node, _node(row))
        for name, calendar in sorted({(row.offer, row.calendar) for row in rows}, key=str):
            self._put(GROUP, "offers", "", name, _offer(name, calendar))
        for i in range(NAMESPACES):
            self._balances.set(f"ns/team-{i}/available", BALANCE)
        chance = random.Random(seed)
        for i in range(contracts):
            self.add_contract(i, f"node-{chance.randrange(size.nodes)}", chance)

    def add_contract(self, number: int, node: str, chance: random.Random) -> None:
        """Add an open contract on a node; one of five ends at a time of its own."""
        ends = NOW + chance.randint(1, 48 * 60) * MINUTE if chance.random() < 0.2 else None
        namespace, name = f"team-{number % NAMESPACES}", f"work-{number:08d}"
        spec = {
            "order": {"name": name, "uid": name},
            "node": node,
            "vendor": "vendor-0",
            "offer": "standing",
            "cpuMilli": chance.choice([250, 500, 1000]),
            "memoryBytes": chance.choice([1, 2, 4]) * GIB,
            "gpus": 0,
            "slots": [],
            "notAfterMs": ends,
        }
        meta = {"namespace": namespace, "name": name}
        contract = {"metadata": meta, "spec": spec, "status": {"phase": "Running"}}
        self._put(GROUP, "contracts", namespace, name, contract)

    def add_pods(self, size: Size, count: int, seed: int) -> None:
        """Add Pods that wait for a match."""
        for i, order in enumerate(make_orders(count, size, seed)):
            namespace = f"team-{i % NAMESPACES}"
            name = f"new-{seed}-{order.name}"
            self._put("", "pods", namespace, name, _pod(order, namespace, name))
            self._waiting.append(f"{namespace}\0{name}")

    def remove_pods(self) -> None:
        """Remove the Pods that were added."""
        for place in self._waiting:
            self._maps["", "pods"].remove(place)
        self._waiting.clear()

    def snapshot(self) -> View:
        """Give everything as it is now."""
        self._revision += 1
        frozen = {place: found.freeze() for place, found in self._maps.items()}
        return View(self._revision, frozen, self._balances.freeze(), Head())

    def put_object(self, key: Key, obj: Any) -> None:
        """Put any other object."""
        self._put(*key, obj)

    def _put(self, group: str, resource: str, namespace: str, name: str, obj: Any) -> None:
        self._maps.setdefault((group, resource), SortedMap()).set(f"{namespace}\0{name}", obj)


def _node(row: Supply) -> dict[str, Any]:
    labels = {
        **dict(row.labels),
        "topology.kubernetes.io/region": row.zone,
        "busbar.dev/vendor": row.vendor,
        "offer": row.offer,
    }
    cpu, memory, gpus = row.capacity[:3]
    taints = [{"key": t.key, "value": t.value, "effect": t.effect} for t in row.taints]
    amounts = {"cpu": f"{cpu}m", "memory": str(memory), "nvidia.com/gpu": str(gpus)}
    notes = {"busbar.dev/speed-rating-micro": str(row.rating_micro)}
    return {
        "metadata": {"name": row.node, "labels": labels, "annotations": notes},
        "spec": {"taints": taints},
        "status": {"allocatable": amounts, "conditions": [{"type": "Ready", "status": "True"}]},
    }


def _offer(name: str, calendar: Calendar) -> dict[str, Any]:
    rules = [
        {"from": _clock(rule.start), "until": _clock(rule.end), "pricePerDTU": _euro(rule)}
        for rule in calendar.rules
    ]
    spec = {
        "vendor": "vendor-" + name.split("-")[1],
        "pricePerDTU": format_euro(calendar.base_nano or 0),
        "nodeSelector": {"offer": name},
        "calendar": {"timeZone": calendar.zone, "rules": rules},
    }
    return {"metadata": {"name": name, "generation": 1}, "spec": spec}


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _euro(rule: Any) -> str:
    return format_euro(rule.price_nano)


def _pod(order: Order, namespace: str, name: str) -> dict[str, Any]:
    wanted = order.eligibility
    notes = {"busbar.dev/max-euro-per-dtu": format_euro(order.cap_nano)}
    if wanted.regions:
        notes["busbar.dev/region"] = ",".join(wanted.regions)
    if wanted.vendors:
        notes["busbar.dev/vendor"] = ",".join(wanted.vendors)
    if order.duration is not None:
        notes["busbar.dev/expected-duration"] = format_duration(order.duration)
    cpu, memory, gpus = order.requests[:3]
    requests = {"cpu": f"{cpu}m", "memory": str(memory), "nvidia.com/gpu": str(gpus)}
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": name,
            "annotations": notes,
            "creationTimestamp": format_instant(NOW),
        },
        "spec": {
            "containers": [{"name": "main", "resources": {"requests": requests}}],
            "nodeSelector": dict(wanted.selector),
            "tolerations": [t._asdict() for t in wanted.tolerations],
        },
        "status": {"phase": "Pending"},
    }
