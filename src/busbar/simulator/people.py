"""Who uses the exchange: consumers with all kinds of orders, vendors with moods, an operator.

Everything they do goes through the door, and may be refused. Next: `disks.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol

from busbar.controllers.parts.pods import node_of
from busbar.model.objects import (
    Key,
    Object,
    annotate,
    is_deleting,
    name_of,
    namespace_of,
    spec_of,
    with_metadata,
)
from busbar.model.resources import key_of
from busbar.model.time import HOUR, MINUTE, SECOND, format_instant
from busbar.model.wellknown import (
    ANN_CAP,
    ANN_DURATION,
    ANN_GANG,
    ANN_GANG_SIZE,
    ANN_HOURS,
    ANN_MAY_MOVE,
    ANN_MAY_WAIT,
    ANN_MOVE_HOURS,
    ANN_NOT_AFTER,
    ANN_NOT_BEFORE,
    ANN_RECLAIM,
    ANN_REGION,
    ANN_RESERVATION,
    ANN_TERM,
    ANN_VENDOR,
    GROUP,
    LABEL_REGION,
    LABEL_VENDOR,
    LABEL_ZONE,
    RECLAIM_AT_ONCE,
    RECLAIM_WITH_NOTICE,
)
from busbar.simulator.auditors import Auditors
from busbar.simulator.disks import Disks
from busbar.simulator.door import Door
from busbar.simulator.gpus import Gpus
from busbar.simulator.haulage import BUCKET, Haulage
from busbar.simulator.machine import ENV_EXIT_CODE, ENV_RUNS_MS
from busbar.simulator.profile import Profile
from busbar.simulator.regulars import Regulars
from busbar.simulator.tastes import Tastes
from busbar.simulator.world import World

REGIONS = ("Sweden", "Germany")
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri"]
EURO = 10**9


SERVICES_MAX, SERVICES_MAX_SERVING = 2, 4
"""Deployments of a namespace at a time: they run until somebody ends them."""
MOVE_HOURS = {"timeZone": "Europe/Stockholm", "rules": [{"from": "00:00", "until": "06:00"}]}
"""When some of them may be moved to a cheaper place."""


SLY_EDITS: tuple[dict[str, Any], ...] = (
    {"pricePerDTU": "99", "calendar": None},
    {"pricePerDTU": "0.4", "calendar": None},
    {"calendar": {"timeZone": "UTC", "rules": [{"available": False}]}},
    {"refuses": {"longerThan": "1m"}},
    {"reclaimNotice": "0s", "pricePerDTU": "120", "calendar": None},
    {"nodeSelector": {"nobody": "has-this"}},
    {"attributes": {}, "paused": True},
)
"""How a vendor may try to be rid of its contracts without giving them their notice."""


class Crowd(Protocol):
    """Whoever uses a cloud: what its life asks of them."""

    paid_in: dict[str, int]
    """Payments by their key: each counts once, however often it is entered."""

    def found(self) -> None:
        """Make namespaces, vendors and offers, and begin."""

    def node_object(self, number: int) -> dict[str, Any]:
        """Describe a machine as joining does."""

    def rest(self) -> None:
        """Stop; leave everything open for business."""


class People:
    """Everybody outside the machines."""

    def __init__(self, world: World, door: Door, profile: Profile) -> None:
        self.world, self.door, self.profile = world, door, profile
        self.regulars = Regulars(world, door, profile.namespaces, lambda: self.is_active)
        self.paid_in: dict[str, int] = {}
        """Payments by their key: each counts once, however often it is entered."""
        self.tastes = Tastes(world.seed, profile.wary, profile.careful)
        self.disks = Disks(world.seed)
        self.gpus = Gpus(world.seed, profile.gpus)
        self.haulage = Haulage(f"people {world.seed}")
        self.auditors = Auditors(world, door, profile.audit_every_ms)
        self.is_active = True
        self._count = 0

    # Setting up.

    def found(self) -> None:
        """Make namespaces, vendors and offers."""
        self.world.after(1, self.regulars.begin)
        for number in range(self.profile.namespaces):
            name = f"ns{number}"
            self._make(Key("", "namespaces", "", name))
            self._bucket(name)
            self._pay(name, self.world.between(1, 4 if self.profile.poor else 400) * EURO // 4)
        for number in range(self.profile.vendors):
            self._make(Key(GROUP, "vendors", "", f"v{number}"), spec={})
            self._offer(number)
            self._put_down(f"v{number}")
        self.auditors.found()
        if self.world.often(0.5):
            self._set_fees()
        self.world.after(SECOND, self._order)
        self.world.after(self.profile.meddle_every_ms, self._meddle)

    def node_object(self, number: int) -> dict[str, Any]:
        """Describe a machine as joining does."""
        cores = self.world.chance.choice((2, 4, 8))
        labels, gpus = self.gpus.of_node()
        return {
            "meta": {
                "labels": {
                    LABEL_VENDOR: f"v{number % self.profile.vendors}",
                    LABEL_REGION: REGIONS[number % 2],
                    **self.tastes.labels(),
                    **labels,
                    LABEL_ZONE: f"zone-{number % 3}",
                },
                "annotations": {"busbar.dev/speed-rating-micro": str(self._rating())},
            },
            "spec": {},
            "status": {
                "allocatable": {
                    "cpu": str(cores),
                    "memory": f"{cores * 2}Gi",
                    "pods": "50",
                    **self.disks.of_node(cores),
                    **gpus,
                },
                "images": self.haulage.images(),
            },
        }

    def _rating(self) -> int:
        return self.world.chance.choice((500_000, 1_000_000, 1_300_000))

    def _bucket(self, namespace: str) -> None:
        status = self.haulage.bucket_status()
        self._make(Key(GROUP, "buckets", namespace, BUCKET), spec={}, status=status)

    def _offer(self, vendor: int) -> None:
        self._make(Key(GROUP, "offers", "", f"o{vendor}"), spec=self._offer_spec(vendor))

    def _offer_spec(self, vendor: int) -> dict[str, Any]:
        spec: dict[str, Any] = {"vendor": f"v{vendor}", "pricePerDTU": self._price()}
        if self.profile.patient:
            return {**spec, "calendar": {"timeZone": "UTC", "rules": self._hourly()}}
        spec["attributes"] = self.tastes.attributes()
        spec["reclaimNotice"] = self.world.chance.choice(("0s", "0s", "10m", "3h"))
        spec |= self.tastes.holds_back(self.profile.namespaces)
        spec |= self.haulage.transfer()
        if self.world.often(0.5):
            rule = {"from": "08:00", "until": "18:30", "pricePerDTU": self._price()}
            closed = {"weekdays": ["Sun"], "available": False}
            rules = [rule, closed] if self.world.often(0.3) else [rule]
            spec["calendar"] = {"timeZone": "Europe/Stockholm", "rules": rules}
        return spec

    def _hourly(self) -> list[dict[str, str]]:
        """Give some hours of the day a price of their own."""
        return [
            {"from": f"{h:02}:00", "until": f"{h + 1:02}:00", "pricePerDTU": self._price()}
            for h in range(24)
            if self.world.often(0.4)
        ]

    def _price(self) -> str:
        return f"0.{self.world.between(10, 99):03d}"

    def _place(self, key: Key, **fields: Any) -> None:
        """Place an order, and give it up when nobody takes it for too long."""
        self._make(key, **fields)
        patience = self.world.between(MINUTE, self.profile.patience_ms)
        self.world.after(patience, lambda: self._give_up(key))

    def _give_up(self, key: Key) -> None:
        order = self.door.get(key)
        if order is None or not self.door.is_open:
            return
        status = order.get("status") or {}
        waits = not node_of(order) if key.resource == "pods" else not status.get("node")
        if key.group == "apps":
            waits = not status.get("readyReplicas")
        elif key.group == "batch":
            waits = not (status.get("ready") or status.get("succeeded"))
        if waits:
            self.door.delete(key, self.world.now)

    def _make(self, key: Key, **fields: Any) -> bool:
        return self.door.create(key, self.world.now, **fields)

    def _pay(self, namespace: str, amount: int) -> None:
        """Pay in, sometimes twice under one key: it must count once."""
        self._count += 1
        self.paid_in[f"pay-{self._count}"] = amount
        for _ in range(2 if self.world.often(0.3) else 1):
            self.door.pay_in(namespace, amount, self.world.now, f"pay-{self._count}")

    def _set_fees(self) -> None:
        """Let the exchange change what it takes, in the middle of its life."""
        later = self.world.now + self.world.between(1, 9) * HOUR
        for name, start in (("first", self.world.now), ("later", later)):
            tiers = [{"above": "0.05", "percent": self.world.chance.choice(("0.5", "1"))}]
            spec = {"from": format_instant(start), "percent": "1.5", "tiers": tiers}
            if name == "later" and self.world.often(0.5):
                spec["vendors"] = ["v0"]
            self._make(Key(GROUP, "feeschedules", "", name), spec=spec)

    def _put_down(self, vendor: str) -> None:
        """Put money into a vendor's bond: plenty, little, none."""
        amount = self.world.chance.choice((0, EURO // 1000, 50 * EURO))
        if amount:
            self._count += 1
            self.paid_in[f"bond-{self._count}"] = amount
            self.door.deposit(vendor, amount, self.world.now, f"bond-{self._count}")

    # Ordering.

    def _order(self) -> None:
        if not self.is_active:
            return
        if self.door.is_open:
            orders = [self._job, self._job, self._pod, self._batch_job, self._service, self._gang]
            if self.profile.patient:
                orders += [self._patient_job] * 3
            if self.profile.procures:
                orders.append(self._procure)
            self.world.chance.choice(orders)()
        spread = self.profile.order_every_ms
        self.world.after(self.world.between(1, 2 * spread), self._order)

    def _home(self) -> str:
        return f"ns{self.world.between(0, self.profile.namespaces - 1)}"

    def _terms(self) -> dict[str, str]:
        world, terms = self.world, self.tastes.start(self.world.now)
        if world.often(0.3):
            terms[ANN_CAP] = f"0.{world.between(5, 120):03d}"
        if world.often(0.3):
            terms[ANN_REGION] = world.chance.choice(REGIONS)
        if world.often(0.2):
            terms[ANN_VENDOR] = f"v{world.between(0, self.profile.vendors)}"
        if world.often(0.3):
            after = world.now + world.between(5, 600) * MINUTE
            terms[ANN_NOT_AFTER] = format_instant(after)
            if world.often(0.5):
                terms[ANN_MAY_WAIT] = "true"
        if self.profile.procures and world.often(0.2):
            terms[ANN_RESERVATION] = world.chance.choice(("keep-0", "keep-1", "none"))
        if world.often(0.1):
            terms[ANN_TERM] = f"{world.between(1, 12)}h"
        if world.often(0.3):
            terms[ANN_DURATION] = f"{world.between(5, 180)}m"
        return terms

    def _behaviour(self) -> dict[str, str]:
        runs = self.world.chance.choice((20 * SECOND, 10 * MINUTE, HOUR, 5 * HOUR))
        return {
            ENV_RUNS_MS: str(self.world.between(1, 2 * runs)),
            ENV_EXIT_CODE: "1" if self.world.often(0.1) else "0",
            **self.disks.written(),
        }

    def _resources(self) -> dict[str, str]:
        milli = self.world.chance.choice((250, 1000, 2000, 5000))
        return {"cpu": f"{milli}m", "memory": f"{milli}Mi"}

    def _reserved(self) -> dict[str, Any]:
        """Give what a container reserves; of GPUs, as Kubernetes asks, no less than its limit."""
        gpus = self.gpus.of_pod()
        asked = {**self._resources(), **self.disks.of_pod(), **gpus}
        return {"requests": asked, **({"limits": gpus} if gpus else {})}

    def _unit(self) -> dict[str, Any]:
        """Give the same as Jobs and Procurements write it."""
        return {**self._resources(), **self.disks.of_unit(), **self.gpus.of_unit()}

    def _next_name(self, stem: str) -> str:
        self._count += 1
        return f"{stem}-{self._count}"

    def _pod_spec(self) -> dict[str, Any]:
        env = [{"name": name, "value": value} for name, value in self._behaviour().items()]
        container = {
            "name": "main",
            "image": "work",
            "env": env,
            "resources": self._reserved(),
        }
        spec = {"containers": [container], "restartPolicy": "Never", **self.tastes.affinity()}
        return spec | self.haulage.volumes() | self.gpus.selector()

    def _notes(self) -> dict[str, str]:
        return {**self._terms(), **self.tastes.notes(), **self.haulage.notes()}

    def _pod(self) -> None:
        key = Key("", "pods", self._home(), self._next_name("pod"))
        meta = {"annotations": self._notes()}
        self._place(key, meta=meta, spec=self._pod_spec(), status={"phase": "Pending"})

    def _gang(self) -> None:
        """Place Pods that start together; now and then one of them too few."""
        home, gang = self._home(), self._next_name("gang")
        size = self.world.between(2, 3)
        terms = {**self._terms(), ANN_GANG: gang, ANN_GANG_SIZE: str(size)}
        for number in range(size - self.world.often(0.1)):
            key = Key("", "pods", home, f"{gang}-{number}")
            meta = {"annotations": dict(terms)}
            self._place(key, meta=meta, spec=self._pod_spec(), status={"phase": "Pending"})

    def _job(self) -> None:
        terms = self._terms()
        spec: dict[str, Any] = {
            "image": "work",
            "env": self._behaviour(),
            "resources": self._unit(),
            "backoffLimit": self.world.between(0, 2),
            "restrictions": self.tastes.restrictions(),
            **self.haulage.job_fields(),
        }
        names = {
            ANN_CAP: "maxEuroPerDTU",
            ANN_NOT_BEFORE: "notBefore",
            ANN_NOT_AFTER: "notAfter",
            ANN_DURATION: "expectedDuration",
            ANN_RESERVATION: "reservation",
        }
        spec |= {field: terms[note] for note, field in names.items() if note in terms}
        if ANN_MAY_WAIT in terms:
            spec["mayWait"] = True
        for note, field in ((ANN_REGION, "region"), (ANN_VENDOR, "vendor")):
            if note in terms:
                spec["restrictions"][field] = terms[note]
        if self.world.often(0.3):
            spec["ttlSecondsAfterFinished"] = self.world.between(0, 3600)
        key = Key(GROUP, "jobs", self._home(), self._next_name("job"))
        self._place(key, spec=spec)

    def _patient_job(self) -> None:
        """Place work that may be interrupted, where some hours are cheaper than others."""
        world = self.world
        spec: dict[str, Any] = {
            "image": "work",
            "env": self._behaviour(),
            "resources": self._unit(),
            "backoffLimit": world.between(0, 2),
            "notAfter": format_instant(world.now + world.between(240, 1200) * MINUTE),
            "expectedDuration": f"{world.between(40, 200)}m",
            "mayWait": True,
            "mayBeInterrupted": True,
            "minimumPiece": "20m",
            "maxPieces": world.between(2, 4),
        }
        self._place(Key(GROUP, "jobs", self._home(), self._next_name("job")), spec=spec)

    def _batch_job(self) -> None:
        world = self.world
        wide = world.between(1, 3)
        terms = self._notes()
        if world.often(0.3):
            terms[ANN_GANG_SIZE] = str(wide)
        template = {"metadata": {"annotations": terms}, "spec": self._pod_spec()}
        spec: dict[str, Any] = {
            "template": template,
            "parallelism": wide,
            "completions": world.between(1, 4),
            "backoffLimit": world.between(0, 3),
        }
        if world.often(0.4):
            spec["completionMode"] = "Indexed"
        if world.often(0.2):
            spec["activeDeadlineSeconds"] = world.between(60, 20_000)
        if world.often(0.3):
            spec["ttlSecondsAfterFinished"] = world.between(0, 3600)
        key = Key("batch", "jobs", self._home(), self._next_name("batch"))
        self._place(key, spec=spec)

    def _procure(self) -> None:
        """Place a standing order, or change or end one that is there."""
        world = self.world
        key = Key(GROUP, "procurements", self._home(), f"keep-{world.between(0, 1)}")
        if self.door.get(key) is None:
            self._make(key, spec=self._standing_order())
        elif world.often(0.4):
            self.door.delete(key, world.now)
        else:
            spec = self._standing_order()
            self.door.change(key, lambda obj: {**obj, "spec": spec})

    def _standing_order(self) -> dict[str, Any]:
        world = self.world
        spec: dict[str, Any] = {
            "units": world.between(1, 3),
            "resources": self._unit(),
            "maxEuroPerDTU": f"0.{world.between(20, 120):03d}",
            "horizon": f"{world.chance.choice((1, 3, 6))}h",
        }
        if world.often(0.5):
            spec["term"] = f"{world.between(1, 12)}h"
        if world.often(0.5):
            hours = world.chance.choice((2, 4))
            spec |= {"block": f"{hours}h", "horizon": "4h", "term": "8h"}
        if world.often(0.5):
            spec["sellAbove"] = f"0.{world.between(5, 60):03d}"
        if world.often(0.2):
            spec["restrictions"] = {"region": world.chance.choice(REGIONS)}
        return spec

    def _service(self) -> None:
        """Deploy a service that runs until somebody ends it; end one where there are enough."""
        home = self._home()
        known = self.door.all_of("apps", "deployments", home)
        if len(known) >= (SERVICES_MAX_SERVING if self.profile.serving else SERVICES_MAX):
            self.door.delete(key_of(self.world.chance.choice(known)), self.world.now)
            return
        name = self._next_name("service")
        labels = {"app": name}
        surge, gone = self.world.chance.choice(((1, 0), (0, 1), (2, 1)))
        rolling = {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": gone}}
        spec = {
            "replicas": self.world.between(1, 3),
            "selector": {"matchLabels": labels},
            "strategy": {"type": "Recreate"} if self.world.often(0.2) else rolling,
            "minReadySeconds": self.world.chance.choice((0, 0, 60)),
            "revisionHistoryLimit": self.world.between(0, 3),
            "progressDeadlineSeconds": 600,
            "template": {"metadata": {"labels": labels}, "spec": self._service_pod()},
        }
        notes = {ANN_HOURS: json.dumps(self._hours())} if self.world.often(0.25) else {}
        if name.endswith(("1", "4", "7")):
            notes[ANN_MOVE_HOURS] = json.dumps(MOVE_HOURS)
        meta = {"annotations": notes}
        self._place(Key("apps", "deployments", home, name), meta=meta, spec=spec)
        if self.world.often(0.5):
            budget = {"maxUnavailable": 1, "selector": {"matchLabels": labels}}
            self._make(Key("policy", "poddisruptionbudgets", home, name), spec=budget)

    def _hours(self) -> dict[str, Any]:
        """Give hours in which a service runs: some of each day, where clocks are changed."""
        start = self.world.between(0, 23)
        until = (start + self.world.between(1, 12)) % 24
        rule = {"from": f"{start:02d}:00", "until": f"{until:02d}:30"}
        return {"timeZone": "Europe/Stockholm", "rules": [rule]}

    def _service_pod(self) -> dict[str, Any]:
        milli = self.world.chance.choice((250, 500, 1000))
        container = {
            "name": "main",
            "image": f"service:{self.world.now}",
            "env": [{"name": ENV_RUNS_MS, "value": str(1000 * HOUR)}],
            "resources": {"requests": {"cpu": f"{milli}m", "memory": f"{milli}Mi"}},
        }
        return {"containers": [container], "restartPolicy": "Always"}

    def _roll(self) -> None:
        """Change a service: its template, its size, or whether it is paused."""
        service = self._any("apps", "deployments")
        if service is None:
            return
        spec = spec_of(service)
        notes = {ANN_MAY_MOVE: "false"} if self.world.often(0.2) else {}
        if self.world.often(0.2):
            notes[ANN_TERM] = f"{self.world.between(1, 12)}h"
        meta = {**spec["template"]["metadata"], "annotations": notes}
        template = {"metadata": meta, "spec": self._service_pod()}
        change: dict[str, Any] = self.world.chance.choice(
            ({"template": template}, {"replicas": self.world.between(0, 4)}, {"paused": True})
        )
        paused = False if spec.get("paused") else change.get("paused", False)
        self.door.change(
            key_of(service), lambda obj: {**obj, "spec": {**spec, **change, "paused": paused}}
        )

    # Meddling.

    def _meddle(self) -> None:
        if not self.is_active:
            return
        if self.door.is_open:
            choices: tuple[Callable[[], None], ...] = (
                self._delete_something,
                self._delete_something,
                self._reprice,
                self._withdraw,
                self._pay_more,
                self._budget,
                self._label_pod,
                self._roll,
                self._cordon,
                self._drain,
                self._end_namespace,
            )
            if self.profile.sly:
                choices = (*choices, self._evade, self._evade, self._evade)
            if self.profile.serving:
                choices = (*choices, self._reprice, self._reprice, self._roll)
            self.world.chance.choice(choices)()
        spread = self.profile.meddle_every_ms
        self.world.after(self.world.between(1, 2 * spread), self._meddle)

    def _any(self, group: str, resource: str) -> Object | None:
        found = self.door.all_of(group, resource)
        return self.world.chance.choice(found) if found else None

    def _delete_something(self) -> None:
        group, resource = self.world.chance.choice(
            ((GROUP, "jobs"), ("batch", "jobs"), ("", "pods"), ("apps", "deployments"))
        )
        victim = self._any(group, resource)
        if victim is not None:
            key = Key(group, resource, namespace_of(victim), name_of(victim))
            foreground = resource != "pods" and self.world.often(0.5)
            self.door.delete(key, self.world.now, foreground)

    def _reprice(self) -> None:
        number = self.world.between(0, self.profile.vendors - 1)
        key = Key(GROUP, "offers", "", f"o{number}")
        spec = self._offer_spec(number)
        spec["paused"] = self.world.often(0.1)
        self.door.change(key, lambda obj: {**obj, "spec": spec})

    def _evade(self) -> None:
        """Edit an offer so that its contracts end without a notice, and mend it after a while."""
        number = self.world.between(0, self.profile.vendors - 1)
        key = Key(GROUP, "offers", "", f"o{number}")
        edit = self.world.chance.choice(SLY_EDITS)
        self.door.change(key, lambda obj: {**obj, "spec": {**spec_of(obj), **edit}})
        pause = self.world.between(10, 500) * MINUTE
        self.world.after(pause, lambda: self._mend(number))

    def _mend(self, number: int) -> None:
        spec = self._offer_spec(number)
        key = Key(GROUP, "offers", "", f"o{number}")
        self.door.change(key, lambda obj: {**obj, "spec": spec})

    def _withdraw(self) -> None:
        """Take an offer off the market, and put one there again after a while."""
        number = self.world.between(0, self.profile.vendors - 1)
        key = Key(GROUP, "offers", "", f"o{number}")
        if self.world.often(0.2):  # Gone at once: whoever has a notice is owed it.
            self.door.change(key, lambda obj: with_metadata(obj, finalizers=None))
        self.door.delete(key, self.world.now)
        self.world.after(self.world.between(1, 120) * MINUTE, lambda: self._offer_again(number))

    def _offer_again(self, number: int) -> None:
        if self.door.get(Key(GROUP, "offers", "", f"o{number}")) is None:
            self._offer(number)
        elif self.is_active:
            self.world.after(30 * MINUTE, lambda: self._offer_again(number))

    def _drain(self) -> None:
        """Take a node off the market for a while, mostly with notice."""
        node = self._any("", "nodes")
        if node is None or self.world.often(0.3):
            return
        key = Key("", "nodes", "", name_of(node))
        asked = RECLAIM_AT_ONCE if self.world.often(0.3) else RECLAIM_WITH_NOTICE
        self.door.change(key, lambda obj: annotate(obj, {ANN_RECLAIM: asked}))
        pause = self.world.between(1, 300) * MINUTE
        self.world.after(pause, lambda: self._undrain(key))

    def _undrain(self, key: Key) -> None:
        self.door.change(key, lambda obj: annotate(obj, {ANN_RECLAIM: None}))

    def _pay_more(self) -> None:
        self._pay(self._home(), self.world.between(1, 40) * EURO // 10)

    def _budget(self) -> None:
        budget = None if self.world.often(0.3) else f"{self.world.between(0, 5)}.5"
        spec = {} if budget is None else {"budget": budget}
        key = Key(GROUP, "accounts", self._home(), "account")
        self.door.change(key, lambda obj: {**obj, "spec": spec})

    def _label_pod(self) -> None:
        """Edit a Pod while controllers decide about it."""
        pod = self._any("", "pods")
        if pod is not None:
            key = Key("", "pods", namespace_of(pod), name_of(pod))
            mark = {"simulator/edited": str(self.world.now)}
            self.door.change(key, lambda obj: annotate(obj, mark))

    def _cordon(self) -> None:
        node = self._any("", "nodes")
        if node is not None:
            flag = not spec_of(node).get("unschedulable")
            key = Key("", "nodes", "", name_of(node))
            self.door.change(
                key, lambda obj: {**obj, "spec": {**spec_of(obj), "unschedulable": flag}}
            )

    def _end_namespace(self) -> None:
        """Delete a namespace, seldom; it is made again later, with what it had left."""
        if not self.world.often(0.2):
            return
        name = self._home()
        self.door.delete(Key("", "namespaces", "", name), self.world.now)
        self.world.after(HOUR, lambda: self._again(name))

    def _again(self, name: str) -> None:
        key = Key("", "namespaces", "", name)
        known = self.door.get(key)
        if known is None:
            self._make(key)
            self._bucket(name)
        elif is_deleting(known) and self.is_active:
            self.world.after(HOUR, lambda: self._again(name))

    # The end.

    def rest(self) -> None:
        """Stop ordering and meddling; leave everything open for business."""
        self.is_active = self.auditors.is_active = False
        for number in range(self.profile.vendors if self.profile.sly else 0):
            self._mend(number)
        for held in self.door.all_of(GROUP, "procurements"):
            key = Key(GROUP, "procurements", namespace_of(held), name_of(held))
            self.door.delete(key, self.world.now)
        for node in self.door.all_of("", "nodes"):
            self._undrain(Key("", "nodes", "", name_of(node)))
        for node in self.door.all_of("", "nodes"):
            key = Key("", "nodes", "", name_of(node))
            self.door.change(
                key, lambda obj: {**obj, "spec": {**spec_of(obj), "unschedulable": False}}
            )
