"""The ReplicaSet controller: as many Pods as are wanted, no more. Next: `../deployments/`.

One reconcile makes one transaction, the status included, so that a crash can neither make a Pod
twice nor forget one. A Pod that lost its node is replaced at once, away from it; one that ended by
itself after a pause that doubles. Pods that have ended are kept until the set is whole again, for
who wants to read their logs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from busbar.controllers.contract import NOTHING, Collection, Decision, decide, earliest
from busbar.controllers.parts.avoidance import avoided_after
from busbar.controllers.parts.claims import adopted, claim
from busbar.controllers.parts.deletion import delete, delete_pod
from busbar.controllers.parts.events import event
from busbar.controllers.parts.pods import node_of
from busbar.controllers.parts.writes import create, unchanged, update, update_status
from busbar.controllers.replicas.choice import first_to_go
from busbar.controllers.replicas.members import (
    Members,
    available_from,
    carries_template_labels,
    ended_at,
    ready_since,
    sort_out,
)
from busbar.controllers.replicas.podspec import next_pod
from busbar.controllers.settings import Settings
from busbar.model.labels import selects
from busbar.model.objects import (
    Key,
    Object,
    controller_of,
    is_deleting,
    labels_of,
    metadata,
    name_of,
    namespace_of,
    spec_of,
)
from busbar.model.time import MINUTE, SECOND, Instant
from busbar.store.contract import Event, EventType, Op, Snapshot

REPLICA_SETS: Collection = ("apps", "replicasets")
ORPHANS = "orphanpods"
PODS_MAX = 100
"""Pods made or deleted in one decision; the next follows at once."""
ENDED_MAX = 10
"""Ended Pods of a set that are kept while it is not whole; the oldest go first."""
PAUSE_MS, PAUSE_MS_MAX = 10 * SECOND, 5 * MINUTE


class ReplicaSetController:
    """Keeps as many Pods as each ReplicaSet wants."""

    name = "replicasets"
    watches: tuple[Collection, ...] = (REPLICA_SETS, ("", "pods"))
    coalesce_ms = 0

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake a set for itself and its Pods; a Pod of nobody's that might be adopted."""
        if event.key.resource == "replicasets":
            return () if event.type is EventType.DELETED else (event.key,)
        owners = {owner_name(obj, "ReplicaSet") for obj in (event.obj, event.previous) if obj}
        found = [Key(*REPLICA_SETS, event.key.namespace, name) for name in owners if name]
        lost = event.type is EventType.DELETED or controller_of(event.obj) is not None
        if not lost and labels_of(event.obj) and not node_of(event.obj):
            found.append(Key("apps", ORPHANS, event.key.namespace, event.key.name))
        return found

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Decide about one ReplicaSet, or about one Pod of nobody's."""
        if key.resource == ORPHANS:
            return _adopt(snapshot, key)
        replica_set = snapshot.get(key)
        if replica_set is None:
            return NOTHING
        claimed = claim(replica_set, snapshot.list("", "pods", key.namespace))
        members = sort_out(claimed.mine)
        case = _Case(self._settings, snapshot, replica_set, members, now)
        return case.counted(claimed.ops) if is_deleting(replica_set) else case.decide(claimed.ops)


def owner_name(obj: Object, kind: str) -> str:
    """Give the name of the controller of a kind of apps that owns an object; "" if none."""
    owner = controller_of(obj) or {}
    is_apps = str(owner.get("apiVersion")).startswith("apps/")
    return str(owner.get("name")) if is_apps and owner.get("kind") == kind else ""


def _adopt(snapshot: Snapshot, key: Key) -> Decision:
    """Give a Pod of nobody's to the oldest set that selects it."""
    sets = [
        found for found in snapshot.list(*REPLICA_SETS, key.namespace) if not is_deleting(found)
    ]
    pod = snapshot.get(Key("", "pods", key.namespace, key.name)) if sets else None
    if pod is None or controller_of(pod) is not None or is_deleting(pod):
        return NOTHING
    fit = [s for s in sets if selects(spec_of(s).get("selector"), labels_of(pod))]
    if not fit:
        return NOTHING
    owner = min(fit, key=lambda s: (metadata(s)["creationTimestamp"], name_of(s)))
    note = f"pod {key.namespace}/{key.name} adopted by {name_of(owner)}"
    return decide(*update(pod, adopted(pod, owner)), unchanged(owner), note=note)


class _Case(NamedTuple):
    """One reconcile of one ReplicaSet."""

    settings: Settings
    snapshot: Snapshot
    replica_set: Object
    members: Members
    now: Instant

    def decide(self, claims: tuple[Op, ...]) -> Decision:
        """Make what is missing, delete what is too much."""
        missing = self._wanted() - len(self.members.active)
        due = self._pause() if missing > 0 else None
        fresh = self._new_pods(min(missing, PODS_MAX)) if missing > 0 and due is None else []
        extra = first_to_go(self.members.active, min(-missing, PODS_MAX)) if missing < 0 else []
        again = self.now if abs(missing) > PODS_MAX and due is None else None
        ops = [*claims, *self._made(fresh), *self._deleted(extra), *self._cleared()]
        note = f"{self._name}: {len(fresh)} pods made, {len(extra)} deleted"
        status = self._status(fresh, extra)
        changed = update_status(self.replica_set, **status)
        requeue_at = earliest(due, again, self._next_available())
        return decide(*changed, *ops, requeue_at=requeue_at, note=note if fresh or extra else "")

    def counted(self, claims: tuple[Op, ...]) -> Decision:
        """Only count: it is on its way out, and its Pods are the garbage controller's."""
        return decide(*update_status(self.replica_set, **self._status([], [])), *claims)

    def _wanted(self) -> int:
        value = spec_of(self.replica_set).get("replicas", 1)
        return value if isinstance(value, int) else 1

    def _pause(self) -> Instant | None:
        """Give when the next Pod may be made, after Pods that ended by themselves."""
        failed = self.members.failed
        if not failed or self.members.lost:
            return None
        pause = min(PAUSE_MS * 2 ** min(len(failed) - 1, 10), PAUSE_MS_MAX)
        due = max(ended_at(pod) for pod in failed) + pause
        return due if self.now < due else None

    def _new_pods(self, count: int) -> list[Object]:
        losses, avoid = len(self.members.lost), ""
        for node in sorted({node_of(pod) for pod in self.members.lost if node_of(pod)}):
            avoid = avoided_after(self.snapshot, avoid, node)
        return [
            next_pod(self.replica_set, self.now, number, losses=losses, avoid=avoid)
            for number in range(count)
        ]

    def _made(self, fresh: list[Object]) -> Iterable[Op]:
        for pod in fresh:
            yield create(pod)
            said = f"Created pod: {name_of(pod)}"
            yield event(self.snapshot, self.replica_set, self.now, "SuccessfulCreate", said)

    def _deleted(self, extra: list[Object]) -> Iterable[Op]:
        for pod in extra:
            yield from delete_pod(pod, self.now, self.settings.termination_grace_ms)
            said = f"Deleted pod: {name_of(pod)}"
            yield event(self.snapshot, self.replica_set, self.now, "SuccessfulDelete", said)

    def _cleared(self) -> Iterable[Op]:
        """Delete Pods that have ended once they are not needed to understand anything."""
        ended = sorted(self.members.ended, key=lambda pod: (ended_at(pod), name_of(pod)))
        is_whole = self._available() >= self._wanted()
        for pod in ended if is_whole else ended[:-ENDED_MAX]:
            yield from delete(pod, self.now)

    def _available(self) -> int:
        starts = (available_from(pod, self.replica_set) for pod in self.members.active)
        return sum(at is not None and at <= self.now for at in starts)

    def _next_available(self) -> Instant | None:
        """Give when the next Pod has been ready for long enough."""
        starts = (available_from(pod, self.replica_set) for pod in self.members.active)
        return min((at for at in starts if at is not None and at > self.now), default=None)

    def _status(self, fresh: list[Object], extra: list[Object]) -> dict[str, Any]:
        gone = {name_of(pod) for pod in extra}
        left = [pod for pod in self.members.active if name_of(pod) not in gone]
        full = sum(carries_template_labels(pod, self.replica_set) for pod in left)
        ready = sum(ready_since(pod) is not None for pod in left)
        starts = (available_from(pod, self.replica_set) for pod in left)
        available = sum(at is not None and at <= self.now for at in starts)
        running = sum(bool(node_of(pod)) for pod in extra)
        return {
            "replicas": len(left) + len(fresh),
            "fullyLabeledReplicas": full + len(fresh) or None,
            "readyReplicas": ready or None,
            "availableReplicas": available or None,
            "terminatingReplicas": len(self.members.going) + running,
            "observedGeneration": metadata(self.replica_set).get("generation"),
        }

    @property
    def _name(self) -> str:
        return f"replica set {namespace_of(self.replica_set)}/{name_of(self.replica_set)}"
