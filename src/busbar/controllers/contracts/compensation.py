"""A failed delivery is charged to the vendor's bond, in the transaction that closes the contract.

What the market asks for a replacement is read from the published forward curve of the contract's
zone, so that anybody can work it out again. Next: `closing.py`.
"""

from __future__ import annotations

from typing import NamedTuple

from busbar.controllers.close import VENDORS_DOING, CloseReason
from busbar.controllers.contracts.money import unsettled, worth
from busbar.controllers.contracts.view import ContractView
from busbar.controllers.parts.events import event
from busbar.controllers.parts.published import zone_name
from busbar.ledger.bonds import slash
from busbar.ledger.damages import Undelivered, damages
from busbar.ledger.entries import Entry, available, bond
from busbar.model.kinds.contract import ContractSlot
from busbar.model.money import format_euro
from busbar.model.objects import Key, name_of, status_of
from busbar.model.time import Instant, format_instant, slot_of
from busbar.model.wellknown import GROUP
from busbar.store.contract import Op, Snapshot


class Compensation(NamedTuple):
    """What a vendor pays, the entry and the Event that say so, and a clause for the consumer."""

    nano: int = 0
    entries: tuple[Entry, ...] = ()
    ops: tuple[Op, ...] = ()
    clause: str = ""

    @property
    def said(self) -> str:
        """Give the clause as it ends a sentence; empty where there is none."""
        return f"; {self.clause}" if self.clause else ""

    def status(self) -> dict[str, object]:
        """Give the fields of the contract's status that say so."""
        shown = format_euro(self.nano) if self.nano else None
        return {"compensatedNano": self.nano or None, "compensation": shown}


NONE = Compensation()


def compensation(snapshot: Snapshot, view: ContractView, reason: CloseReason) -> Compensation:
    """Give what a vendor owes for this end, as far as its bond covers it."""
    if reason.value not in VENDORS_DOING:
        return NONE
    owed = owed_for(snapshot, view, reason)
    vendor = view.spec.vendor
    entry = slash(
        vendor,
        owed,
        view.now,
        view.uid,
        f"delivery failed: {reason.value}",
        in_bond=snapshot.balance(bond(vendor)),
        to=available(view.namespace),
    )
    if entry is None:
        said = f"vendor {vendor} has no bond that would compensate it" if owed else ""
        return Compensation(clause=said)
    taken = max(posting.amount for posting in entry.postings)
    shown = format_euro(taken)
    clause = f"{shown} € compensation from the bond of vendor {vendor}"
    return Compensation(taken, (entry,), _told(snapshot, view, reason, shown), clause)


def owed_for(snapshot: Snapshot, view: ContractView, reason: CloseReason) -> int:
    """Give what the rule says of a delivery that ended here.

    Hours in held room are owed to who holds it: at what a holder sells them again is no price of
    the vendor's, and two consumers could make it as high as they like.
    """
    left = [slot for slot in unsettled(view) if not slot.reserved]
    asks = _asks(snapshot, view.spec.zone)
    end = view.observed().end if view.started() is not None else view.start
    parts = [
        Undelivered(ms, slot.price_nano, _ask(asks, slot))
        for slot in left
        if (ms := _missing(view, slot, end)) > 0
    ]
    if reason is CloseReason.WITHDRAWN_EARLY:
        parts += _unserved(view, asks, end)
    if not parts:
        return 0
    unfinished = sum(worth(slot, view.spec.draw_micro) for slot in left if slot.end_ms > end)
    return damages(parts, view.spec.draw_micro, unfinished)


def _missing(view: ContractView, slot: ContractSlot, end: Instant) -> int:
    """Give how long of an unfinished slot was not delivered; of capacity held, outages too."""
    if slot.end_ms <= end:
        return 0
    if view.spec.procurement:
        return slot.end_ms - slot.start_ms - sum(part.ms for part in view.parts(slot))
    return slot.end_ms - max(slot.start_ms, end)


def _unserved(view: ContractView, asks: dict[str, int | None], end: Instant) -> list[Undelivered]:
    """Give the notice that a vendor owed beyond what was sold, at the last price."""
    bound, last = view.status.notice_until_ms, view.spec.slots[-1]
    ms = 0 if bound is None or last.reserved else bound - max(end, last.end_ms)
    if ms <= 0:
        return []
    return [Undelivered(ms, last.price_nano, asks.get(_hour(last.start_ms), last.price_nano))]


def _ask(asks: dict[str, int | None], slot: ContractSlot) -> int | None:
    """Give what the market asks in a slot; in one that the curve does not show, what was paid."""
    return asks.get(_hour(slot.start_ms), slot.price_nano)


def _hour(at: Instant) -> str:
    return format_instant(slot_of(at).start)


def _asks(snapshot: Snapshot, zone: str) -> dict[str, int | None]:
    curve = snapshot.get(Key(GROUP, "forwardcurves", "", zone_name(zone)))
    slots = status_of(curve or {}).get("slots") or ()
    return {slot["start"]: slot.get("bestAskNano") for slot in slots}


def _told(
    snapshot: Snapshot, view: ContractView, reason: CloseReason, shown: str
) -> tuple[Op, ...]:
    """Tell the vendor. The contract's uid is what its statement says too; no consumer is named."""
    vendor = snapshot.get(Key(GROUP, "vendors", "", view.spec.vendor))
    if vendor is None:
        return ()
    said = f"{shown} € of the bond of {name_of(vendor)} went to the consumer of contract {view.uid}"
    message = f"{said} on node {view.spec.node}: {reason.value}."
    return (event(snapshot, vendor, view.now, "BondCharged", message, warning=True),)
