"""The contract controller: start, settlement, next slots, end. Next: `../nodes.py`.

One reconcile makes one transaction: what the contract says, what the journal says and what is
asked of the Pod change together or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from busbar.controllers.close import SENTENCES, CloseReason
from busbar.controllers.contract import NOTHING, Collection, Decision, decide, earliest
from busbar.controllers.contracts.compensation import compensation
from busbar.controllers.contracts.fault import Evidence
from busbar.controllers.contracts.gangs import (
    all_can_start,
    broken,
    is_whole,
    read_all,
    still_reserved,
)
from busbar.controllers.contracts.ground import stands
from busbar.controllers.contracts.held import HeldCase, begun, read_held
from busbar.controllers.contracts.money import settle_all, settle_ended, unsettled
from busbar.controllers.contracts.rolling import Next, next_slots
from busbar.controllers.contracts.room import Yielded, give_way, room_for
from busbar.controllers.contracts.settled import Settled
from busbar.controllers.contracts.transfer import awaited, more_for_data
from busbar.controllers.contracts.view import ContractView, read_contract
from busbar.controllers.contracts.withdrawal import owed_for_withdrawal
from busbar.controllers.names import FINALIZER_METER
from busbar.controllers.nodes import is_ready, keeps_promises, node_key
from busbar.controllers.parts.binding import bound
from busbar.controllers.parts.deletion import delete_pod, release
from busbar.controllers.parts.displacement import displaced
from busbar.controllers.parts.events import event
from busbar.controllers.parts.funds import claim_budget
from busbar.controllers.parts.pods import contract_key, is_final, phase_of
from busbar.controllers.parts.writes import remove, unchanged, update, with_status
from busbar.controllers.places import driver_uid
from busbar.controllers.pools import has_begun, is_reserved, may_be_covered, pool_of
from busbar.controllers.reclaims import asked_of, told
from busbar.controllers.settings import Settings
from busbar.controllers.standing import Standing
from busbar.ledger.entries import Entry
from busbar.ledger.settlement import hold as hold_entry
from busbar.model.kinds.contract import ContractSlot
from busbar.model.money import format_euro
from busbar.model.objects import (
    Key,
    Object,
    annotations_of,
    condition,
    is_deleting,
    name_of,
    spec_of,
    status_of,
)
from busbar.model.places import places_name
from busbar.model.resources import key_of
from busbar.model.time import SECOND, Instant, format_instant
from busbar.model.wellknown import ANN_GANG_PLACES, GROUP
from busbar.store.contract import Event, EventType, Op, Snapshot

CONTRACTS: Collection = (GROUP, "contracts")


_SALE_MS = 30 * SECOND
"""How long who runs in room that was sold again waits to be sold the next hour of it."""


class ContractController:
    """Moves contracts from phase to phase, and money with them."""

    name = "contracts"
    watches: tuple[Collection, ...] = (CONTRACTS, ("", "pods"), ("", "nodes"), ("", "namespaces"))
    coalesce_ms = 0

    def __init__(self, settings: Settings, standing: Standing, evidence: Evidence) -> None:
        self._settings = settings
        self._standing = standing
        self._evidence = evidence

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake a contract for itself and its Pod; one that holds capacity, for node and home."""
        if event.key.resource == "contracts":
            return (event.key, *self._sold_of(event))
        if event.key.resource == "nodes":
            return self._held_on(event)
        if event.key.resource == "namespaces":
            return self._held_for(event)
        key = contract_key(event.obj)
        places = self._places_of(event) if ANN_GANG_PLACES in annotations_of(event.obj) else []
        return places if key is None else (key, *places)

    def _places_of(self, event: Event) -> list[Key]:
        """Give the contracts that hold places for a driver that has ended."""
        if event.type is not EventType.DELETED and not is_final(event.obj):
            return []
        held = self._standing.held_by(event.key.namespace, places_name(event.obj))
        return [key_of(contract) for contract in held]

    def _held_on(self, event: Event) -> Iterable[Key]:
        """Give the contracts that hold capacity on a node that was lost or found."""
        before, is_gone = event.previous, event.type is EventType.DELETED
        if before is not None and is_ready(before) == is_ready(event.obj) and not is_gone:
            return ()
        there = self._standing.contracts_on(event.key.name)
        return [key_of(c) for c in there if spec_of(c).get("procurement")]

    def _sold_of(self, event: Event) -> Iterable[Key]:
        """Give the contracts that were sold room for later which has begun to be held."""
        if not spec_of(event.obj).get("procurement") or not has_begun(event.obj):
            return ()
        there = self._standing.pool(pool_of(event.obj)).drawn
        return [key_of(contract) for contract in there if is_reserved(contract)]

    def _held_for(self, event: Event) -> Iterable[Key]:
        """Give the contracts that hold capacity for a namespace that is being deleted."""
        if not is_deleting(event.obj):
            return ()
        pools = map(
            self._standing.pool, (key.id for key in self._standing.pools_of(event.key.name))
        )
        return [key_of(contract) for pool in pools for contract in pool.held]

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Decide about one contract."""
        obj = snapshot.get(key)
        if obj is None:
            return NOTHING
        if status_of(obj).get("phase") == "Closed":
            return self._kept(obj, now)
        if spec_of(obj).get("procurement"):
            held, standing = read_held(snapshot, obj, now), self._standing.at(snapshot)
            return HeldCase(self._settings, snapshot, held, standing, self._evidence).decide()
        view = read_contract(snapshot, obj, now)
        asked = asked_of(view.pod or {})
        if asked and not view.status.reclaim_by:
            note = f"contract {name_of(obj)}: its Pod is evicted, {asked}"
            return decide(*told(snapshot, obj, "Pod", asked, now), note=note)
        case = _Case(self._settings, self._standing, self._evidence, snapshot, view)
        return case.reserved() if case.view.status.phase == "Reserved" else case.open()

    def _kept(self, contract: Object, now: Instant) -> Decision:
        """Remove a contract that closed long ago: every batch looks at all there are."""
        ended = status_of(contract).get("finishedMs") or spec_of(contract)["slots"][-1]["endMs"]
        due = ended + self._settings.contracts_kept_ms
        if now < due:
            return Decision(requeue_at=due)
        note = f"contract {name_of(contract)} went: closed long ago"
        return decide(remove(contract), note=note)


class _Case(NamedTuple):
    """One reconcile of one contract."""

    settings: Settings
    standing: Standing
    evidence: Evidence
    snapshot: Snapshot
    view: ContractView

    def reserved(self) -> Decision:
        """A slot that has not begun: wait for it, then bind the Pod."""
        view = self.view
        if view.is_over or view.is_stopping:
            return self._close(CloseReason(view.status.reason or CloseReason.DELETED))
        if view.is_reclaimed:
            return self._close(view.reclaim_reason)
        if view.spec.seller and view.status.reason:  # What it was sold is gone, see `ground.py`.
            return self._close(CloseReason(view.status.reason))
        others = self._together()
        if not is_whole(view, others):
            return self._close(CloseReason.GANG_BROKEN)
        if view.now < view.start:
            return Decision(requeue_at=view.start)
        if view.spec.plan and self.standing.at(self.snapshot).pieces_before(view.obj):
            return self._after_the_piece_before()
        node = self.snapshot.get(node_key(view.spec.node))
        if node is None:
            return self._close(self.evidence.of_loss(self.snapshot, view))
        if not keeps_promises(node) or not self._has_room(node):
            return self._not_yet(node)
        starting = [view, *read_all(self.snapshot, still_reserved(others), view.now)]
        if not self._can_start(starting):
            return self._not_together()
        return decide(
            *(op for one in starting for op in self._begin(one)),
            note=f"contract {self._name}: slot began, {len(starting)} bound",
        )

    def _can_start(self, starting: list[ContractView]) -> bool:
        """Say whether a gang can start; a contract that stands alone has been looked at."""
        if len(starting) == 1:
            return True
        return all_can_start(self.snapshot, self.standing.at(self.snapshot), starting)

    def _has_room(self, node: Object) -> bool:
        """Say whether its room is free, and, where it was sold again, held."""
        there = list(self._there())
        has_ground = not self.view.spec.seller or stands(there, self.view.obj, self.view.now)
        return has_ground and room_for(there, [self.view], node)

    def _after_the_piece_before(self) -> Decision:
        """The piece before has not ended for certain: the work never runs in two places at once."""
        if self.view.now < self.view.end:
            return Decision(requeue_at=self.view.now + SECOND)
        return self._close(CloseReason.NOT_DELIVERED)

    def _not_together(self) -> Decision:
        """Another member cannot start yet: wait for it as long as for one that runs late."""
        since = max(self.view.start, self.evidence.listening.since)
        if self.view.now < since + self.settings.late_ms:
            return Decision(requeue_at=self.view.now + 5 * SECOND)
        return self._close(CloseReason.GANG_BROKEN)

    def _begin(self, view: ContractView) -> Iterable[Op]:
        node = self.snapshot.get(node_key(view.spec.node))
        assert node is not None
        if view.spec.procurement:
            return (*begun(view), unchanged(node))
        assert view.pod is not None
        pod = bound(view.pod, view.spec.node, name_of(view.obj), view.spec.epoch, view.now)
        said = f"The reserved slot has begun: bound to node {view.spec.node}."
        return (
            *update(view.obj, with_status(view.obj, phase="Bound")),
            *update(view.pod, pod),
            unchanged(node),
            event(self.snapshot, view.pod, view.now, "Scheduled", said),
        )

    def _not_yet(self, node: Object) -> Decision:
        """The node cannot take it up at the slot's start: wait a little, as for one that runs."""
        view = self.view
        since = max(view.start, self.evidence.listening.since)
        if not is_ready(node):
            lost = since if view.lease is None else max(since, view.lease.expires)
            due, reason = lost + self.settings.fencing_ms, self.evidence.of_loss
            if view.now < view.end and (view.now < due or _is_one_of_most(node)):
                return Decision(requeue_at=view.now + 5 * SECOND)
            return self._close(reason(self.snapshot, view))
        if view.now < since + self.settings.late_ms:
            return Decision(requeue_at=view.now + 5 * SECOND)
        return self._close(CloseReason.NOT_DELIVERED)

    def _together(self) -> list[Object]:
        """Give the other contracts of its gang, of the same clearing."""
        if not self.view.spec.gang:
            return []
        return self.standing.at(self.snapshot).started_together(self.view.obj)

    def _others(self, reason: CloseReason) -> list[Object]:
        """Give those that close with it; a driver's places that are deleted with it do so alone.

        They were withdrawn as it was, and owe for it as it does.
        """
        others, own = self._together(), str(self.view.spec.order.get("uid"))
        if reason is not CloseReason.DELETED:
            return others
        return [other for other in others if driver_uid(other) != own]

    def open(self) -> Decision:
        """A workload that may run: observe, settle, extend, stop, close."""
        if self.view.is_over:
            due = awaited(self.view, self.settings.meter_ms)
            return self._close(self._why_over()) if due is None else Decision(requeue_at=due)
        settled = settle_ended(self.view, self.settings.fee_ppm)
        changes = {**self._observed(), **(settled.status() if settled.entries else {})}
        if settled.until != self.view.status.settled_until_ms:
            changes |= settled.status()
        if self.view.is_stopping:
            return self._write(changes, settled.entries, self._due(settled))
        return self._go_on(changes, settled)

    def _go_on(self, changes: dict[str, Any], settled: Settled) -> Decision:
        view, overdue = self.view, self._never_started()
        if self._is_silent():
            return self._write(changes, settled.entries, view.now + self.settings.fencing_ms)
        if view.is_reclaimed:
            return self._stop(view.reclaim_reason, changes, settled)
        if overdue is not None and overdue <= view.now:
            late = self.evidence.of_late_start(self.snapshot, view)
            return self._stop(late, changes, settled)
        if view.spec.transfer is not None:
            held = self._hold_for_data(changes, settled)
            if held is not None:
                return held
        if view.spec.piece < view.spec.pieces:
            return self._until_piece_ends(changes, settled, overdue)
        wanted = view.now + self.settings.roll_ahead_ms
        if view.end > wanted:
            due = earliest(self._due(settled), view.end - self.settings.roll_ahead_ms, overdue)
            return self._write(changes, settled.entries, self._later(due))
        if pool_of(view.obj):
            wanted = view.end
            if self._may_be_covered():
                due = earliest(self._due(settled), view.now + 5 * SECOND, overdue)
                return self._write(changes, settled.entries, self._later(due))
        return self._extend(changes, settled, wanted)

    def _until_piece_ends(
        self, changes: dict[str, Any], settled: Settled, overdue: Instant | None
    ) -> Decision:
        """A piece that others follow stops with its slots: it is told so ahead."""
        stop = self.view.end - self.settings.termination_grace_ms
        if stop <= self.view.now:
            return self._stop(CloseReason.PIECE_ENDED, changes, settled)
        due = earliest(self._due(settled), stop, overdue)
        return self._write(changes, settled.entries, self._later(due))

    def _may_be_covered(self) -> bool:
        """Say whether the market may still give the next hour out of what is held."""
        view = self.view
        if view.spec.seller and view.end + _SALE_MS <= view.now:
            return False
        pool = self.standing.at(self.snapshot).pool(pool_of(view.obj))
        return may_be_covered(pool, view.obj)

    def _hold_for_data(self, changes: dict[str, Any], settled: Settled) -> Decision | None:
        """Hold more for data that moves beyond what was expected, or stop; None: it is enough."""
        view = self.view
        spent = self.standing.at(self.snapshot).spent(view.namespace, view.now)
        more = more_for_data(self.snapshot, view, settled, spent)
        if more.reason is not None:
            return self._stop(more.reason, changes, settled, more.message)
        if not more.hold:
            return None
        changes["heldNano"] = settled.held + more.hold
        changes["transfer"] = msgspec.to_builtins(more.status)
        ops = claim_budget(self.snapshot, view.namespace, more.hold, spent)
        entries = (*settled.entries, *more.entries)
        return self._write(changes, entries, view.now + SECOND, (), ops)

    def _extend(self, changes: dict[str, Any], settled: Settled, wanted: Instant) -> Decision:
        view = self.view
        spent = self.standing.at(self.snapshot).spent(view.namespace, view.now)
        more = next_slots(self.snapshot, self.standing, view, wanted, spent)
        yielded = self._give_way(more.slots)
        if yielded.has_sold:
            more = Next((), 0, CloseReason.SOLD_AGAIN, SENTENCES[CloseReason.SOLD_AGAIN])
        elif yielded.of_its_pool:
            return self._write(
                changes, (*settled.entries, *yielded.entries), view.now + SECOND, (), yielded.ops
            )
        ops: list[Op] = [*yielded.ops]
        entries = [*settled.entries, *yielded.entries]
        if more.hold:
            part = more.slots[0].start_ms
            entries.append(hold_entry(view.uid, view.namespace, more.hold, view.now, part))
            ops += claim_budget(self.snapshot, view.namespace, more.hold, spent)
            changes["heldNano"] = settled.held + more.hold
        end = more.slots[-1].end_ms if more.slots else view.end
        if more.reason is not None and end <= view.now:
            settled = settled._replace(entries=tuple(entries))
            return self._stop(more.reason, changes, settled, more.message, more.slots, ops)
        if more.reason is not None and more.reason.value != view.status.reason:
            ops.append(self._warning(more.message, end))
        if more.reason is CloseReason.WITHDRAWN_EARLY and view.status.notice_until_ms is None:
            changes["noticeUntilMs"] = view.now + view.spec.reclaim_notice_ms
        changes["reason"] = more.reason.value if more.reason is not None else None
        changes["message"] = more.message or None
        retry = min(end, view.now + 5 * SECOND) if more.reason is not None else None
        ahead = end - self.settings.roll_ahead_ms if more.reason is None else None
        due = self._later(earliest(self._due(settled), retry, ahead, self._never_started()))
        return self._write(changes, entries, due, more.slots, ops)

    def _give_way(self, slots: tuple[ContractSlot, ...]) -> Yielded:
        if not slots:
            return Yielded()
        fee, together = self.settings.fee_ppm, self.standing.started_together
        return give_way(self.snapshot, self._there(), self.view, slots, fee, together)

    def _warning(self, message: str, end: Instant) -> Op:
        """Say it before it happens, on the Pod."""
        assert self.view.pod is not None
        said = f"Ends at {format_instant(end)}: {message}"
        return event(
            self.snapshot, self.view.pod, self.view.now, "ContractEnding", said, warning=True
        )

    def _stop(
        self,
        reason: CloseReason,
        changes: dict[str, Any],
        settled: Settled,
        message: str = "",
        more: tuple[ContractSlot, ...] = (),
        before: Iterable[Op] = (),
    ) -> Decision:
        """Ask the Pod to end; the contract closes when its agent says that it has.

        `more` are slots that lie wholly in the past: what ran in them was sold as well.
        """
        view = self.view
        assert view.pod is not None
        sentence = message or SENTENCES[reason]
        changes |= {"reason": reason.value, "message": sentence}
        pod = displaced(view.pod, reason, sentence, view.now)
        ops = (
            *before,
            *delete_pod(pod, view.now, self.settings.termination_grace_ms),
            event(self.snapshot, view.pod, view.now, reason.value, sentence, warning=True),
        )
        return self._write(changes, settled.entries, self._due(settled), more, ops)

    def _write(
        self,
        changes: dict[str, Any],
        entries: Iterable[Entry],
        requeue_at: Instant | None,
        more: tuple[ContractSlot, ...] = (),
        ops: Iterable[Op] = (),
    ) -> Decision:
        fresh = self._with_slots(more)
        price = self._price(more)
        fresh = with_status(fresh, **{**changes, "pricePerDTU": price})
        written = update(self.view.obj, fresh)
        reclaim_at = self.view.status.reclaim_at_ms
        if reclaim_at is not None and reclaim_at > self.view.now:
            requeue_at = earliest(requeue_at, reclaim_at)
        note = f"contract {self._name}: {self._said(changes, more)}" if written else ""
        return decide(*written, *ops, entries=entries, requeue_at=requeue_at, note=note)

    def _said(self, changes: dict[str, Any], more: tuple[ContractSlot, ...]) -> str:
        done = []
        if changes.get("phase") == "Running" and self.view.status.phase != "Running":
            done.append("started")
        if "cost" in changes and changes["cost"] != self.view.status.cost:
            done.append(f"billed {changes['cost']} € so far")
        if more:
            done.append(f"reserved until {format_instant(more[-1].end_ms)}")
        if changes.get("reason"):
            done.append(f"will end: {changes['reason']}")
        return ", ".join(done) or "updated"

    def _with_slots(self, more: tuple[ContractSlot, ...]) -> Object:
        if not more:
            return self.view.obj
        spec = spec_of(self.view.obj)
        slots = [*spec["slots"], *(msgspec.to_builtins(slot) for slot in more)]
        fresh = {**self.view.obj, "spec": {**spec, "slots": slots}}
        return with_status(fresh, ends=format_instant(more[-1].end_ms))

    def _price(self, more: tuple[ContractSlot, ...]) -> str:
        begun = [s for s in (*self.view.spec.slots, *more) if s.start_ms <= self.view.now]
        slot = begun[-1] if begun else self.view.spec.slots[0]
        return format_euro(slot.price_nano)

    def _observed(self) -> dict[str, Any]:
        started = self.view.started()
        if started is None:
            return {}
        return {"phase": "Running", "startedMs": started}

    def _never_started(self) -> Instant | None:
        if self.view.started() is not None:
            return None
        return self.evidence.never_started_due(self.view.start)

    def _is_silent(self) -> bool:
        """Say whether the node is out of reach for so long that the workload has surely ended."""
        lease = self.view.lease
        return lease is not None and lease.expires + self.settings.fencing_ms <= self.view.now

    def _due(self, settled: Settled) -> Instant | None:
        """Give when the next slot may be settled."""
        left = [s.end_ms for s in unsettled(self.view) if s.end_ms > (settled.until or 0)]
        return self._later(min(left) + SECOND) if left else None

    def _later(self, at: Instant | None) -> Instant | None:
        return None if at is None else max(at, self.view.now + SECOND)

    def _why_over(self) -> CloseReason:
        view = self.view
        asked = view.status.reason
        is_cut_off = asked == CloseReason.PIECE_ENDED and view.is_stopping
        if view.pod is not None and phase_of(view.pod) == "Succeeded" and not is_cut_off:
            return CloseReason.COMPLETED
        if (view.pod is None or view.is_stopping) and asked:
            return CloseReason(asked)
        if view.pod is None:
            return CloseReason.DELETED
        reason = self.evidence.of_pod(self.snapshot, view)
        if reason is CloseReason.WITHDRAWN_EARLY and view.is_reclaimed:
            return view.reclaim_reason
        is_own = reason is CloseReason.FAILED
        return CloseReason.DELETED if view.is_stopping and is_own else reason

    def _close(self, reason: CloseReason) -> Decision:
        view = self.view
        late = owed_for_withdrawal(self.snapshot, view, reason, view.spec.slots, self.settings)
        settled = settle_all(view, self.settings.fee_ppm, late)
        observed = view.observed()
        started = view.started()
        asked = view.status.message if view.status.reason == reason.value else ""
        paid = compensation(self.snapshot, view, reason)
        closed = with_status(
            view.obj,
            **settled.status(),
            phase="Closed",
            reason=reason.value,
            message=asked or SENTENCES[reason],
            startedMs=started,
            finishedMs=observed.end if started is not None else None,
            pricePerDTU=self._price(()),
            **paid.status(),
        )
        if started is not None:
            closed = with_status(closed, ends=format_instant(observed.end))
        clauses = f"{settled.said}{paid.said}"
        bill = f"{reason.value}, {format_euro(settled.billed)} €{clauses}"
        said = f"Contract {name_of(view.obj)} closed: {bill}."
        about = view.pod if view.pod is not None else view.obj
        ops = (
            *update(view.obj, closed),
            *(release(view.pod, FINALIZER_METER) if view.pod is not None else ()),
            event(self.snapshot, about, view.now, "ContractClosed", said),
            *paid.ops,
        )
        yielded = Yielded()
        if view.status.phase == "Reserved":
            fee = self.settings.fee_ppm
            yielded = broken(self.snapshot, self._others(reason), view.now, fee)
        cost = format_euro(settled.billed)
        note = f"contract {self._name} closed: {reason.value}, billed {cost} €{clauses}"
        entries = (*settled.entries, *paid.entries, *yielded.entries)
        return decide(*ops, *yielded.ops, entries=entries, note=note)

    def _there(self) -> Iterable[Object]:
        """Give the open contracts of its node."""
        return self.standing.at(self.snapshot).contracts_on(self.view.spec.node)

    @property
    def _name(self) -> str:
        return f"{self.view.namespace}/{name_of(self.view.obj)}"


def _is_one_of_most(node: Object) -> bool:
    """Say whether the node is one of most that are out of reach: nobody is evicted then."""
    stopped = condition(node, "EvictionsStopped")
    return stopped is not None and stopped.get("status") == "True"
