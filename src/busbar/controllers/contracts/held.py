"""Capacity held for a Procurement: paid by the hour whether used or not, as long as it is there.

It ends early where its node is lost or taken back, and those who draw on it, or bought of it, go
first. Next: `../nodes.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from busbar.controllers.close import CloseReason
from busbar.controllers.contract import Decision, decide, earliest
from busbar.controllers.contracts.closing import ended
from busbar.controllers.contracts.fault import Evidence
from busbar.controllers.contracts.gangs import broken, is_whole
from busbar.controllers.contracts.ground import losing, running_on, telling
from busbar.controllers.contracts.heldview import HeldView
from busbar.controllers.contracts.money import settle_all, settle_ended, unsettled
from busbar.controllers.contracts.places import rolled, why_over
from busbar.controllers.contracts.room import Yielded, has_room
from busbar.controllers.contracts.settled import Settled
from busbar.controllers.contracts.view import ContractView
from busbar.controllers.contracts.withdrawal import owed_for_withdrawal
from busbar.controllers.nodes import is_ready, node_key
from busbar.controllers.parts.writes import unchanged, update, with_status
from busbar.controllers.places import driver_of, driver_uid
from busbar.controllers.pools import is_reserved, pool_of, rolls
from busbar.controllers.settings import Settings
from busbar.controllers.standing import Standing
from busbar.model.kinds.contract import Outage
from busbar.model.money import format_euro
from busbar.model.objects import Key, Object, is_deleting, spec_of, status_of
from busbar.model.time import SECOND, Instant, slot_of
from busbar.store.contract import Op, Snapshot


class HeldCase(NamedTuple):
    """One reconcile of a contract that holds capacity."""

    settings: Settings
    snapshot: Snapshot
    view: HeldView
    standing: Standing
    evidence: Evidence

    def decide(self) -> Decision:
        """Settle what is over, give up what is lost, and close at the end."""
        goes = self._home_goes()
        if goes and not self._is_sold():
            return self._end(CloseReason.DELETED)
        if self._is_lost():
            return self._end(self._whose_loss())
        if self.view.is_reclaimed:
            return self._end(self.view.reclaim_reason)
        if self._has_lost_its_driver() and not self._is_drawn_on():
            return self._close(self._without_driver())
        if self.view.spec.gang and self.view.status.phase == "Reserved":
            return self._until_the_gang_starts()
        decided = self._live()
        if goes:  # Nobody wakes it when the last one who bought of it has ended.
            again = earliest(decided.requeue_at, self.view.now + 5 * SECOND)
            decided = decided._replace(requeue_at=again)
        return decided

    def _live(self) -> Decision:
        """Begin, go on, or come to the end of the term."""
        view = self.view
        if view.now < view.start:
            return Decision(requeue_at=min(view.start, slot_of(view.now).end))
        if view.status.phase == "Reserved":
            return self._begin()
        if view.end <= view.known_until and not self._may_go_on():
            return self._close(why_over(view))
        settled = settle_ended(view, self.settings.fee_ppm)
        return self._go_on(settled)

    def _end(self, reason: CloseReason) -> Decision:
        """It ends early: who bought of it for later is told first, who draws on it ends first."""
        view = self.view
        losers = losing(self._there(), view.obj, view.now)
        # Who has a notice of the same vendor ends by that: it may run until then.
        untold = [loser for loser in losers if not (view.is_reclaimed and _is_reclaimed(loser))]
        if untold:
            told = (op for loser in untold for op in telling(loser, reason))
            return decide(*self._noted(), *told, requeue_at=view.now + SECOND)
        if losers or self._is_drawn_on():
            # Its room is theirs as long as they are there.
            return decide(*self._noted(), requeue_at=view.now + 5 * SECOND)
        return self._close(reason)

    def _has_lost_its_driver(self) -> bool:
        """Say whether the driver that this place is held for has ended."""
        view = self.view
        return bool(driver_uid(view.obj)) and driver_of(self.snapshot, view.obj) is None

    def _may_go_on(self) -> bool:
        """Say whether a place whose time is over goes on: the exchange may have been away."""
        return rolls(self.view.obj) and driver_of(self.snapshot, self.view.obj) is not None

    def _without_driver(self) -> CloseReason:
        """Say how a place ends with its driver: before it began, it was withdrawn with it."""
        begun = self.view.status.phase != "Reserved"
        return CloseReason.DRIVER_ENDED if begun else CloseReason.DELETED

    def _until_the_gang_starts(self) -> Decision:
        """The driver's own contract starts the whole gang, in one transaction."""
        view = self.view
        if not is_whole(view, self.standing.company.started_together(view.obj)):
            return self._close(CloseReason.GANG_BROKEN)
        due = min(view.start, slot_of(view.now).end) if view.now < view.start else view.now
        return Decision(requeue_at=due + 5 * SECOND)

    def _begin(self) -> Decision:
        """The first hour has come: it is held as soon as what ran before has left its room."""
        view = self.view
        node = self.snapshot.get(node_key(view.spec.node))
        assert node is not None
        if not is_ready(node):
            # Who bought of it goes first; if the node is back before that, this was not held.
            view.status.outages = [Outage(view.start, view.now)]
            return self._end(self._whose_loss())
        if not has_room(self._there(), view, node):
            if view.now >= min(view.start + self.settings.late_ms, view.end):
                return self._end(CloseReason.NOT_DELIVERED)
            late = with_status(view.obj, outages=[_noted(view.start, view.now)])
            return decide(*update(view.obj, late), requeue_at=view.now + 5 * SECOND)
        written = begun(view)
        note = f"contract {view.full_name}: its hours began on {view.spec.node}"
        due = min(view.end + SECOND, view.now + self.settings.hold_look_ms)
        return decide(*written, unchanged(node), requeue_at=due, note=note)

    def _go_on(self, settled: Settled) -> Decision:
        view = self.view
        changes: dict[str, Any] = {
            "startedMs": view.start,
            "outages": self._outages(),
            "pricePerDTU": view.price(),
        }
        if settled.until != view.status.settled_until_ms:
            changes |= settled.status()
        more = rolled(self.snapshot, self.standing, self.settings, view, settled.held)
        written = update(view.obj, with_status(more.contract, **{**changes, **more.changes}))
        left = [s.end_ms for s in unsettled(view) if s.end_ms > (settled.until or 0)]
        due = min(left) + SECOND if left else view.end + SECOND
        due = min(max(due, view.now + SECOND), view.now + self.settings.hold_look_ms)
        due = earliest(due, view.status.reclaim_at_ms, more.due) or due
        if self._has_lost_its_driver():
            due = min(due, view.now + 5 * SECOND)
        note = f"contract {view.full_name}: held, billed {format_euro(settled.billed)} € so far"
        noted = note if written and settled.entries else ""
        entries = (*settled.entries, *more.entries)
        due = max(due, view.now + SECOND)
        return decide(*written, *more.ops, entries=entries, requeue_at=due, note=noted)

    def _close(self, reason: CloseReason) -> Decision:
        view = self.view
        late = 0  # What has begun is paid by the hour, used or not.
        if view.status.phase == "Reserved":
            late = owed_for_withdrawal(self.snapshot, view, reason, view.spec.slots, self.settings)
        settled = settle_all(view, self.settings.fee_ppm, late)
        end = ended(self.snapshot, view, reason, settled, outages=self._outages())
        gang = self._breaks(reason)
        return decide(*end.ops, *gang.ops, entries=(*end.entries, *gang.entries), note=end.note)

    def _breaks(self, reason: CloseReason) -> Yielded:
        """Close the rest of a gang that has not started; what is deleted, all of it is."""
        if self.view.status.phase != "Reserved" or reason is CloseReason.DELETED:
            return Yielded()
        others = self.standing.company.started_together(self.view.obj)
        return broken(self.snapshot, others, self.view.now, self.settings.fee_ppm)

    def _there(self) -> Iterable[Object]:
        """Give the open contracts of its node."""
        return self.standing.contracts.on(self.view.spec.node)

    def _home_goes(self) -> bool:
        """Say whether the namespace is being deleted: nothing more is held for it."""
        namespace = self.snapshot.get(Key("", "namespaces", "", self.view.namespace))
        return namespace is None or is_deleting(namespace)

    def _is_drawn_on(self) -> bool:
        """Say whether Pods draw on what is held here, or run and have bought hours of it."""
        begun = self.view.status.phase != "Reserved"
        return (begun and any(self._drawing())) or self._is_run_into()

    def _is_run_into(self) -> bool:
        return bool(running_on(self._there(), self.view.obj, self.view.now))

    def _drawing(self) -> Iterator[Object]:
        """Give the contracts of Pods that draw where this one holds."""
        key = pool_of(self.view.obj)
        mates = (c for c in self._there() if pool_of(c) == key)
        return (c for c in mates if not spec_of(c).get("procurement") and not is_reserved(c))

    def _is_sold(self) -> bool:
        """Say whether others have bought of it: what draws now, or hours that are to come."""
        begun = self.view.status.phase != "Reserved"
        if begun and any(spec_of(c).get("seller") for c in self._drawing()):
            return True
        return self._is_run_into() or bool(losing(self._there(), self.view.obj, self.view.now))

    def _noted(self) -> tuple[Op, ...]:
        """Write down that the node is lost, though nothing else changes yet."""
        return update(self.view.obj, with_status(self.view.obj, outages=self._outages()))

    def _is_lost(self) -> bool:
        """Say whether the node is gone, or out of reach for so long that it counts as lost.

        Its Ready condition knows of silence that is the exchange's own; the lease alone does not.
        """
        node, lease = self.snapshot.get(node_key(self.view.spec.node)), self.view.lease
        if node is None:
            return True
        if is_ready(node) or self.view.status.phase == "Reserved":
            return False
        return lease is None or lease.expires + self.settings.fencing_ms <= self.view.now

    def _whose_loss(self) -> CloseReason:
        """Tell a node's silence from one that is nearer to the exchange."""
        return self.evidence.of_loss(self.snapshot, self.view)

    def _outages(self) -> list[dict[str, Any]] | None:
        return [msgspec.to_builtins(outage) for outage in self.view.status.outages] or None


def _is_reclaimed(contract: Object) -> bool:
    return status_of(contract).get("reclaimAtMs") is not None


def begun(view: ContractView) -> tuple[Op, ...]:
    """Write that the first hour has come; what it came late by is not paid."""
    changes: dict[str, Any] = {"phase": "Held", "startedMs": view.start}
    if view.status.outages or (view.spec.gang and view.start < view.now):
        changes["outages"] = [_noted(view.start, view.now)]
    return update(view.obj, with_status(view.obj, **changes))


def _noted(start: Instant, end: Instant) -> dict[str, int]:
    return {"fromMs": start, "untilMs": end}
