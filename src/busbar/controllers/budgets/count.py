"""What a disruption budget allows, counted from Pods and their owners. Next: `controller.py`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from busbar.controllers.parts.pods import is_final
from busbar.model.errors import InvalidField
from busbar.model.labels import selects
from busbar.model.objects import (
    Key,
    Object,
    condition,
    controller_of,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from busbar.model.shares import share
from busbar.model.time import MINUTE, Instant, parse_instant
from busbar.store.contract import Snapshot

BUDGETS = ("policy", "poddisruptionbudgets")
FORGOTTEN_MS = 2 * MINUTE
"""After this long an eviction that was granted and never came about is forgotten."""


class Count(NamedTuple):
    """The numbers of a budget."""

    expected: int
    healthy: int
    desired: int
    disrupted: dict[str, str]
    """Pods whose eviction was granted and that are still there: name to RFC 3339 time."""

    @property
    def allowed(self) -> int:
        """Give how many more Pods may be taken away now."""
        return max(0, self.healthy - self.desired) if self.expected else 0


def count(snapshot: Snapshot, budget: Object, pods: Iterable[Object], now: Instant) -> Count:
    """Count one budget over the Pods of its namespace."""
    selector = spec_of(budget).get("selector")
    mine = [p for p in pods if selects(selector, labels_of(p)) and not is_final(p)]
    granted = _granted(budget, mine, now)
    healthy = sum(_is_healthy(pod) and name_of(pod) not in granted for pod in mine)
    expected = _expected(snapshot, budget, mine)
    return Count(expected, healthy, _desired(budget, expected), granted)


def budgets_of(snapshot: Snapshot, pod: Object) -> list[Object]:
    """Give the budgets that select a Pod."""
    found = snapshot.list(*BUDGETS, namespace_of(pod))
    return [b for b in found if selects(spec_of(b).get("selector"), labels_of(pod))]


def _is_healthy(pod: Object) -> bool:
    return not is_deleting(pod) and (condition(pod, "Ready") or {}).get("status") == "True"


def _granted(budget: Object, mine: list[Object], now: Instant) -> dict[str, str]:
    there = {name_of(pod) for pod in mine if not is_deleting(pod)}
    known = status_of(budget).get("disruptedPods") or {}
    return {name: at for name, at in known.items() if name in there and _is_fresh(at, now)}


def _is_fresh(at: object, now: Instant) -> bool:
    try:
        return now - parse_instant(at, "status.disruptedPods") < FORGOTTEN_MS
    except InvalidField:
        return False


def _expected(snapshot: Snapshot, budget: Object, mine: list[Object]) -> int:
    """Give how many Pods there ought to be: what their owners want, each owner once."""
    least = spec_of(budget).get("minAvailable")
    if isinstance(least, int):
        return len(mine)
    wanted, alone = dict[str, int](), 0
    for pod in mine:
        owner = _scaled_owner(snapshot, pod)
        if owner is None:
            alone += 1
        else:
            wanted[uid_of(owner)] = int(spec_of(owner).get("replicas", 1))
    return alone + sum(wanted.values())


def _scaled_owner(snapshot: Snapshot, pod: Object) -> Object | None:
    """Give the Deployment or ReplicaSet that says how many Pods of this kind there ought to be."""
    found: Object | None = None
    at: Object = pod
    for plural, kind in (("replicasets", "ReplicaSet"), ("deployments", "Deployment")):
        reference = controller_of(at) or {}
        if reference.get("kind") != kind:
            break
        owner = snapshot.get(Key("apps", plural, namespace_of(pod), str(reference["name"])))
        if owner is None or uid_of(owner) != reference.get("uid"):
            break
        found = at = owner
    return found


def _desired(budget: Object, expected: int) -> int:
    spec = spec_of(budget)
    try:
        if spec.get("maxUnavailable") is not None:
            return max(0, expected - share(spec["maxUnavailable"], expected, up=True))
        return share(spec.get("minAvailable", 1), expected, up=True)
    except InvalidField:
        return expected
