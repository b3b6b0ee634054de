"""Gangs that were matched for a later slot: they start together, or are matched anew together.

A reserved contract of a gang never outlives another's: whatever closes one before its start closes
the others in the same transaction. At the start all their Pods are bound in one transaction.
Next: `reserved.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from busbar.controllers.close import CloseReason
from busbar.controllers.contracts.room import Yielded, close_reserved, room_for
from busbar.controllers.contracts.view import ContractView, read_contract
from busbar.controllers.nodes import keeps_promises, node_key
from busbar.controllers.standing import Standing
from busbar.model.objects import Object, status_of
from busbar.store.contract import Snapshot


def still_reserved(together: Iterable[Object]) -> list[Object]:
    """Give those that have not started."""
    return [c for c in together if status_of(c).get("phase") == "Reserved"]


def broken(snapshot: Snapshot, others: Iterable[Object], now: int, fee_ppm: int) -> Yielded:
    """Close the reserved contracts of a gang one of whose members closes."""
    closed = [
        close_reserved(snapshot, other, now, fee_ppm, CloseReason.GANG_BROKEN)
        for other in still_reserved(others)
    ]
    ops = tuple(op for one in closed for op in one.ops)
    return Yielded(ops, tuple(entry for one in closed for entry in one.entries))


def is_whole(view: ContractView, others: list[Object]) -> bool:
    """Say whether all that were matched together still have their contracts."""
    return len(others) + 1 >= view.spec.gang_members


def all_can_start(snapshot: Snapshot, standing: Standing, views: list[ContractView]) -> bool:
    """Say whether all members wait, on nodes that may be used, with room for all of them."""
    for view in views:
        node = snapshot.get(node_key(view.spec.node))
        is_gone = not view.spec.procurement and (view.is_over or view.is_stopping)
        if is_gone or node is None or not keeps_promises(node):
            return False
    for name in sorted({view.spec.node for view in views}):
        node = snapshot.get(node_key(name))
        here = [view for view in views if view.spec.node == name]
        if node is None or not room_for(standing.contracts.on(name), here, node):
            return False
    return True


def read_all(snapshot: Snapshot, contracts: Iterable[Object], now: int) -> list[ContractView]:
    """Read contracts as their controller sees them."""
    return [read_contract(snapshot, contract, now) for contract in contracts]
