"""What it costs to withdraw a reservation late: the rule, and the entry that bills it.

A reserved slot keeps others away while it stands. Far ahead that costs nobody anything; in the
last two hours before the slot begins its vendor can hardly sell it otherwise. So each slot owes, if
it is withdrawn, a half of its price times the part of those two hours in which it stood. Time is
counted where it stood, so withdrawing and reserving anew costs the same as not having done so; and
what the workload was billed is counted towards it. Next: `metering.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from busbar.ledger import entries
from busbar.ledger.entries import Entry, Kind
from busbar.ledger.settlement import DEFAULT_FEE_PPM, Settlement, Sold, billed, shares, split
from busbar.model.dtu import amount
from busbar.model.kinds.contract import ContractSlot
from busbar.model.time import HOUR, Instant

WINDOW_MS: Final = 2 * HOUR
"""How long before it begins a slot that is kept from others may be withdrawn for nothing."""
MOST_PERCENT: Final = 50
"""What of a slot's price is owed where it stood through all of that time."""


class Withdrawn(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What the memo of such an entry says. Fields are only ever added.

    `from_ms` to `until_ms` are the slots that were reserved, `reserved_ms` and `withdrawn_ms` when;
    `credited_nano` what the contract had been billed, which is counted towards it.
    """

    from_ms: Instant
    until_ms: Instant
    reserved_ms: Instant
    withdrawn_ms: Instant
    fee_ppm: int
    credited_nano: int = 0
    sold: Sold | None = None


_withdrawn = msgspec.json.Decoder(Withdrawn)


def kept_ms(start: Instant, reserved_at: Instant, at: Instant) -> int:
    """Give how long a slot that begins at `start` stood in the last two hours before it."""
    return max(0, min(at, start) - max(reserved_at, start - WINDOW_MS))


def owed(slots: Iterable[ContractSlot], draw_micro: int, reserved_at: Instant, at: Instant) -> int:
    """Give what withdrawing a contract's slots `at` an instant costs, nano-euro, rounded down.

    The most, before what the contract was billed is taken off.
    """
    total = sum(
        amount(slot.price_nano, draw_micro, slot.end_ms - slot.start_ms)
        * kept_ms(slot.start_ms, reserved_at, at)
        for slot in slots
    )
    return total * MOST_PERCENT // (100 * WINDOW_MS)


def withdrawal(
    contract_uid: str,
    namespace: str,
    vendor: str,
    debit: int,
    memo: Withdrawn,
    at: Instant,
    fee_ppm: int = DEFAULT_FEE_PPM,
) -> Settlement:
    """Bill `debit` out of what the contract's hold gives back in the same transaction.

    It is at most a half of it. Id: `withdraw/<uid>`: once a contract.
    """
    parts = split(debit, fee_ppm)
    moves = ((entries.available(namespace), -debit), *shares(vendor, parts))
    return billed(Kind.WITHDRAW, f"withdraw/{contract_uid}", contract_uid, at, moves, parts, memo)


def withdrawn_by(entry: Entry) -> Withdrawn | None:
    """Read what an entry billed of a withdrawal; None where it billed none."""
    if entry.kind != Kind.WITHDRAW.value:
        return None
    try:
        return _withdrawn.decode(entry.memo)
    except msgspec.DecodeError:
        return None
