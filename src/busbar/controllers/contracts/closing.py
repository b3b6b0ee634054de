"""The end of a contract: settled, compensated and released in one transaction.

Also what every case of a contract knows, whether its slot has begun or not. Next: `reserved.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from busbar.controllers.close import CloseReason
from busbar.controllers.contract import Decision, decide
from busbar.controllers.contracts.compensation import compensation
from busbar.controllers.contracts.fault import Evidence
from busbar.controllers.contracts.gangs import broken
from busbar.controllers.contracts.money import settle_all
from busbar.controllers.contracts.room import Yielded
from busbar.controllers.contracts.settled import Settled
from busbar.controllers.contracts.view import ContractView
from busbar.controllers.contracts.withdrawal import owed_for_withdrawal
from busbar.controllers.names import FINALIZER_METER
from busbar.controllers.parts.deletion import release
from busbar.controllers.parts.events import event
from busbar.controllers.parts.writes import update, with_status
from busbar.controllers.places import driver_uid
from busbar.controllers.settings import Settings
from busbar.controllers.standing import Standing
from busbar.ledger.entries import Entry
from busbar.model.money import format_euro
from busbar.model.objects import Object, name_of
from busbar.model.time import format_instant
from busbar.store.contract import Op, Snapshot


class Case(NamedTuple):
    """One reconcile of one contract."""

    settings: Settings
    standing: Standing
    evidence: Evidence
    snapshot: Snapshot
    view: ContractView

    def _close(self, reason: CloseReason) -> Decision:
        view = self.view
        late = owed_for_withdrawal(self.snapshot, view, reason, view.spec.slots, self.settings)
        settled = settle_all(view, self.settings.fee_ppm, late)
        end = ended(self.snapshot, view, reason, settled, pricePerDTU=view.price())
        yielded = Yielded()
        if view.status.phase == "Reserved":
            fee = self.settings.fee_ppm
            yielded = broken(self.snapshot, self._others(reason), view.now, fee)
        entries = (*end.entries, *yielded.entries)
        return decide(*end.ops, *yielded.ops, entries=entries, note=end.note)

    def _others(self, reason: CloseReason) -> list[Object]:
        """Give those that close with it; a driver's places that are deleted with it do so alone.

        They were withdrawn as it was, and owe for it as it does.
        """
        others, own = self._together(), str(self.view.spec.order.get("uid"))
        if reason is not CloseReason.DELETED:
            return others
        return [other for other in others if driver_uid(other) != own]

    def _together(self) -> list[Object]:
        """Give the other contracts of its gang, of the same clearing."""
        if not self.view.spec.gang:
            return []
        return self.standing.at(self.snapshot).company.started_together(self.view.obj)

    def _there(self) -> Iterable[Object]:
        """Give the open contracts of its node."""
        return self.standing.at(self.snapshot).contracts.on(self.view.spec.node)


class End(NamedTuple):
    """What ends a contract, and what the log says of it."""

    ops: tuple[Op, ...]
    entries: tuple[Entry, ...]
    note: str


def ended(
    snapshot: Snapshot, view: ContractView, reason: CloseReason, settled: Settled, **status: object
) -> End:
    """Close a contract that is settled, whatever it was for: compensated, released and told.

    `status` is what its status says beside that.
    """
    started, finished = view.started(), view.observed().end
    paid = compensation(snapshot, view, reason)
    closed = with_status(
        view.obj,
        **settled.status(),
        phase="Closed",
        reason=reason.value,
        message=view.said_of(reason),
        startedMs=started,
        finishedMs=finished if started is not None else None,
        **status,
        **paid.status(),
    )
    if started is not None:
        closed = with_status(closed, ends=format_instant(finished))
    cost, clauses = format_euro(settled.billed), f"{settled.said}{paid.said}"
    said = f"Contract {name_of(view.obj)} closed: {reason.value}, {cost} €{clauses}."
    about = view.pod if view.pod is not None else view.obj
    ops = (
        *update(view.obj, closed),
        *(release(view.pod, FINALIZER_METER) if view.pod is not None else ()),
        event(snapshot, about, view.now, "ContractClosed", said),
        *paid.ops,
    )
    note = f"contract {view.full_name} closed: {reason.value}, billed {cost} €{clauses}"
    return End(ops, (*settled.entries, *paid.entries), note)
