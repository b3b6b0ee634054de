"""The Deployment controller: from one template to the next, within its limits. Next: `../nodes.py`.

One reconcile makes one transaction: revisions, counts and status change together.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from busbar.controllers.contract import NOTHING, Collection, Decision, decide, earliest
from busbar.controllers.deployments.hours import ALWAYS, Hours, hours_of
from busbar.controllers.deployments.progress import Totals, deadline, is_complete, told, totals
from busbar.controllers.deployments.revisions import (
    annotated,
    by_age,
    new_set,
    next_revision,
    of_template,
    revision_of,
    scaled,
    set_key,
)
from busbar.controllers.deployments.revisions import told as told_of_set
from busbar.controllers.deployments.rollout import (
    Counts,
    Limits,
    limits_of,
    next_new,
    next_old,
    while_paused,
)
from busbar.controllers.names import ANN_REVISION
from busbar.controllers.parts.claims import claim
from busbar.controllers.parts.deletion import delete
from busbar.controllers.parts.events import event
from busbar.controllers.parts.writes import create, update, with_status
from busbar.controllers.replicas.controller import REPLICA_SETS, owner_name
from busbar.controllers.settings import Settings
from busbar.model.objects import (
    Key,
    Object,
    annotate,
    is_deleting,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)
from busbar.model.time import Instant
from busbar.store.contract import Event, EventType, Op, Snapshot

DEPLOYMENTS: Collection = ("apps", "deployments")


class DeploymentController:
    """Rolls Deployments out."""

    name = "deployments"
    watches: tuple[Collection, ...] = (DEPLOYMENTS, REPLICA_SETS)
    coalesce_ms = 0

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake a Deployment for itself and its ReplicaSets."""
        if event.key.resource == "deployments":
            return () if event.type is EventType.DELETED else (event.key,)
        owners = {owner_name(obj, "Deployment") for obj in (event.obj, event.previous) if obj}
        return tuple(Key(*DEPLOYMENTS, event.key.namespace, name) for name in owners if name)

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Decide about one Deployment."""
        deployment = snapshot.get(key)
        if deployment is None:
            return NOTHING
        claimed = claim(deployment, snapshot.list(*REPLICA_SETS, key.namespace))
        sets = by_age(one for one in claimed.mine if not is_deleting(one))
        hours = hours_of(deployment, now, self._settings.hours_ahead_ms)
        wanted = spec_of(deployment).get("replicas", 1) if hours.is_wanted else 0
        case = _Case(snapshot, deployment, sets, limits_of(deployment, wanted), now, hours)
        if is_deleting(deployment):
            return case.written({}, claimed.ops, "")
        if claimed.ops:
            # Adopted sets are counted once they are its own.
            return decide(*claimed.ops, note=f"{case.label}: replica sets adopted or released")
        return case.decide()


class _Case(NamedTuple):
    """One reconcile of one Deployment."""

    snapshot: Snapshot
    deployment: Object
    sets: list[Object]
    limits: Limits
    now: Instant
    hours: Hours = ALWAYS

    def decide(self) -> Decision:
        new = of_template(self.deployment, self.sets)
        old = [one for one in self.sets if one is not new]
        if spec_of(self.deployment).get("paused"):
            counts = while_paused(self.limits, [_counts(one) for one in self.sets])
            return self._apply(new, _named(self.sets, counts), old)
        recreates = (spec_of(self.deployment).get("strategy") or {}).get("type") == "Recreate"
        if recreates and any(spec_of(one).get("replicas") or _has_pods(one) for one in old):
            return self._apply(new, {name_of(one): 0 for one in old}, old)
        if new is None:
            return self._begin(old)
        return self._apply(new, self._rolled(new, old), old)

    def _rolled(self, new: Object, old: list[Object]) -> dict[str, int]:
        """Give what changes next: first the new set grows, then the old ones shrink."""
        counts, others = _counts(new), [_counts(one) for one in old]
        grown = next_new(self.limits, counts, others)
        if grown != counts.wanted:
            return {name_of(new): grown}
        left = next_old(self.limits, counts, others)
        return _named(old, left)

    def _begin(self, old: list[Object]) -> Decision:
        """Make the ReplicaSet of a template that has none."""
        taken = self.snapshot.get(set_key(self.deployment))
        if taken is not None:
            again = int(status_of(self.deployment).get("collisionCount") or 0) + 1
            changed = with_status(self.deployment, collisionCount=again)
            note = f"{self.label}: the name {name_of(taken)} is taken, another is tried"
            return decide(*update(self.deployment, changed), requeue_at=self.now, note=note)
        revision, most = next_revision(old), self.limits.most
        first = next_new(self.limits, Counts(0, 0), [_counts(one) for one in old])
        fresh = new_set(self.deployment, first, most, revision, self.now)
        said = f"Scaled up replica set {name_of(fresh)} from 0 to {first}"
        ops = (create(fresh), self._said(said)) if first else (create(fresh),)
        note = f"{self.label}: revision {revision}, {name_of(fresh)} with {first} pods"
        return self.written({ANN_REVISION: str(revision)}, ops, note, fresh)

    def _apply(self, new: Object | None, after: dict[str, int], old: list[Object]) -> Decision:
        """Write counts, the revision of the present template, and what is told of it."""
        ops, notes, marks = list[Op](), list[str](), dict[str, str]()
        for one in self.sets:
            fresh = scaled(one, after.get(name_of(one), spec_of(one).get("replicas", 0)))
            if one is new:
                revision = self._revision(one, old)
                marks[ANN_REVISION] = str(revision)
                fresh = annotated(fresh, told_of_set(self.deployment, revision, self.limits.most))
                fresh = _same_patience(fresh, self.deployment)
            ops += update(one, fresh)
            if spec_of(fresh)["replicas"] != spec_of(one).get("replicas"):
                notes.append(_change(one, fresh))
                ops.append(self._said(notes[-1]))
        ops += self._forget(new, old, bool(notes))
        note = f"{self.label}: {'; '.join(notes)}" if notes else ""
        return self.written(marks, ops, note, new)

    def _revision(self, new: Object, old: list[Object]) -> int:
        """Give the revision of the present template: past all others, or as it is."""
        return max(revision_of(new), next_revision(old))

    def _forget(self, new: Object | None, old: list[Object], busy: bool) -> Iterable[Op]:
        """Delete the oldest revisions beyond the history's limit, once all is as it should be."""
        limit = spec_of(self.deployment).get("revisionHistoryLimit", 10)
        if busy or not is_complete(totals(self.sets, new), self.limits.replicas):
            return
        idle = [one for one in old if not spec_of(one).get("replicas") and not _has_pods(one)]
        idle.sort(key=lambda one: (revision_of(one), name_of(one)))
        for one in idle[: max(0, len(idle) - limit)]:
            yield from delete(one, self.now)

    def written(
        self,
        marks: dict[str, str],
        ops: Iterable[Op],
        note: str,
        new: Object | None = None,
    ) -> Decision:
        """Write the Deployment's annotations and status together with the rest."""
        found: Totals = totals(self.sets, new)
        status = told(
            self.deployment, new, found, self.limits.replicas, self.limits.least, self.now
        )
        fresh = with_status(annotate(self.deployment, dict(marks)), **status)
        fresh = with_status(fresh, conditions=self.hours.told(fresh, self.now))
        due = earliest(deadline(fresh), self.hours.change)
        later = None if due is None else max(due, self.now + 1)
        return decide(*update(self.deployment, fresh), *ops, requeue_at=later, note=note)

    def _said(self, message: str) -> Op:
        return event(self.snapshot, self.deployment, self.now, "ScalingReplicaSet", message)

    @property
    def label(self) -> str:
        """Name it in a sentence."""
        return f"deployment {namespace_of(self.deployment)}/{name_of(self.deployment)}"


def _named(sets: list[Object], counts: list[int]) -> dict[str, int]:
    return {name_of(one): count for one, count in zip(sets, counts, strict=True)}


def _counts(replica_set: Object) -> Counts:
    wanted = int(spec_of(replica_set).get("replicas") or 0)
    return Counts(wanted, int(status_of(replica_set).get("availableReplicas") or 0))


def _has_pods(replica_set: Object) -> bool:
    status = status_of(replica_set)
    return bool(status.get("replicas") or status.get("terminatingReplicas"))


def _same_patience(replica_set: Object, deployment: Object) -> Object:
    """Copy with the Deployment's minReadySeconds."""
    seconds = spec_of(deployment).get("minReadySeconds") or None
    if spec_of(replica_set).get("minReadySeconds") == seconds:
        return replica_set
    spec = {k: v for k, v in spec_of(replica_set).items() if k != "minReadySeconds"}
    return {**replica_set, "spec": {**spec, "minReadySeconds": seconds} if seconds else spec}


def _change(before: Object, after: Object) -> str:
    was, is_now = int(spec_of(before).get("replicas") or 0), spec_of(after)["replicas"]
    word = "up" if is_now > was else "down"
    return f"Scaled {word} replica set {name_of(before)} from {was} to {is_now}"
