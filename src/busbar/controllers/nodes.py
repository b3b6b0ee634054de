"""Nodes: who lives, who is lost, and what becomes of the work of the lost.

    Ready --lease expires--> Unknown, tainted --fencing time--> its Pods fail with NodeLost
      ^                         |
      +------lease renewed------+

The agent of a cut-off node stops its workloads by itself when its lease runs out; only after the
fencing time on top may anybody start them elsewhere. Where most nodes are lost at once, the fault
is more likely here than there: nobody is evicted and an alarm is raised (an Event on each node).
Next: `pods.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from busbar.model.objects import Key, Object, condition, is_deleting, name_of, spec_of, status_of
from busbar.model.time import Instant, format_duration
from busbar.model.wellknown import NAMESPACE_LEASES
from busbar.store.contract import ABSENT, Event, Op, Require, Snapshot, Transaction

from .contract import NOTHING, Collection, Decision, decide
from .listening import Listening
from .names import TAINT_UNREACHABLE
from .parts.conditions import with_condition
from .parts.events import event
from .parts.leases import NodeLease, lease_key, read_lease
from .parts.pods import POD_NODE_LOST, is_final, node_of, report_of
from .parts.writes import remove, unchanged, update, update_status
from .settings import Settings
from .silences import fell_silent, spoke_again

NODES: Collection = ("", "nodes")
LEASES: Collection = ("coordination.k8s.io", "leases")


class NodeController:
    """Keeps a Node's Ready condition and taint, and evicts from nodes that are surely gone."""

    name = "nodes"
    watches: tuple[Collection, ...] = (NODES, LEASES)
    coalesce_ms = 0

    def __init__(self, settings: Settings, listening: Listening | None = None) -> None:
        self._settings = settings
        self._listening = listening or Listening()

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake the node of a Node or of a node's Lease."""
        if event.key.resource == "leases" and event.key.namespace != NAMESPACE_LEASES:
            return ()
        return (node_key(event.key.name),)

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Say whether the node lives; evict its Pods where it surely does not."""
        node = snapshot.get(key)
        lease_obj = snapshot.get(lease_key(key.name))
        lease = read_lease(lease_obj, now) if lease_obj is not None else None
        if node is None:
            return self._removed(snapshot, key.name, lease_obj, lease, now)
        if lease is None or lease_obj is None:
            return NOTHING
        if now < lease.expires:
            return self._alive(snapshot, node, lease, now)
        if now < self._expires(lease):
            return Decision(requeue_at=self._expires(lease))
        return self._lost(snapshot, node, lease_obj, lease, now)

    def _expires(self, lease: NodeLease) -> Instant:
        """Give when a lease counts as expired: not for silence that is the exchange's own."""
        return max(lease.expires, self._listening.since + lease.duration_ms)

    def _alive(self, snapshot: Snapshot, node: Object, lease: NodeLease, now: Instant) -> Decision:
        ready = condition(node, "Ready")
        if ready is not None and ready.get("status") == "True" and not _is_tainted(node):
            return Decision(requeue_at=lease.expires)
        back_again = spoke_again(_untainted(node), now)
        fresh = _with_ready(back_again, True, now, "LeaseRenewed", "The node's agent lives.")
        back = f"node {name_of(node)} is ready"
        said = event(snapshot, node, now, "NodeReady", f"{back}.")
        ops = (*update(node, fresh), said)
        return decide(*ops, requeue_at=lease.expires, note=f"{back}")

    def _lost(
        self, snapshot: Snapshot, node: Object, lease_obj: Object, lease: NodeLease, now: Instant
    ) -> Decision:
        name = name_of(node)
        marks = self._mark_lost(snapshot, node, lease, now)
        fenced = self._expires(lease) + self._settings.fencing_ms
        if now < fenced:
            note = f"node {name} is lost: no lease since {format_duration(now - lease.renewed)}"
            return Decision(marks, fenced, note if marks else "")
        if self._is_mass_loss(snapshot, now):
            alarm = self._alarm(snapshot, node, now)
            again = now + self._settings.fencing_ms
            return Decision((*marks, *alarm), again, _MASS_LOSS if alarm else "")
        guard = unchanged(lease_obj)
        evictions = evict(snapshot, name, lease.renewed, now, guard)
        note = f"node {name} stayed lost: evicted {len(evictions)} pods" if evictions else ""
        return Decision((*marks, *evictions), None, note)

    def _mark_lost(
        self, snapshot: Snapshot, node: Object, lease: NodeLease, now: Instant
    ) -> tuple[Transaction, ...]:
        ready = condition(node, "Ready")
        if ready is not None and ready.get("status") == "Unknown" and _is_tainted(node):
            return ()
        sentence = "The node's agent has not renewed its lease; the node is out of reach."
        silent = fell_silent(_tainted(node, now), lease.renewed)
        lost = _with_ready(silent, None, now, "LeaseExpired", sentence)
        said = event(snapshot, node, now, "NodeLost", sentence, warning=True)
        return (Transaction((*update(node, lost), said)),)

    def _is_mass_loss(self, snapshot: Snapshot, now: Instant) -> bool:
        leases = [
            read_lease(obj, now)
            for obj in snapshot.list(*LEASES, NAMESPACE_LEASES)
            if snapshot.get(node_key(name_of(obj))) is not None
        ]
        lost = sum(1 for lease in leases if lease is None or self._expires(lease) <= now)
        if len(leases) < self._settings.mass_loss_nodes_min:
            return False
        return lost * 100 > self._settings.mass_loss_percent * len(leases)

    def _alarm(self, snapshot: Snapshot, node: Object, now: Instant) -> tuple[Transaction, ...]:
        raised = condition(node, "EvictionsStopped")
        if raised is not None and raised.get("status") == "True":
            return ()
        conditions = with_condition(node, "EvictionsStopped", True, now, "MassLoss", _MASS_LOSS)
        said = event(snapshot, node, now, "MassLoss", _MASS_LOSS, warning=True)
        return (Transaction((*update_status(node, conditions=conditions), said)),)

    def _removed(
        self,
        snapshot: Snapshot,
        name: str,
        lease_obj: Object | None,
        lease: NodeLease | None,
        now: Instant,
    ) -> Decision:
        """A Node object was deleted: its lease stays until the fencing time has passed."""
        guard = Require(node_key(name), ABSENT)
        if lease_obj is None or lease is None:
            gone = evict(snapshot, name, now, now, guard)
            return Decision(gone, None, f"node {name} was removed: ended its pods" if gone else "")
        fenced = self._expires(lease) + self._settings.fencing_ms
        if now < fenced:
            return Decision(requeue_at=fenced)
        ended = evict(snapshot, name, lease.renewed, now, guard)
        cleared = Transaction((remove(lease_obj), guard))
        return Decision((*ended, cleared), None, f"node {name} was removed: dropped its lease")


def evict(
    snapshot: Snapshot, node: str, lived_until: Instant, now: Instant, guard: Require
) -> tuple[Transaction, ...]:
    """Fail every Pod of a node, each in its own transaction; nothing is billed past its life."""
    return tuple(
        Transaction((*_fail(pod, node, lived_until), _said(snapshot, pod, node, now), guard))
        for pod in snapshot.list("", "pods")
        if node_of(pod) == node and not is_final(pod)
    )


def _fail(pod: Object, node: str, lived_until: Instant) -> tuple[Op, ...]:
    report = report_of(pod)
    meter: dict[str, Any] = {**(status_of(pod).get("busbar") or {})}
    if report.started is not None and report.finished is None:
        seen = lived_until if report.observed is None else min(lived_until, report.observed)
        meter["finishedMs"] = max(report.started, seen)
    message = f"Node {node} was lost; what it did not deliver is not billed."
    return update_status(
        pod, phase="Failed", reason=POD_NODE_LOST, message=message, busbar=meter or None
    )


def _said(snapshot: Snapshot, pod: Object, node: str, now: Instant) -> Op:
    return event(
        snapshot, pod, now, POD_NODE_LOST, f"Node {node} was lost; the pod has ended.", warning=True
    )


def node_key(name: str) -> Key:
    """Give the key of a Node."""
    return Key("", "nodes", "", name)


def is_ready(node: Object) -> bool:
    """Say whether a node's lease was live when last looked at."""
    ready = condition(node, "Ready")
    return ready is not None and ready.get("status") == "True"


def is_schedulable(node: Object) -> bool:
    """Say whether a node may take new work: ready, not cordoned, not tainted, not leaving."""
    return (
        is_ready(node)
        and not spec_of(node).get("unschedulable")
        and not _is_tainted(node)
        and not is_deleting(node)
    )


def keeps_promises(node: Object) -> bool:
    """Say whether a node may take up what was reserved on it: also where it is cordoned."""
    return is_ready(node) and not _is_tainted(node) and not is_deleting(node)


_MASS_LOSS = (
    "Most nodes are out of reach at once: nothing is evicted. Check this server's network; "
    "delete the nodes that are really gone."
)


def _with_ready(
    node: Object, ready: bool | None, now: Instant, reason: str, message: str
) -> Object:
    told: Object = {
        **node,
        "status": {
            **status_of(node),
            "conditions": with_condition(node, "Ready", ready, now, reason, message),
        },
    }
    if ready and condition(told, "EvictionsStopped") is not None:
        left = with_condition(told, "EvictionsStopped", False, now, "NodeReady")
        told["status"] = {**told["status"], "conditions": left}
    return told


def _is_tainted(node: Object) -> bool:
    return any(t.get("key") == TAINT_UNREACHABLE for t in spec_of(node).get("taints") or ())


def _tainted(node: Object, now: Instant) -> Object:
    if _is_tainted(node):
        return node
    taints = [
        *(spec_of(node).get("taints") or ()),
        {"key": TAINT_UNREACHABLE, "effect": "NoSchedule"},
    ]
    return {**node, "spec": {**spec_of(node), "taints": taints}}


def _untainted(node: Object) -> Object:
    taints = [t for t in spec_of(node).get("taints") or () if t.get("key") != TAINT_UNREACHABLE]
    spec = {k: v for k, v in spec_of(node).items() if k != "taints"}
    return {**node, "spec": {**spec, "taints": taints} if taints else spec}
