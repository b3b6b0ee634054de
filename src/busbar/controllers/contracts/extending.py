"""Further slots become a contract's: their hold within the budget, and the end that is in sight.

Work and places that roll take them alike. Next: `running.py`, `places.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from busbar.controllers.close import CloseReason
from busbar.controllers.contracts.rolling import Next
from busbar.controllers.contracts.view import ContractView
from busbar.controllers.parts.funds import claim_budget
from busbar.ledger.entries import Entry
from busbar.ledger.settlement import hold
from busbar.model.time import SECOND, Instant
from busbar.store.contract import Op, Snapshot


class Paid(NamedTuple):
    """What holds the money of further slots, and the contract's sum after it."""

    ops: tuple[Op, ...] = ()
    entries: tuple[Entry, ...] = ()
    changes: Mapping[str, Any] = MappingProxyType({})


def pay(snapshot: Snapshot, view: ContractView, more: Next, held_nano: int, spent: int) -> Paid:
    """Hold what further slots cost, within the budget of a namespace that has `spent` so much."""
    if not more.hold:
        return Paid()
    entry = hold(view.uid, view.namespace, more.hold, view.now, more.slots[0].start_ms)
    ops = claim_budget(snapshot, view.namespace, more.hold, spent)
    return Paid(tuple(ops), (entry,), {"heldNano": held_nano + more.hold})


def end_of(view: ContractView, more: Next) -> Instant:
    """Give when the contract ends with its further slots."""
    return more.slots[-1].end_ms if more.slots else view.end


def is_news(view: ContractView, more: Next) -> bool:
    """Say whether it ends for a reason that nobody was told yet."""
    return more.reason is not None and more.reason.value != view.status.reason


def foreseen(view: ContractView, more: Next) -> dict[str, Any]:
    """Give what the status says of an end ahead; a withdrawal without notice counts from now."""
    changes = dict[str, Any]()
    if more.reason is CloseReason.WITHDRAWN_EARLY and view.status.notice_until_ms is None:
        changes["noticeUntilMs"] = view.now + view.spec.reclaim_notice_ms
    changes["reason"] = more.reason.value if more.reason is not None else None
    changes["message"] = more.message or None
    return changes


def next_look(view: ContractView, more: Next, ahead_ms: int) -> Instant:
    """Give when to extend it again: so long ahead of its end; soon, where it could not be now."""
    end = end_of(view, more)
    return end - ahead_ms if more.reason is None else min(end, view.now + 5 * SECOND)
