"""Moves a service's Pods to cheaper places: one Pod of a ReplicaSet at a time, never with a gap.

    running --a place is much cheaper--> replacement made --matched, started, ready--> old one ended
                                              \\__ no place, no saving left, not ready: given up __/

The old Pod ends only when its replacement is available and every disruption budget allows it; its
contract then closes as Moved, with the sentence that says why. Next: `../nodes.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from busbar.controllers.budgets.count import budgets_of, count
from busbar.controllers.close import CloseReason
from busbar.controllers.contract import NOTHING, Collection, Decision, decide
from busbar.controllers.moves.hours import may_move_now
from busbar.controllers.moves.plan import (
    Planned,
    best,
    calendar_of,
    open_contract,
    slots_of,
    tenancy,
)
from busbar.controllers.moves.words import (
    ANN_MOVE,
    ANN_MOVED,
    ANN_REPLACES,
    ANN_STAYS,
    ANN_WEIGHED,
    may_move,
    moved_text,
    replaced_by,
    sentence,
    stays_text,
    weighed_text,
)
from busbar.controllers.parts.claims import claim
from busbar.controllers.parts.deletion import delete_pod
from busbar.controllers.parts.events import event
from busbar.controllers.parts.pods import contract_key, describe, is_promised, node_of
from busbar.controllers.parts.writes import create, unchanged, update, update_status
from busbar.controllers.replicas.controller import REPLICA_SETS, owner_name
from busbar.controllers.replicas.members import Members, available_from, is_available, sort_out
from busbar.controllers.replicas.podspec import next_pod
from busbar.controllers.settings import Settings
from busbar.controllers.standing import Standing
from busbar.market.moves import Move, Stay, Stays, consider
from busbar.model.errors import InvalidField
from busbar.model.kinds.contract import ContractSpec
from busbar.model.objects import (
    Key,
    Object,
    annotate,
    annotations_of,
    controller_of,
    is_deleting,
    metadata,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)
from busbar.model.time import HOUR, MINUTE, SECOND, Instant, format_instant, parse_instant
from busbar.model.wellknown import ANN_DURATION
from busbar.store.contract import Event, EventType, Op, Snapshot

WAIT_MS = 10 * SECOND
"""How often it is asked again whether the budgets allow the old Pod's end."""
STAYS_MS = 6 * HOUR
"""How long a Pod is left alone after a move of it came to nothing."""


class MoveController:
    """Moves running services."""

    name = "moves"
    watches: tuple[Collection, ...] = (REPLICA_SETS, ("", "pods"))
    coalesce_ms = SECOND

    def __init__(self, settings: Settings, standing: Standing) -> None:
        self._settings = settings
        self._standing = standing

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake a set for itself, and for replacements among its Pods."""
        if event.key.resource == "replicasets":
            return () if event.type is EventType.DELETED else (event.key,)
        name = owner_name(event.obj, "ReplicaSet") if replaced_by(event.obj) else ""
        return (Key(*REPLICA_SETS, event.key.namespace, name),) if name else ()

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Take the next step of a set's move, or look for one."""
        replica_set = snapshot.get(key)
        if replica_set is None or is_deleting(replica_set):
            return NOTHING
        if not spec_of(replica_set).get("replicas"):
            return NOTHING
        members = sort_out(claim(replica_set, snapshot.list("", "pods", key.namespace)).mine)
        case = _Case(self._settings, self._standing.at(snapshot), snapshot, replica_set, now)
        if members.standing_in:
            return case.go_on(members.standing_in[0], members.active)
        return case.look(members)


class _Case(NamedTuple):
    """One look at one ReplicaSet."""

    settings: Settings
    standing: Standing
    snapshot: Snapshot
    replica_set: Object
    now: Instant

    def look(self, members: Members) -> Decision:
        """Look for a cheaper place, where the set is whole and nothing else is going on."""
        later = Decision(requeue_at=self.now + self.settings.moves_ms)
        deployment = self._deployment()
        if not may_move(self.replica_set, deployment):
            return NOTHING
        if not _is_at_rest(deployment) or not self._is_whole(members):
            return later
        sample = next_pod(self.replica_set, self.now, 0)
        is_hour = may_move_now(self.replica_set, deployment, self.now)
        here = self.standing, self.snapshot, members.active, sample, self.now
        planned = best(*here, for_saving=is_hour)
        return later if planned is None else self._begin(planned)

    def _deployment(self) -> Object | None:
        owner = controller_of(self.replica_set) or {}
        if owner.get("kind") != "Deployment":
            return None
        name = str(owner["name"])
        return self.snapshot.get(Key("apps", "deployments", namespace_of(self.replica_set), name))

    def _is_whole(self, members: Members) -> bool:
        available = sum(is_available(p, self.replica_set, self.now) for p in members.active)
        return bool(available == spec_of(self.replica_set).get("replicas") and not members.going)

    def _begin(self, planned: Planned) -> Decision:
        """Make the replacement: an order of its own, away from the node that is left."""
        old, move = planned.pod, planned.move
        said = sentence(move, name_of(old), planned.place, planned.target)
        notes = {
            ANN_REPLACES: name_of(old),
            ANN_MOVED: moved_text(old, self.now),
            ANN_MOVE: said,
            ANN_WEIGHED: weighed_text(move, name_of(old), name_of(planned.contract)),
        }
        if move.term_ms > HOUR:
            notes[ANN_DURATION] = f"{-(-move.term_ms // MINUTE)}m"
        fresh = next_pod(self.replica_set, self.now, 0, avoid=node_of(old), notes=notes)
        return decide(
            create(fresh),
            unchanged(old),
            event(self.snapshot, old, self.now, "Moving", said),
            requeue_at=self.now + self.settings.move_match_ms,
            note=f"{describe(old)}: {said}",
        )

    def go_on(self, fresh: Object, active: tuple[Object, ...]) -> Decision:
        """Take the next step of a move that has begun."""
        old = next(pod for pod in active if name_of(pod) == replaced_by(fresh))
        why = self._why_not(old, fresh)
        if why:
            return self._give_up(old, fresh, why)
        ready = available_from(fresh, self.replica_set)
        if ready is None or ready > self.now:
            due = self._due(fresh)
            return Decision(requeue_at=due if ready is None else min(due, ready))
        return self._finish(old, fresh)

    def _due(self, fresh: Object) -> Instant:
        """Give by when a replacement must have come further."""
        patience = self.settings.move_ready_ms
        if not node_of(fresh) and not is_promised(fresh, self.snapshot):
            patience = self.settings.move_match_ms
        return _created(fresh) + patience

    def _why_not(self, old: Object, fresh: Object) -> str:
        """Say why a move comes to nothing, "" where it goes on."""
        if self._due(fresh) <= self.now:
            if node_of(fresh):
                return "its replacement was not ready in time"
            return "no place was found in time at that price"
        here, there = (open_contract(self.snapshot, pod) for pod in (old, fresh))
        if here is None or there is None:
            return ""
        spec = msgspec.convert(spec_of(there), ContractSpec)
        calendar = calendar_of(self.standing, spec.offer)
        if calendar is None:
            return "the offer of its new place was withdrawn"
        before = tenancy(self.standing, self.snapshot, old, here)
        decided = consider(before, calendar, self.now, paid=slots_of(spec))
        if isinstance(decided, Move):
            return ""
        return "" if _still_pays(decided) else "the saving is gone: prices have changed since"

    def _give_up(self, old: Object, fresh: Object, why: str) -> Decision:
        said = f"{name_of(old)} stays where it is: {why}."
        until = stays_text(self.now + STAYS_MS)
        key = contract_key(fresh)
        contract = self.snapshot.get(key) if key is not None else None
        is_ahead = contract is not None and status_of(contract).get("phase") == "Reserved"
        # Nobody withdraws it but the exchange, so it costs the consumer nothing.
        told = {"reason": CloseReason.MOVED.value, "message": said}
        return decide(
            *(update_status(contract, **told) if contract is not None and is_ahead else ()),
            *delete_pod(fresh, self.now, self.settings.termination_grace_ms),
            *update(old, annotate(old, {ANN_STAYS: until})),
            event(self.snapshot, old, self.now, "MoveGivenUp", said, warning=True),
            requeue_at=self.now + self.settings.moves_ms,
            note=f"{describe(old)}: {said}",
        )

    def _finish(self, old: Object, fresh: Object) -> Decision:
        """End the old Pod, if every disruption budget allows it."""
        granted = self._granted(old)
        if granted is None:
            due = self._due(fresh)
            return Decision(requeue_at=min(due, self.now + WAIT_MS))
        said = annotations_of(fresh).get(ANN_MOVE, "")
        contract = open_contract(self.snapshot, old)
        told = CloseReason.MOVED.value
        closing = () if contract is None else update_status(contract, reason=told, message=said)
        return decide(
            *delete_pod(old, self.now, self.settings.termination_grace_ms),
            *closing,
            *granted,
            unchanged(fresh),
            event(self.snapshot, self.replica_set, self.now, told, said),
            requeue_at=self.now + self.settings.moves_ms,
            note=f"{describe(old)} is ended: {name_of(fresh)} has taken its place",
        )

    def _granted(self, old: Object) -> tuple[Op, ...] | None:
        """Take the old Pod's end from every budget that selects it; None where one has none."""
        ops = list[Op]()
        for budget in budgets_of(self.snapshot, old):
            pods = list(self.snapshot.list("", "pods", namespace_of(old)))
            found = count(self.snapshot, budget, pods, self.now)
            if not found.allowed:
                return None
            granted = {**found.disrupted, name_of(old): format_instant(self.now)}
            left = found.allowed - 1
            ops += update_status(budget, disruptedPods=granted, disruptionsAllowed=left)
        return tuple(ops)


def _still_pays(stay: Stay) -> bool:
    """Say whether a move that has begun is worth ending: it has cost its start already."""
    if stay.why is Stays.BELOW_THRESHOLD:
        return stay.saving_nano >= stay.disruption_nano
    return stay.why is Stays.MINIMUM_STAY


def _is_at_rest(deployment: Object | None) -> bool:
    """Say whether a Deployment is not rolling anything out."""
    if deployment is None:
        return True
    status, wanted = status_of(deployment), spec_of(deployment).get("replicas", 1)
    seen = status.get("observedGeneration") == metadata(deployment).get("generation")
    counts = (status.get(field) for field in ("updatedReplicas", "availableReplicas", "replicas"))
    return seen and all(found == wanted for found in counts)


def _created(pod: Object) -> Instant:
    try:
        return parse_instant(metadata(pod).get("creationTimestamp"), "metadata.creationTimestamp")
    except InvalidField:
        return 0
