"""Room on a node: work that runs goes before work that is only reserved.

A running workload rolls as long as it needs. Where its next slot was sold forward to somebody who
has not begun, that contract is closed in the same transaction that rolls (its Pod is an order
again at once), so that a node is never sold twice, at any revision. Next: `controller.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from busbar.controllers.close import SENTENCES, CloseReason
from busbar.controllers.contracts.money import settle_all
from busbar.controllers.contracts.view import ContractView, read_contract
from busbar.controllers.nodes import node_key
from busbar.controllers.parts.events import event
from busbar.controllers.parts.writes import update, with_status
from busbar.controllers.pools import load, term_of
from busbar.ledger.entries import Entry
from busbar.market.offers import capacity_of
from busbar.model.dtu import Resources
from busbar.model.kinds.contract import ContractSlot
from busbar.model.objects import (
    Object,
    metadata,
    name_of,
    namespace_of,
    status_of,
    uid_of,
)
from busbar.model.time import Instant
from busbar.store.contract import Op, Snapshot


class Yielded(NamedTuple):
    """The ops and entries that close what gives way."""

    ops: tuple[Op, ...] = ()
    entries: tuple[Entry, ...] = ()


def room_for(there: Iterable[Object], views: list[ContractView], node: Object) -> bool:
    """Say whether what ought to have ended by now has left room for reserved workloads.

    `there` are the open contracts of the node.
    """
    running, _ = _neighbours(there, views[0])
    starting = [view.obj for view in views]
    return load([*running, *starting], views[0].now).fits_in(capacity_of(node))


def has_room(there: Iterable[Object], view: ContractView, node: Object) -> bool:
    """Say the same of one."""
    return room_for(there, [view], node)


def give_way(
    snapshot: Snapshot,
    there: Iterable[Object],
    view: ContractView,
    slots: tuple[ContractSlot, ...],
    fee_ppm: int,
    together: Callable[[Object], list[Object]],
) -> Yielded:
    """Close the reservations that have no room beside a running workload's next slots.

    `there` are the open contracts of the node. The one made last goes first, and `together` with
    it the rest of its gang.
    """
    node = snapshot.get(node_key(view.spec.node))
    running, reserved = _neighbours(there, view)
    if node is None or not reserved:
        return Yielded()
    capacity, end = capacity_of(node), slots[-1].end_ms
    kept = [c for c in reserved if term_of(c)[0] < end]
    kept.sort(key=lambda c: (metadata(c)["creationTimestamp"], uid_of(c)))
    gone = []
    while kept and not _all_fit(view.obj, running, kept, capacity):
        gone.append(kept.pop())
    own = {uid_of(contract) for contract in gone}
    theirs = {uid_of(other): other for contract in gone for other in together(contract)}
    closings = [
        close_reserved(snapshot, contract, view.now, fee_ppm, CloseReason.SUPERSEDED)
        for contract in gone
    ]
    closings += [
        close_reserved(snapshot, other, view.now, fee_ppm, CloseReason.GANG_BROKEN)
        for uid, other in sorted(theirs.items())
        if uid not in own and status_of(other).get("phase") == "Reserved"
    ]
    ops = tuple(op for closing in closings for op in closing.ops)
    return Yielded(ops, tuple(entry for closing in closings for entry in closing.entries))


def _neighbours(there: Iterable[Object], view: ContractView) -> tuple[list[Object], list[Object]]:
    """Give the others of a node's open contracts: those that run, those that are reserved.

    Capacity that is held for a Procurement counts as running.
    """
    others = sorted(
        (contract for contract in there if uid_of(contract) != view.uid),
        key=lambda c: (namespace_of(c), name_of(c)),
    )
    running = [c for c in others if status_of(c).get("phase") != "Reserved"]
    return running, [c for c in others if status_of(c).get("phase") == "Reserved"]


def _all_fit(
    mine: Object, running: list[Object], reserved: list[Object], capacity: Resources
) -> bool:
    for start in {term_of(contract)[0] for contract in reserved}:
        there = [c for c in reserved if term_of(c)[0] <= start < term_of(c)[1]]
        if not load([mine, *running, *there], start).fits_in(capacity):
            return False
    return True


def close_reserved(
    snapshot: Snapshot, contract: Object, now: Instant, fee_ppm: int, reason: CloseReason
) -> Yielded:
    """Close a contract that has not begun: its hold is released, its Pod is an order again."""
    view = read_contract(snapshot, contract, now)
    settled = settle_all(view, fee_ppm)
    message = SENTENCES[reason]
    closed = with_status(
        contract,
        **settled.status(),
        phase="Closed",
        reason=reason.value,
        message=message,
    )
    about = view.pod if view.pod is not None else contract
    said = event(snapshot, about, now, reason.value, message, warning=True)
    return Yielded((*update(contract, closed), said), settled.entries)
