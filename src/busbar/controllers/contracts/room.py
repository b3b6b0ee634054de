"""Room on a node: work that runs goes before work that is only reserved.

A running workload rolls as long as it needs. Where its next slot was sold forward to somebody who
has not begun, that contract is closed in the same transaction that rolls (its Pod is an order
again at once), so that a node is never sold twice, at any revision. Where what closes held capacity
that was sold again, who bought it closes with it. What a Procurement has sold does not give way to
the Pods of its own namespace that draw on it: sold is sold. Next: `running.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from busbar.controllers.close import SENTENCES, CloseReason
from busbar.controllers.contracts.ground import (
    freed,
    is_sold_ahead,
    losing,
    made,
    running_on,
)
from busbar.controllers.contracts.money import settle_all
from busbar.controllers.contracts.view import ContractView, read_contract
from busbar.controllers.nodes import node_key
from busbar.controllers.parts.events import event
from busbar.controllers.parts.writes import update, with_status
from busbar.controllers.pools import load, pool_of, term_of
from busbar.ledger.entries import Entry
from busbar.market.offers import capacity_of
from busbar.model.dtu import Resources
from busbar.model.kinds.contract import ContractSlot
from busbar.model.objects import (
    Object,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from busbar.model.time import Instant
from busbar.store.contract import Op, Snapshot


class Yielded(NamedTuple):
    """The ops and entries that close what gives way."""

    ops: tuple[Op, ...] = ()
    entries: tuple[Entry, ...] = ()
    has_sold: bool = False
    """There is no room for it, for its own namespace has sold it."""
    of_its_pool: bool = False
    """What gave way had bought of the same held room, which may now cover it."""


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
    others = list(there)
    running, reserved = _neighbours(others, view)
    if node is None or not reserved:
        return Yielded()
    capacity, end = capacity_of(node), slots[-1].end_ms
    kept = sorted((c for c in reserved if term_of(c)[0] < end), key=made)
    sold = [c for c in kept if _is_sold_by(view, c)]
    gone: list[Object] = []
    while (tight := _tight(view.obj, running, kept, capacity)) is not None:
        groups = _groups(kept, others, view.now)
        free = (group for group in groups if not any(c in sold for c in group))
        helping = (g for g in free if _helps(g, view.obj, running, kept, capacity, tight))
        group = next(helping, None)
        if group is None:
            if sold and _helps(sold, view.obj, running, kept, capacity, tight):
                return Yielded(has_sold=True)
            break
        gone += group
        kept, others = ([c for c in some if c not in group] for some in (kept, others))
    freeing = _freed(gone, others, view)
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
    ops = (*(op for closing in closings for op in closing.ops), *freeing)
    entries = tuple(entry for closing in closings for entry in closing.entries)
    mates = any(is_sold_ahead(c) and _are_mates(view, c) for c in gone)
    return Yielded(ops, entries, of_its_pool=mates and bool(view.spec.seller))


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


def _freed(gone: list[Object], there: list[Object], view: ContractView) -> tuple[Op, ...]:
    """Hand to the vendor the hours that who runs was sold of what has given way."""
    changed: dict[str, tuple[Object, Object]] = {}
    for holder in gone:
        for one in running_on(there, holder, view.now) if _holds(holder) else ():
            before, latest = changed.get(uid_of(one), (one, one))
            changed[uid_of(one)] = before, freed(latest, holder, view.now)
    changed.pop(view.uid, None)
    return tuple(op for before, after in changed.values() for op in update(before, after))


def _holds(contract: Object) -> bool:
    return bool(spec_of(contract).get("procurement"))


def _is_sold_by(view: ContractView, contract: Object) -> bool:
    """Say whether a contract is for room that was sold of what a Pod's own namespace holds."""
    return bool(view.spec.reservation) and is_sold_ahead(contract) and _are_mates(view, contract)


def _are_mates(view: ContractView, contract: Object) -> bool:
    """Say whether a contract is of the same held room."""
    return pool_of(contract) == pool_of(view.obj)


def _groups(kept: list[Object], there: list[Object], now: Instant) -> Iterator[list[Object]]:
    """Give what may give way at once: the one made last first, and few before many.

    A pool takes the larger of held and drawn. Where somebody draws in it who was sold its hours
    before, and runs, neither a holder's contract nor a buyer's frees room alone: both have to go.
    """
    latest = kept[::-1]
    yield from (_with(contract, there, now) for contract in latest)
    for contract in filter(_holds, latest):
        group = _with(contract, there, now)
        for other in latest:
            if is_sold_ahead(other) and pool_of(other) == pool_of(contract) and other not in group:
                group = [*group, other]
                yield group


def _with(contract: Object, there: Iterable[Object], now: Instant) -> list[Object]:
    """Give a reservation, and those that were sold room of it where it holds some."""
    if not _holds(contract):
        return [contract]
    return [contract, *losing(there, contract, now)]


def _tight(
    mine: Object, running: list[Object], reserved: list[Object], capacity: Resources
) -> Instant | None:
    """Give the first start of a reservation at which not all fit; None where all do."""
    starts = sorted({term_of(contract)[0] for contract in reserved})
    loads = ((start, _load(mine, running, reserved, start)) for start in starts)
    return next((start for start, taken in loads if not taken.fits_in(capacity)), None)


def _helps(
    group: list[Object],
    mine: Object,
    running: list[Object],
    reserved: list[Object],
    capacity: Resources,
    at: Instant,
) -> bool:
    """Say whether without some reservations less is lacking at an instant."""
    before = _load(mine, running, reserved, at)
    after = _load(mine, running, [c for c in reserved if c not in group], at)
    return any(a < b > c for a, b, c in zip(after, before, capacity, strict=True))


def _load(mine: Object, running: list[Object], reserved: list[Object], at: Instant) -> Resources:
    there = [c for c in reserved if term_of(c)[0] <= at < term_of(c)[1]]
    return load([mine, *running, *there], at)


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
