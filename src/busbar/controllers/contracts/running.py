"""A contract whose workload may run: settled slot by slot, and extended. Next: `controller.py`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from busbar.controllers.close import SENTENCES, CloseReason
from busbar.controllers.contract import Decision, decide, earliest
from busbar.controllers.contracts.closing import Case
from busbar.controllers.contracts.extending import end_of, foreseen, is_news, next_look, pay
from busbar.controllers.contracts.money import settle_ended, unsettled
from busbar.controllers.contracts.rolling import Next, next_slots, with_slots
from busbar.controllers.contracts.room import Yielded, give_way
from busbar.controllers.contracts.settled import Settled
from busbar.controllers.contracts.transfer import awaited, more_for_data
from busbar.controllers.parts.deletion import delete_pod
from busbar.controllers.parts.displacement import displaced
from busbar.controllers.parts.events import event
from busbar.controllers.parts.funds import claim_budget
from busbar.controllers.parts.pods import phase_of
from busbar.controllers.parts.writes import update, with_status
from busbar.controllers.pools import may_be_covered, pool_of
from busbar.ledger.entries import Entry
from busbar.model.kinds.contract import ContractSlot
from busbar.model.time import SECOND, Instant, format_instant
from busbar.store.contract import Op

_SALE_MS = 30 * SECOND
"""How long who runs in room that was sold again waits to be sold the next hour of it."""


class RunningCase(Case):
    """One reconcile of a contract whose slot has begun."""

    __slots__ = ()

    def decide(self) -> Decision:
        """Observe, settle, extend, stop, close."""
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
        pool = self.standing.at(self.snapshot).pools.pool(pool_of(view.obj))
        return may_be_covered(pool, view.obj)

    def _hold_for_data(self, changes: dict[str, Any], settled: Settled) -> Decision | None:
        """Hold more for data that moves beyond what was expected, or stop; None: it is enough."""
        view = self.view
        spent = self.standing.at(self.snapshot).contracts.spent(view.namespace, view.now)
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
        spent = self.standing.at(self.snapshot).contracts.spent(view.namespace, view.now)
        more = next_slots(self.snapshot, self.standing, view, wanted, spent)
        yielded = self._give_way(more.slots)
        if yielded.has_sold:
            more = Next((), 0, CloseReason.SOLD_AGAIN, SENTENCES[CloseReason.SOLD_AGAIN])
        elif yielded.of_its_pool:
            return self._write(
                changes, (*settled.entries, *yielded.entries), view.now + SECOND, (), yielded.ops
            )
        paid = pay(self.snapshot, view, more, settled.held, spent)
        ops = [*yielded.ops, *paid.ops]
        entries = (*settled.entries, *yielded.entries, *paid.entries)
        changes |= paid.changes
        end = end_of(view, more)
        if more.reason is not None and end <= view.now:
            settled = settled._replace(entries=entries)
            return self._stop(more.reason, changes, settled, more.message, more.slots, ops)
        if is_news(view, more):
            ops.append(self._warning(more.message, end))
        changes |= foreseen(view, more)
        again = next_look(view, more, self.settings.roll_ahead_ms)
        due = self._later(earliest(self._due(settled), again, self._never_started()))
        return self._write(changes, entries, due, more.slots, ops)

    def _give_way(self, slots: tuple[ContractSlot, ...]) -> Yielded:
        if not slots:
            return Yielded()
        fee, together = self.settings.fee_ppm, self.standing.company.started_together
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
        fresh = with_slots(self.view.obj, more)
        price = self.view.price(more)
        fresh = with_status(fresh, **{**changes, "pricePerDTU": price})
        written = update(self.view.obj, fresh)
        reclaim_at = self.view.status.reclaim_at_ms
        if reclaim_at is not None and reclaim_at > self.view.now:
            requeue_at = earliest(requeue_at, reclaim_at)
        note = f"contract {self.view.full_name}: {self._said(changes, more)}" if written else ""
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
