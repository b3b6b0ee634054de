"""Room on a node: work that runs goes before work that is only reserved.

A running workload rolls as long as it needs. Where its next slot was sold forward to somebody who
has not begun, that contract is closed in the same transaction that rolls (its Pod is an order
again at once), so that a node is never sold twice, at any revision. Next: `controller.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
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


def has_room(there: Iterable[Object], view: ContractView, node: Object) -> bool:
    """Say whether what ought to have ended by now has left room for a reserved workload.

    `there` are the open contracts of the node.
    """
    running, _ = _neighbours(there, view)
    return load([view.obj, *running], view.now).fits_in(capacity_of(node))


def give_way(
    snapshot: Snapshot,
    there: Iterable[Object],
    view: ContractView,
    slots: tuple[ContractSlot, ...],
    fee_ppm: int,
) -> Yielded:
    """Close the reservations that have no room beside a running workload's next slots.

    `there` are the open contracts of the node. The one made last goes first.
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
    closings = [_superseded(snapshot, contract, view.now, fee_ppm) for contract in gone]
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


def _superseded(snapshot: Snapshot, contract: Object, now: Instant, fee_ppm: int) -> Yielded:
    view = read_contract(snapshot, contract, now)
    settled = settle_all(view, fee_ppm)
    message = SENTENCES[CloseReason.SUPERSEDED]
    closed = with_status(
        contract,
        **settled.status(),
        phase="Closed",
        reason=CloseReason.SUPERSEDED.value,
        message=message,
    )
    about = view.pod if view.pod is not None else contract
    said = event(snapshot, about, now, CloseReason.SUPERSEDED.value, message, warning=True)
    return Yielded((*update(contract, closed), said), settled.entries)
