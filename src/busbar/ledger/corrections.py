"""Credits and corrections: entries of their own with a reason, never an edit.

A correction names the entry that it corrects and undoes it, whole or in part, or bills more of it;
the parts that vendor and exchange give back follow the same rounding as the settlement, and what is
left of an entry can be taken back once. Next: `usage.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

import msgspec

from busbar.ledger import entries
from busbar.ledger.entries import Entry, Kind, Posting, Sealed
from busbar.ledger.fold import fold
from busbar.ledger.settlement import Billed, Sold, billed_by, split
from busbar.ledger.transfers import Moved, moved_by
from busbar.ledger.withdrawals import Withdrawn, withdrawn_by
from busbar.model.money import format_euro
from busbar.model.time import Instant

REASON_MAX = 300


class Direction(StrEnum):
    """Which way a correction goes."""

    REFUND = "refund"
    """Moves money back the way it came."""
    CHARGE = "charge"
    """Moves more money the same way."""


class Uncorrectable(StrEnum):
    """The closed list of reasons for which an entry is not corrected."""

    NOT_CORRECTABLE = "NotCorrectable"
    NOTHING_LEFT = "NothingLeft"
    AMOUNT_MISSING = "AmountMissing"


class Refusal(NamedTuple):
    """Why an entry is not corrected, in one sentence."""

    why: Uncorrectable
    message: str


class Note(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What the memo of a credit or a correction says. Fields are only ever added."""

    reason: str
    seq: int = 0
    """The entry corrected: its place in the journal, id, kind and time."""
    id: str = ""
    kind: str = ""
    at: Instant = 0
    from_ms: Instant = 0
    until_ms: Instant = 0
    sold: Sold | None = None


_note = msgspec.json.Decoder(Note)
_CORRECTABLE = frozenset(
    {Kind.SETTLE, Kind.TRANSFER, Kind.WITHDRAW, Kind.TOP_UP, Kind.CREDIT, Kind.PAYOUT, Kind.SLASH}
)
_BILLS = (Kind.SETTLE.value, Kind.TRANSFER.value, Kind.WITHDRAW.value)


def credit(namespace: str, amount: int, at: Instant, reason: str, idempotency_key: str) -> Entry:
    """Give a namespace money of the exchange's. Id: `credit/<namespace>/<key>`."""
    if amount <= 0:
        raise ValueError(f"a credit must be positive, got {amount}")
    return Entry(
        f"credit/{namespace}/{idempotency_key}",
        Kind.CREDIT.value,
        at,
        (Posting(entries.CREDITS, -amount), Posting(entries.available(namespace), amount)),
        f"namespace/{namespace}",
        memo_of(Note(reason)),
    )


def correct(
    original: Sealed,
    earlier: Iterable[Entry],
    direction: Direction,
    amount: int | None,
    at: Instant,
    reason: str,
    idempotency_key: str,
) -> Entry | Refusal:
    """Refund or charge `amount` (> 0; None: all that is left) of an entry.

    `earlier` are the corrections of it so far. Of a settlement the amount is the consumer's.
    Id: `correct/<seq>/<key>`.
    """
    seq, entry, _ = original
    readable = entry.kind not in _BILLS or _bill(entry) is not None
    if entry.kind not in _CORRECTABLE or not readable:
        said = f"entry {seq} is a {entry.kind}; {_listed()} can be corrected"
        return Refusal(Uncorrectable.NOT_CORRECTABLE, said)
    left = _merged(fold([entry, *earlier]))
    most = -sum(left[account] for account in _givers(entry))
    if direction is Direction.CHARGE:
        if amount is None:
            said = "euro: say how much is charged"
            return Refusal(Uncorrectable.AMOUNT_MISSING, said)
        moves = _part(entry, left, amount)
    else:
        wanted = most if amount is None else amount
        if most <= 0 or wanted > most:
            said = f"entry {seq} has {format_euro(max(0, most))} € left to give back"
            return Refusal(Uncorrectable.NOTHING_LEFT, said)
        whole = left if wanted == most else _part(entry, left, wanted)
        moves = {account: -moved for account, moved in whole.items()}
    return Entry(
        f"correct/{seq}/{idempotency_key}",
        Kind.CORRECT.value,
        at,
        tuple(Posting(account, moved) for account, moved in moves.items() if moved),
        entry.reference,
        memo_of(_note_on(original, reason)),
    )


def note_of(entry: Entry) -> Note | None:
    """Read what a credit or a correction says; None for other entries."""
    if entry.kind not in (Kind.CREDIT.value, Kind.CORRECT.value, Kind.SLASH.value):
        return None
    try:
        return _note.decode(entry.memo)
    except msgspec.DecodeError:
        return None


def _merged(moves: dict[str, int]) -> dict[str, int]:
    """Take a namespace's two accounts as one: what was released is the consumer's already."""
    merged: dict[str, int] = {}
    for account, moved in moves.items():
        to = account
        if account.startswith("ns/"):
            to = entries.available(account.split("/")[1])
        merged[to] = merged.get(to, 0) + moved
    return merged


def _givers(entry: Entry) -> list[str]:
    """Give the accounts that an entry took from."""
    return [account for account, moved in _merged(fold([entry])).items() if moved < 0]


def _part(entry: Entry, left: dict[str, int], amount: int) -> dict[str, int]:
    """Give the moves of a part of an entry."""
    billed = _bill(entry)
    if billed is None:
        (giver,) = _givers(entry)
        (taker,) = (a for a, moved in _merged(fold([entry])).items() if moved > 0)
        return {giver: -amount, taker: amount}
    _, share, fee, rounding = split(amount, billed.fee_ppm)
    return {
        entries.available(entries.namespace_of(entry)): -amount,
        entries.vendor(entries.vendor_of(entry)): share,
        entries.FEE: fee,
        entries.ROUNDING: rounding,
    }


def _bill(entry: Entry) -> Billed | Moved | Withdrawn | None:
    """Read what an entry billed: work, data or a withdrawal."""
    return billed_by(entry) or moved_by(entry) or withdrawn_by(entry)


def _note_on(original: Sealed, reason: str) -> Note:
    seq, entry, _ = original
    billed = _bill(entry)
    if billed is None:
        return Note(reason, seq, entry.id, entry.kind, entry.at)
    return Note(
        reason, seq, entry.id, entry.kind, entry.at, billed.from_ms, billed.until_ms, billed.sold
    )


def memo_of(note: Note) -> str:
    """Write what an entry says of itself; `note_of` reads it."""
    return msgspec.json.encode(note).decode()


def _listed() -> str:
    *first, last = sorted(kind.value for kind in _CORRECTABLE)
    return f"{', '.join(first)} and {last}"
