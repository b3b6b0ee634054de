"""What an account's owner is told of a period: where it began, what moved it, where it ended.

A consumer's accounts count as one: a hold moves money between them and is no movement of theirs.
Next: `metering.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from busbar.ledger.corrections import note_of
from busbar.ledger.entries import Entry, Kind, Sealed
from busbar.ledger.periods import Period
from busbar.ledger.settlement import billed_by
from busbar.ledger.transfers import moved_by
from busbar.ledger.withdrawals import withdrawn_by
from busbar.model.time import Instant

Owns = Callable[[str], bool]
"""Says whether an account is the owner's."""


class Line(NamedTuple):
    """One movement; charges of a contract within a period are one line each settlement."""

    seq: int
    at: Instant
    kind: str
    reference: str
    about: str
    """What was bought (`Job/pi`), or the reason of a credit or correction."""
    amount: int
    balance: int


class Statement(NamedTuple):
    """A period of an owner's money: closing = opening + the lines, to the nano-euro."""

    opening: int
    lines: tuple[Line, ...]
    closing: int

    def total(self, kind: Kind) -> int:
        """Give what entries of a kind moved together."""
        return sum(line.amount for line in self.lines if line.kind == kind.value)


def of_namespace(namespace: str) -> Owns:
    """Own a namespace's accounts."""
    return lambda account: account.startswith(f"ns/{namespace}/")


def of_vendor(vendor: str) -> Owns:
    """Own a vendor's earnings."""
    return lambda account: account == f"vendor/{vendor}"


def of_bond(vendor: str) -> Owns:
    """Own a vendor's bond."""
    return lambda account: account == f"bond/{vendor}"


def statement(journal: Iterable[Sealed], owns: Owns, period: Period) -> Statement:
    """Fold a journal (from its beginning) into the statement of a period, by entries' times."""
    opening, moves = 0, list[tuple[int, Entry, int]]()
    for seq, entry, _ in journal:
        amount = sum(moved for account, moved in entry.postings if owns(account))
        if not amount or entry.at >= period.end:
            continue
        if entry.at < period.start:
            opening += amount
        else:
            moves.append((seq, entry, amount))
    lines, balance = [], opening
    for seq, entry, amount in moves:
        balance += amount
        lines.append(
            Line(seq, entry.at, entry.kind, entry.reference, _about(entry), amount, balance)
        )
    return Statement(opening, tuple(lines), balance)


def _about(entry: Entry) -> str:
    note, billed = note_of(entry), billed_by(entry) or moved_by(entry) or withdrawn_by(entry)
    if note is not None:
        return note.reason
    if billed is None or billed.sold is None:
        return ""
    return billed.sold.owner or f"Pod/{billed.sold.order}"
