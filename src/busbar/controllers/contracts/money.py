"""What becomes of the holds of a contract's slots: billed as far as delivered, else released.

Every slot is settled once: at its end, or at the contract's. `status.settledUntilMs` moves in the
same transaction as the entries, and the entries' ids derive from contract and slot, so a decision
taken twice has one effect. Next: `rolling.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from busbar.controllers.contracts.settled import Settled, sold_by
from busbar.controllers.contracts.transfer import billed_data
from busbar.controllers.contracts.view import ContractView
from busbar.ledger.entries import Entry
from busbar.ledger.periods import month_of
from busbar.ledger.settlement import RESALE, Settlement, release, settle
from busbar.ledger.withdrawals import Withdrawn, withdrawal
from busbar.model.dtu import amount
from busbar.model.kinds.contract import ContractSlot, ContractStatus


def worth(slot: ContractSlot, draw_micro: int) -> int:
    """Give the hold of a slot: the most that it can cost."""
    return amount(slot.price_nano, draw_micro, slot.end_ms - slot.start_ms)


def unsettled(view: ContractView) -> list[ContractSlot]:
    """Give the slots whose hold is still there, in time order."""
    until = view.status.settled_until_ms
    return [s for s in view.spec.slots if until is None or s.end_ms > until]


def settle_ended(view: ContractView, fee_ppm: int) -> Settled:
    """Settle the slots that lie wholly in the past, as far as the node is known to have lived.

    A slot that has just ended waits for the lease's next renewal: until then nobody knows whether
    its last seconds were delivered.
    """
    fee_ppm = _agreed(view, fee_ppm)
    past = [s for s in unsettled(view) if s.end_ms <= view.now]
    certain = view.known_until if past else 0
    ended = [s for s in past if s.end_ms <= certain]
    if not ended:
        return _as_before(view.status)
    return billed_data(view, _settle(view, ended, fee_ppm, ()), fee_ppm)


def settle_all(view: ContractView, fee_ppm: int, withdrawal: int = 0) -> Settled:
    """Settle the rest at the contract's end: bill what was delivered, release what was not.

    `withdrawal` is owed for withdrawing it late; what the contract is billed counts towards it.
    """
    fee_ppm = _agreed(view, fee_ppm)
    left = unsettled(view)
    used = [s for s in left if view.parts(s)]
    settled = _settle(view, used, fee_ppm, [s for s in left if s not in used], withdrawal)
    return billed_data(view, settled, fee_ppm, closing=True)


def _agreed(view: ContractView, default_ppm: int) -> int:
    """Give the fee that the contract was made with; older ones lack it."""
    return default_ppm if view.spec.fee_ppm is None else view.spec.fee_ppm


def _as_before(status: ContractStatus) -> Settled:
    return Settled(
        (),
        status.held_nano,
        status.billed_nano,
        status.vendor_nano,
        status.fee_nano,
        status.rounding_nano,
        status.settled_until_ms,
        dict(status.billed_by_month),
    )


def _settle(
    view: ContractView,
    slots: list[ContractSlot],
    fee_ppm: int,
    unused: Iterable[ContractSlot],
    withdrawal: int = 0,
) -> Settled:
    status = view.status
    charge = max(0, withdrawal - _compute(view, slots))
    held, until, entries = status.held_nano, status.settled_until_ms, list[Entry]()
    billed, vendor, fee, rounding = (
        status.billed_nano,
        status.vendor_nano,
        status.fee_nano,
        status.rounding_nano,
    )
    for slot in slots:
        parts, hold = view.parts(slot), worth(slot, view.spec.draw_micro)
        until = slot.end_ms
        held -= hold
        if not parts:
            entries += _released(view, hold, slot.start_ms)
        for part in parts:
            hold -= amount(slot.price_nano, view.spec.draw_micro, part.ms)
            done = settle(
                view.uid,
                view.namespace,
                payee(view, slot),
                part.start,
                part.end,
                slot.price_nano,
                view.spec.draw_micro,
                hold if part == parts[-1] else 0,
                view.now,
                fee_ppm,
                sold_by(view),
            )
            entries += [done.entry] if done.entry is not None else []
            billed, vendor = billed + done.debit, vendor + done.vendor_credit
            fee, rounding = fee + done.fee, rounding + done.rounding
    rest = sum(worth(slot, view.spec.draw_micro) for slot in unused)
    entries += _released(view, rest, "close")
    if charge:
        done = _withdrawal(view, charge, billed, fee_ppm)
        entries += [done.entry] if done.entry is not None else []
        billed, vendor = billed + done.debit, vendor + done.vendor_credit
        fee, rounding = fee + done.fee, rounding + done.rounding
    month, months = month_of(view.now), dict(status.billed_by_month)
    if billed > status.billed_nano:
        months[month] = months.get(month, 0) + billed - status.billed_nano
    return Settled(
        tuple(entries), held - rest, billed, vendor, fee, rounding, until, months, charge
    )


def _compute(view: ContractView, slots: list[ContractSlot]) -> int:
    """Give what the contract is billed for work, these slots of it included."""
    moved = view.status.transfer
    before = view.status.billed_nano - (moved.billed_nano if moved is not None else 0)
    return before + sum(
        amount(slot.price_nano, view.spec.draw_micro, part.ms)
        for slot in slots
        for part in view.parts(slot)
    )


def _withdrawal(view: ContractView, charge: int, credited: int, fee_ppm: int) -> Settlement:
    memo = Withdrawn(
        view.start,
        view.end,
        view.spec.reserved_at_ms or view.start,
        view.now,
        fee_ppm,
        credited,
        sold_by(view),
    )
    return withdrawal(view.uid, view.namespace, view.spec.vendor, charge, memo, view.now, fee_ppm)


def payee(view: ContractView, slot: ContractSlot) -> str:
    """Give who is paid for a slot: the vendor, or who sold held room again."""
    if slot.reserved and view.spec.seller:
        return RESALE + view.spec.seller
    return view.spec.vendor


def _released(view: ContractView, amount_nano: int, part: str | int) -> list[Entry]:
    if not amount_nano:
        return []
    return [release(view.uid, view.namespace, amount_nano, view.now, part)]
