"""`GET /market/v1/namespaces/NS/orders/NAME`: why an order waits, and what would have matched.

Next: `app.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from busbar.controllers.parts.pods import contract_key, is_final, node_of
from busbar.controllers.standing import Standing
from busbar.market.counterfactual import Alternative, Outlook, outlook
from busbar.market.orders import Order, OrderRefused
from busbar.market.outcome import Match
from busbar.model.money import format_euro
from busbar.model.objects import (
    Key,
    Object,
    condition,
    controller_of,
    metadata,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)
from busbar.model.time import Instant, format_instant
from busbar.model.wellknown import GROUP
from busbar.server.requests import RequestRefused
from busbar.store.contract import Snapshot

ASKER = "asked"
"""The lot of the order asked about: its own would be another in every batch anyway."""
SHOWN_MAX = 5
"""Pods of one job that are gone into; of the others it is said how many there are."""
_JOBS = ((GROUP, "jobs"), ("batch", "jobs"), ("apps", "deployments"), ("apps", "replicasets"))


def why(
    namespace: str, name: str, snapshot: Snapshot, standing: Standing, now: Instant
) -> dict[str, Any]:
    """Give what the market has to say about a job or Pod. Raises `RequestRefused`."""
    named = {name, *_sets_of(snapshot, namespace, name)}
    pods = [pod for pod in snapshot.list("", "pods", namespace) if _is_of(pod, name, named)]
    found = {"namespace": namespace, "name": name, "at": format_instant(now)}
    if not pods:
        return {**found, "orders": [_job(snapshot, namespace, name)], "more": 0}
    pods.sort(key=lambda pod: (bool(node_of(pod)), is_final(pod), name_of(pod)))
    waiting = {
        (namespace_of(pod), name_of(pod)): (
            standing.dealings.served(standing.freight.laden(order), spec_of(pod))
            if isinstance(order, Order)
            else order
        )
        for pod, order in standing.waiting()
    }
    mine = {(namespace, name_of(pod)) for pod in pods}
    beside = [
        order for place, order in waiting.items() if isinstance(order, Order) and place not in mine
    ]

    @cache
    def would(terms: Order) -> Outlook:
        """Ask once for Pods that want the same."""
        return outlook(standing.book, terms, beside, now)

    orders = [
        _order(pod, waiting.get((namespace, name_of(pod))), snapshot, would)
        for pod in pods[:SHOWN_MAX]
    ]
    return {**found, "orders": orders, "more": max(0, len(pods) - SHOWN_MAX)}


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
    raise RequestRefused(404, f"there is no job or pod {name} in namespace {namespace}")


def _answer(pod: str, state: str, reason: str, message: str, **more: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {"funnel": [], "contract": None, "alternatives": [], "asItIs": None}
    return {"pod": pod, "state": state, "reason": reason, "message": message, **empty, **more}


def _order(
    pod: Object,
    order: Order | OrderRefused | None,
    snapshot: Snapshot,
    would: Callable[[Order], Outlook],
) -> dict[str, Any]:
    name, told = name_of(pod), condition(pod, "PodScheduled") or {}
    funnel = list((status_of(pod).get("busbar") or {}).get("funnel") or ())
    if isinstance(order, OrderRefused):
        return _answer(name, "Invalid", "InvalidOrder", order.sentence)
    if order is None:
        return _answer(name, *_matched(pod), contract=_contract(pod, snapshot), funnel=funnel)
    reason, message = str(told.get("reason") or ""), str(told.get("message") or "")
    found = would(replace(order, id=ASKER, name=""))
    return _answer(
        name,
        "Waiting",
        reason,
        message or "it takes part in the next batch",
        funnel=funnel,
        alternatives=[_alternative(answer) for answer in found.alternatives],
        asItIs=None if found.match is None else _place(found.match),
    )


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
    }


def _alternative(found: Alternative) -> dict[str, Any]:
    said = {"change": found.change.value, "advice": found.advice, "message": found.sentence}
    return {**said, **_place(found.match)}


def _place(match: Match) -> dict[str, Any]:
    return {
        "pricePerDTU": format_euro(match.highest_nano),
        "cost": format_euro(match.hold_nano),
        "vendor": match.vendor,
        "zone": match.zone,
        "start": format_instant(match.start),
    }
