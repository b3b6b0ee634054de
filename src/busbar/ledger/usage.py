"""Usage: what each namespace was charged, and what it was given back, as rows of the journal.

A row is one settled interval, one credit, compensation or correction: their debits sum to what left
the namespace's accounts, to the nano-euro. All that a bill shows is on the entry; no Contract is
read.
Next: `statements.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from busbar.ledger import entries
from busbar.ledger.corrections import Note, note_of
from busbar.ledger.entries import Entry, Kind, Sealed
from busbar.ledger.periods import Period
from busbar.ledger.settlement import Billed, Sold, billed_by
from busbar.ledger.transfers import Moved, moved_by
from busbar.ledger.withdrawals import Withdrawn, withdrawn_by
from busbar.model.time import Instant

_CHARGES = frozenset(
    kind.value for kind in (Kind.SETTLE, Kind.TRANSFER, Kind.WITHDRAW, Kind.CREDIT, Kind.SLASH)
)


class Usage(NamedTuple):
    """A charge (or, below zero, what was given back): debit = vendor_credit + fee + rounding.

    Of a credit the exchange pays all, of a compensation a vendor's bond: its debit = -credited.
    """

    seq: int
    id: str
    kind: str
    at: Instant
    namespace: str
    debit: int
    vendor: str
    vendor_credit: int
    fee: int
    rounding: int
    credited: int
    contract_uid: str
    billed: Billed | None
    note: Note | None
    moved: Moved | None = None
    withdrawn: Withdrawn | None = None

    @property
    def is_compensation(self) -> bool:
        """Say whether it comes out of a vendor's bond: damages, not a price."""
        corrected = self.note.kind if self.note is not None else ""
        return Kind.SLASH.value in (self.kind, corrected)

    @property
    def sold(self) -> Sold:
        """Give what was sold; empty where the entry does not say."""
        told = self.billed or self.moved or self.withdrawn or self.note
        return (told.sold if told is not None else None) or Sold()

    @property
    def is_transfer(self) -> bool:
        """Say whether it is for data moved, or corrects what was."""
        corrected = self.note.kind if self.note is not None else ""
        return Kind.TRANSFER.value in (self.kind, corrected)

    @property
    def ran(self) -> Period:
        """Give the interval charged; of a credit or a withdrawal, the instant of it."""
        told = self.billed or self.moved
        if told is not None:
            return Period(told.from_ms, told.until_ms)
        if self.note is not None and self.note.until_ms:
            return Period(self.note.from_ms, self.note.until_ms)
        return Period(self.at, self.at)


def usage(
    journal: Iterable[Sealed], namespace: str = "", period: Period | None = None
) -> Iterator[Usage]:
    """Give the charges of a namespace ("" for all) whose entries are dated in a period."""
    for seq, entry, _ in journal:
        if period is None or period.holds(entry.at):
            row = usage_of(seq, entry)
            if row is not None and namespace in ("", row.namespace):
                yield row


def usage_of(seq: int, entry: Entry) -> Usage | None:
    """Read an entry as a charge; None where it charges nobody: payments, holds, releases."""
    note = note_of(entry)
    kind = note.kind if entry.kind == Kind.CORRECT.value and note is not None else entry.kind
    if kind not in _CHARGES:
        return None
    own = share = fee = rounding = credited = 0
    for account, amount in entry.postings:
        if account.startswith("ns/"):
            own -= amount
        elif account.startswith("vendor/"):
            share += amount
        elif account == entries.FEE:
            fee += amount
        elif account == entries.ROUNDING:
            rounding += amount
        elif account == entries.CREDITS or account.startswith("bond/"):
            credited -= amount
    if kind == Kind.SLASH.value and not entries.namespace_of(entry):
        return None  # The exchange got it.
    billed, moved = billed_by(entry), moved_by(entry)
    withdrawn = withdrawn_by(entry)
    told = billed or moved or withdrawn
    vendor = entries.vendor_of(entry)
    if not vendor and told is not None and told.sold is not None:
        vendor = told.sold.vendor
    return Usage(
        seq,
        entry.id,
        entry.kind,
        entry.at,
        entries.namespace_of(entry),
        own,
        vendor,
        share,
        fee,
        rounding,
        credited,
        entry.reference.removeprefix("contract/") if kind != Kind.CREDIT.value else "",
        billed,
        note,
        moved,
        withdrawn,
    )
