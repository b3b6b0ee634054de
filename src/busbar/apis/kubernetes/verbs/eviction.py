"""Eviction of a Pod, as `kubectl drain` asks for it: with the notice that its contract has.

Whose Pod it is may end it, within its disruption budgets. An operator, who drains a node, gives the
contract its notice first: the Pod is marked, and the eviction is too early (429, which kubectl
asks again after) until the contract's controller has asked the Pod to end. Next: `delete.py`.
"""

from __future__ import annotations

from typing import Final

from busbar.apis.kubernetes import encoding
from busbar.apis.kubernetes.authorization import Kind
from busbar.apis.kubernetes.calls import Call, Response
from busbar.apis.kubernetes.door import Door
from busbar.apis.kubernetes.schemas.refusals import Refusal
from busbar.apis.kubernetes.statuses import about, conflict
from busbar.apis.kubernetes.verbs.delete import Options, delete_for_sure
from busbar.apis.kubernetes.verbs.shared import fetch, key_of, revision_of
from busbar.model.labels import selects
from busbar.model.objects import (
    Key,
    Object,
    annotate,
    annotations_of,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)
from busbar.model.time import format_instant
from busbar.model.wellknown import ANN_CONTRACT, ANN_RECLAIM, GROUP, RECLAIM_WITH_NOTICE
from busbar.store.contract import Committed, Put, Transaction

_SUCCESS: Final = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
_BUDGETS: Final = ("policy", "poddisruptionbudgets")


async def evict(door: Door, call: Call) -> Response:
    """Evict a Pod; what the body says beside its name is not needed."""
    await call.body(door.settings)
    pod = await fetch(door, call)
    runs = spec_of(pod).get("nodeName") and status_of(pod).get("phase") in ("Pending", "Running")
    if not is_deleting(pod) and runs:
        contract = await _contract(door, pod)
        if call.role.kind is Kind.OPERATOR and contract is not None:
            raise await _too_early(door, call, pod, contract)
        await _claim_budgets(door, call, pod)
    if not is_deleting(pod) and not call.is_dry_run:
        await delete_for_sure(door, call, pod, Options())
    return Response(encoding.dumps(_SUCCESS), 201)


async def _contract(door: Door, pod: Object) -> Object | None:
    """Give the open contract of a Pod."""
    name = annotations_of(pod).get(ANN_CONTRACT)
    if not name:
        return None
    found = await door.store.get(Key(GROUP, "contracts", namespace_of(pod), name))
    return found if status_of(found or {}).get("phase") != "Closed" else None


async def _too_early(door: Door, call: Call, pod: Object, contract: Object) -> Exception:
    """Give the contract its notice, once, and say until when that is."""
    if ANN_RECLAIM not in annotations_of(pod) and not call.is_dry_run:
        marked = annotate(pod, {ANN_RECLAIM: RECLAIM_WITH_NOTICE})
        put = Put(key_of(call), marked, revision_of(pod))
        if not isinstance(await door.store.commit(Transaction((put,))), Committed):
            raise conflict(call.route.resource, name_of(pod))
    at = status_of(contract).get("reclaimAtMs")
    until = f"until {format_instant(at)}" if at else "as agreed"
    why = f"its contract {name_of(contract)} has a notice {until}; it goes on until then"
    return _wait(call, pod, why)


def _wait(call: Call, pod: Object, why: str) -> Exception:
    refusal = Refusal(429, "TooManyRequests", f"pod {name_of(pod)} cannot be evicted yet: {why}")
    return about(call.route.resource, name_of(pod), refusal)


async def _claim_budgets(door: Door, call: Call, pod: Object) -> None:
    """Take one disruption from each budget that selects the Pod; refuse where one has none left."""
    page = await door.store.list(*_BUDGETS, namespace_of(pod))
    for budget in page.items:
        if not selects(spec_of(budget).get("selector"), labels_of(pod)):
            continue
        allowed = int(status_of(budget).get("disruptionsAllowed") or 0)
        if allowed <= 0:
            raise _wait(call, pod, f"the disruption budget {name_of(budget)} allows none now")
        if not call.is_dry_run:
            await _claim(door, call, pod, budget, allowed)


async def _claim(door: Door, call: Call, pod: Object, budget: Object, allowed: int) -> None:
    granted = status_of(budget).get("disruptedPods") or {}
    status = {
        **status_of(budget),
        "disruptionsAllowed": allowed - 1,
        "disruptedPods": {**granted, name_of(pod): format_instant(door.clock())},
    }
    key = Key(*_BUDGETS, namespace_of(budget), name_of(budget))
    put = Put(key, {**budget, "status": status}, revision_of(budget))
    if not isinstance(await door.store.commit(Transaction((put,))), Committed):
        raise _wait(call, pod, f"the disruption budget {name_of(budget)} is changing")
