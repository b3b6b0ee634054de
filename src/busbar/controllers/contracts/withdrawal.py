"""Whether a contract that is deleted was a reservation withdrawn late, and what that costs.

Only the consumer's own doing is charged, and only where vendor and exchange stood ready.
Next: `money.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from busbar.controllers.close import CloseReason
from busbar.controllers.contracts.view import ContractView
from busbar.controllers.nodes import keeps_promises, node_key
from busbar.controllers.settings import Settings
from busbar.ledger.withdrawals import owed
from busbar.model.kinds.contract import ContractSlot
from busbar.model.objects import Key, is_deleting, uid_of
from busbar.model.wellknown import GROUP
from busbar.store.contract import Snapshot


def owed_for_withdrawal(
    snapshot: Snapshot,
    view: ContractView,
    reason: CloseReason,
    slots: Iterable[ContractSlot],
    settings: Settings,
) -> int:
    """Give what is owed before what was billed is taken off, nano-euro.

    `slots` are those of the contract; nothing where it was not reserved ahead, or where its end is
    not the consumer's doing.
    """
    reserved_at = view.spec.reserved_at_ms
    if reserved_at is None or reason is not CloseReason.DELETED:
        return 0
    if not _stood_ready(snapshot, view, settings) or _is_given_back(snapshot, view):
        return 0
    return owed(slots, view.spec.draw_micro, reserved_at, view.now)


def _stood_ready(snapshot: Snapshot, view: ContractView, settings: Settings) -> bool:
    """Say whether the vendor could have delivered: its node is there, and had it up in time."""
    node = snapshot.get(node_key(view.spec.node))
    if node is None or not keeps_promises(node) or view.status.reclaim_by:
        return False
    if view.started() is not None or view.now < view.start:
        return True
    return view.status.phase != "Reserved" and view.now < view.start + settings.late_ms


def _is_given_back(snapshot: Snapshot, view: ContractView) -> bool:
    """Say whether it is a later piece that its Job does without: it was done, or planned anew."""
    if view.spec.piece < 2:
        return False
    order = view.spec.order
    job = snapshot.get(Key(GROUP, "jobs", view.namespace, order.get("ownerName", "")))
    return job is not None and uid_of(job) == order.get("ownerUid") and not is_deleting(job)
