"""What a contract's data costs: billed as far as it was seen to move and was held, else released.

The terms were agreed at the match (`spec.transfer`); what moved is counted by the S3 door
(`status.transfer`). A contract without such terms moves data for nothing and comes here in vain.
Next: `rolling.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from busbar.controllers.close import SENTENCES, CloseReason
from busbar.controllers.contracts.settled import Settled, sold_by
from busbar.controllers.contracts.view import ContractView
from busbar.controllers.parts.funds import budget_left
from busbar.ledger.entries import Entry, available
from busbar.ledger.periods import month_of
from busbar.ledger.settlement import hold, release
from busbar.ledger.transfers import Part, Way, transfer, worth
from busbar.model.kinds.contract import ContractTransfer, TransferStatus
from busbar.model.money import MAX_NANO_EURO
from busbar.model.time import Instant
from busbar.store.contract import Snapshot

AHEAD = 2
"""More is held once what moved has eaten the hold: for so many times what it came to."""


def billed_data(
    view: ContractView, settled: Settled, fee_ppm: int, *, closing: bool = False
) -> Settled:
    """Bill what has moved and is not billed; at the end, release what is left of its hold."""
    terms, known = view.spec.transfer, view.status.transfer
    if terms is None or known is None:
        return settled
    entries = list[Entry]()
    held, vendor, fee, rounding = known.held_nano, settled.vendor, settled.fee, settled.rounding
    counts, total = {}, 0
    for part in _unbilled(terms, known):
        due = part.within(held)
        done = transfer(
            view.uid,
            view.namespace,
            view.spec.vendor,
            due,
            _ran(view),
            view.now,
            fee_ppm,
            terms.region,
            sold_by(view),
        )
        if done.entry is None:
            continue
        entries.append(done.entry)
        counts[_BILLED[part.way]] = due.until
        held, total = held - done.debit, total + done.debit
        vendor, fee = vendor + done.vendor_credit, fee + done.fee
        rounding += done.rounding
    left = held
    if closing and held:
        entries.append(release(view.uid, view.namespace, held, view.now, "transfer"))
        left = 0
    if not entries:
        return settled
    month, months = month_of(view.now), dict(settled.by_month)
    if total:
        months[month] = months.get(month, 0) + total
    status = msgspec.structs.replace(
        known, held_nano=left, billed_nano=known.billed_nano + total, **counts
    )
    return settled._replace(
        entries=(*settled.entries, *entries),
        held=settled.held - total - (held - left),
        billed=settled.billed + total,
        vendor=vendor,
        fee=fee,
        rounding=rounding,
        by_month=months,
        transfer=status,
    )


_BILLED = {Way.READ: "read_billed_bytes", Way.WRITE: "written_billed_bytes"}


def _unbilled(terms: ContractTransfer, known: TransferStatus) -> Iterator[Part]:
    ways = (
        Part(Way.READ, known.read_billed_bytes, known.read_bytes, terms.read_nano),
        Part(Way.WRITE, known.written_billed_bytes, known.written_bytes, terms.write_nano),
    )
    return (part for part in ways if part.until > part.start and part.price_nano)


def _ran(view: ContractView) -> tuple[Instant, Instant]:
    started = view.started()
    return (view.start if started is None else started), view.now


class More(NamedTuple):
    """A further hold for data, or why the contract ends for want of one."""

    hold: int = 0
    entries: tuple[Entry, ...] = ()
    status: TransferStatus | None = None
    reason: CloseReason | None = None
    message: str = ""


NO_MORE = More()


def more_for_data(snapshot: Snapshot, view: ContractView, settled: Settled, spent: int) -> More:
    """Hold more where what moved costs more than what is held for it.

    `spent` is what the namespace was billed this month.
    """
    terms, known = view.spec.transfer, settled.transfer or view.status.transfer
    if terms is None or known is None:
        return NO_MORE
    cost = worth(terms.read_nano, known.read_bytes) + worth(terms.write_nano, known.written_bytes)
    had = known.held_nano + known.billed_nano
    if cost <= had:
        return NO_MORE
    cap = MAX_NANO_EURO if terms.max_nano is None else terms.max_nano
    if had >= cap or cost > cap:
        return _ended(CloseReason.EGRESS_ABOVE_CAP)
    wanted = min(AHEAD * cost, cap) - had
    funds = snapshot.balance(available(view.namespace))
    budget = budget_left(snapshot, view.namespace, spent)
    if cost - had > funds:
        return _ended(CloseReason.BALANCE_EXHAUSTED)
    if budget is not None and cost - had > budget:
        return _ended(CloseReason.BUDGET_EXHAUSTED)
    amount = min(wanted, funds, *(() if budget is None else (budget,)))
    entry = hold(view.uid, view.namespace, amount, view.now, f"transfer-{had}")
    status = msgspec.structs.replace(known, held_nano=known.held_nano + amount)
    return More(amount, (entry,), status)


def awaited(view: ContractView, meter_ms: int) -> Instant | None:
    """Give until when an ended contract waits for the last counts; None: it need not, or has."""
    ended = view.finished()
    if view.spec.transfer is None or ended is None or not 0 <= view.now - ended < meter_ms:
        return None
    return ended + meter_ms


def _ended(reason: CloseReason) -> More:
    return More(reason=reason, message=SENTENCES[reason])
