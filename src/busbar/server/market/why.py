"""`GET /market/v1/namespaces/NS/orders/NAME`: why an order waits, and what would have matched.

Next: `app.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from busbar.apis.kubernetes.ports import QuestionRefused
from busbar.controllers.market.trial import Trial, hindrances
from busbar.controllers.parts.pods import contract_key, is_final, node_of
from busbar.controllers.pools import resources_of
from busbar.controllers.standing import Standing
from busbar.market.counterfactual import Alternative, Outlook, outlook
from busbar.market.orders import Order, OrderRefused, fixed_term_of
from busbar.market.outcome import Match
from busbar.model.money import format_euro
from busbar.model.objects import (
    Key,
    Object,
    annotations_of,
    condition,
    controller_of,
    metadata,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)
from busbar.model.places import places_name
from busbar.model.quantities import format_bytes, format_milli
from busbar.model.time import Instant, format_instant
from busbar.model.wellknown import ANN_GANG_PLACES, GROUP
from busbar.server.market.starts import held_of
from busbar.store.contract import Snapshot

ASKER = "asked"
"""The lot of the order asked about: its own would be another in every batch anyway."""
SHOWN_MAX = 5
"""Pods of one job that are gone into; of the others it is said how many there are."""
_JOBS = ((GROUP, "jobs"), ("batch", "jobs"), ("apps", "deployments"), ("apps", "replicasets"))


def why(
    namespace: str, name: str, snapshot: Snapshot, standing: Standing, now: Instant
) -> dict[str, Any]:
    """Give what the market has to say about a job or Pod. Raises `QuestionRefused`."""
    named = {name, *_sets_of(snapshot, namespace, name)}
    pods = [pod for pod in snapshot.list("", "pods", namespace) if _is_of(pod, name, named)]
    found = {"namespace": namespace, "name": name, "at": format_instant(now)}
    if not pods:
        return {**found, "orders": [_job(snapshot, namespace, name)], "more": 0}
    pods.sort(key=lambda pod: (bool(node_of(pod)), is_final(pod), name_of(pod)))
    asked = _Asked(snapshot, standing, namespace, {name_of(pod) for pod in pods}, now)
    orders = [_order(pod, asked) for pod in pods[:SHOWN_MAX]]
    return {**found, "orders": orders, "more": max(0, len(pods) - SHOWN_MAX)}


class _Asked:
    """What waits: the Pods asked about, and the others, beside which they are cleared."""

    def __init__(
        self,
        snapshot: Snapshot,
        standing: Standing,
        namespace: str,
        names: set[str],
        now: Instant,
    ) -> None:
        self.snapshot, self.standing, self.now = snapshot, standing, now
        self._mine: dict[str, Order | OrderRefused] = {}
        self._beside: list[Order] = []
        self._fixed: set[str] = set()
        self._known: dict[tuple[Order, bool], tuple[Outlook, Trial]] = {}
        for pod, order in standing.waiting():
            if isinstance(order, Order):
                laden = standing.freight.laden(order)
                order = standing.dealings.served(laden, spec_of(pod))
                if fixed_term_of(pod):
                    self._fixed.add(order.id)
            if namespace_of(pod) == namespace and name_of(pod) in names:
                self._mine[name_of(pod)] = order
            elif isinstance(order, Order):
                self._beside.append(order)

    def order(self, pod: str) -> Order | OrderRefused | None:
        """Give the order that a Pod is; None for one that does not wait."""
        return self._mine.get(pod)

    def would(self, order: Order) -> tuple[Outlook, Trial]:
        """Ask once for Pods that want the same."""
        terms, is_fixed = replace(order, id=ASKER, name="", submitted=0), self.is_fixed(order)
        key = terms, is_fixed
        if key not in self._known:
            mates = self._mates(order)
            fixed = frozenset({*self._fixed, *({ASKER} if is_fixed else ())})
            trial = Trial(self.standing, self.snapshot, fixed, self.now)

            def find(changed: Order, beside: Sequence[Order]) -> Match | None:
                alike = [_with_terms_of(changed, mate) for mate in mates]
                return trial.find(changed, [*beside, *alike])

            self._known[key] = outlook(trial.book, terms, self._beside, self.now, find), trial
        return self._known[key]

    def is_fixed(self, order: Order) -> bool:
        """Say whether an order asks for a fixed term."""
        return order.id in self._fixed

    def _mates(self, order: Order) -> list[Order]:
        """Give the others of a gang that are asked about as well: what changes, changes for all."""
        if order.gang is None:
            return []
        there = (other for other in self._mine.values() if isinstance(other, Order))
        return [o for o in there if o.gang == order.gang and o.id != order.id]


def _with_terms_of(order: Order, mate: Order) -> Order:
    return replace(order, id=mate.id, name=mate.name, labels=mate.labels, submitted=mate.submitted)


def _sets_of(snapshot: Snapshot, namespace: str, deployment: str) -> list[str]:
    """Give the names of a Deployment's ReplicaSets."""
    found = snapshot.list("apps", "replicasets", namespace)
    return [name_of(one) for one in found if (controller_of(one) or {}).get("name") == deployment]


def _is_of(pod: Object, name: str, owners: set[str]) -> bool:
    references = metadata(pod).get("ownerReferences") or ()
    return name_of(pod) == name or any(one.get("name") in owners for one in references)


def _job(snapshot: Snapshot, namespace: str, name: str) -> dict[str, Any]:
    """Say what a job without a Pod says of itself."""
    for collection in _JOBS:
        job = snapshot.get(Key(*collection, namespace, name))
        if job is not None:
            status = status_of(job)
            said = str(status.get("message") or "it has no Pod (yet), so it is no order")
            state = str(status.get("phase") or "Pending")
            return _answer(name, state, str(status.get("reason") or ""), said)
    raise QuestionRefused(404, f"there is no job or pod {name} in namespace {namespace}")


def _answer(pod: str, state: str, reason: str, message: str, **more: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"funnel": [], "contract": None, "alternatives": [], "asItIs": None}
    empty["held"], empty["places"] = [], None
    return {"pod": pod, "state": state, "reason": reason, "message": message, **empty, **more}


def _order(pod: Object, asked: _Asked) -> dict[str, Any]:
    name, told = name_of(pod), condition(pod, "PodScheduled") or {}
    funnel = list((status_of(pod).get("busbar") or {}).get("funnel") or ())
    order = asked.order(name)
    if isinstance(order, OrderRefused):
        return _answer(name, "Invalid", "InvalidOrder", order.sentence)
    if order is None:
        contract, kept = _contract(pod, asked.snapshot), _kept(pod, asked)
        return _answer(name, *_matched(pod), contract=contract, funnel=funnel, places=kept)
    reason, message = str(told.get("reason") or ""), str(told.get("message") or "")
    found, trial = asked.would(order)
    is_drawn = found.match is not None and trial.draw_of(found.match) is not None
    here = asked.snapshot, order, asked.is_fixed(order), (), asked.now
    return _answer(
        name,
        "Waiting",
        reason,
        message or "it takes part in the next batch",
        funnel=funnel,
        places=_asked_for(order),
        alternatives=[_alternative(answer, trial) for answer in found.alternatives],
        asItIs=None if found.match is None else _place(found.match, trial),
        held=[] if is_drawn else [held_of(one) for one in hindrances(asked.standing, *here)],
    )


def _asked_for(order: Order) -> dict[str, Any] | None:
    """Give the places that an order needs with it; None for most."""
    if order.places is None:
        return None
    unit = order.places.unit
    cpu, memory = format_milli(unit.cpu_milli), format_bytes(unit.memory_bytes)
    return {"count": order.places.number, "cpu": cpu, "memory": memory, "procurement": ""}


def _kept(pod: Object, asked: _Asked) -> dict[str, Any] | None:
    """Give the places that are held for a driver which has its own; None for most."""
    if ANN_GANG_PLACES not in annotations_of(pod):
        return None
    held = asked.standing.pools.held_by(namespace_of(pod), places_name(pod))
    if not held:
        return None
    unit = resources_of(held[0])
    cpu, memory = format_milli(unit.cpu_milli), format_bytes(unit.memory_bytes)
    return {"count": len(held), "cpu": cpu, "memory": memory, "procurement": places_name(pod)}


def _matched(pod: Object) -> tuple[str, str, str]:
    status = status_of(pod)
    if is_final(pod) or status.get("reason"):
        ended = str(status.get("message") or "it has ended")
        return str(status.get("phase") or "Ended"), str(status.get("reason") or ""), ended
    if node_of(pod):
        return "Matched", "", f"it has its place on node {node_of(pod)}"
    if spec_of(pod).get("schedulingGates"):
        return "Gated", "", "its schedulingGates keep it from the market; remove them"
    return "Reserved", "", "it has its contract, for a slot that has not begun"


def _contract(pod: Object, snapshot: Snapshot) -> dict[str, Any] | None:
    key = contract_key(pod)
    contract = snapshot.get(key) if key is not None else None
    if contract is None:
        return None
    spec = spec_of(contract)
    slots = spec.get("slots") or [{}]
    return {
        "name": name_of(contract),
        "phase": status_of(contract).get("phase"),
        "vendor": spec.get("vendor"),
        "zone": spec.get("zone"),
        "node": spec.get("node"),
        "pricePerDTU": format_euro(int(slots[0].get("priceNano") or 0)),
        "start": format_instant(int(slots[0].get("startMs") or 0)),
        **_drawn(spec, slots),
        "resold": bool(spec.get("seller")),
    }


def _drawn(spec: dict[str, Any], slots: list[dict[str, Any]]) -> dict[str, Any]:
    """Say what a contract draws on, until when nothing more is to be paid, and what since then."""
    if not spec.get("reservation"):
        return {"reservation": ""}
    paid = [slot for slot in slots if slot.get("reserved")]
    until = max((int(slot["endMs"]) for slot in paid), default=0)
    since = [slot for slot in slots if slot["startMs"] >= until]
    return {
        "reservation": spec["reservation"],
        "paidUntil": format_instant(until),
        "priceSince": format_euro(int(since[-1]["priceNano"])) if since else "",
    }


def _alternative(found: Alternative, trial: Trial) -> dict[str, Any]:
    place = _place(found.match, trial)
    message = found.sentence
    if place["reservation"]:
        message = f"{found.advice}: it would draw on {place['reservation']}"
    said = {"change": found.change.value, "advice": found.advice, "message": message}
    return {**said, **place}


def _place(match: Match, trial: Trial) -> dict[str, Any]:
    draw = trial.draw_of(match)
    return {
        "pricePerDTU": format_euro(match.highest_nano),
        "cost": format_euro(match.hold_nano),
        "vendor": match.vendor,
        "zone": match.zone,
        "start": format_instant(match.start),
        "reservation": "" if draw is None else draw.key.procurement,
        "resold": trial.is_resold(match),
    }
