"""What makes an entry acceptable, as one ladder of named checks; the first that fails decides.

Balances and floors are the store's to check: they depend on the other entries. Next: `chain.py`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

from busbar.ledger.entries import Entry, Kind
from busbar.model.money import MAX_NANO_EURO

MAX_TEXT: Final = 1024
MAX_MEMO: Final = 4096
"""Room for a settlement's terms: eight names of 253 characters."""
MAX_POSTINGS: Final = 1000
MAX_INSTANT: Final = 253_402_300_799_999
"""The last millisecond of the year 9999."""
MAX_BALANCE: Final = 4 * 10**18
"""Four billion euro: no account comes near, and two of them still fit in 64 bits."""


class Fault(StrEnum):
    """The closed list of what can be wrong with an entry by itself."""

    ID_MISSING = "IdMissing"
    KIND_MISSING = "KindMissing"
    TEXT_TOO_LONG = "TextTooLong"
    TEXT_NOT_UNICODE = "TextNotUnicode"
    TIME_OUT_OF_RANGE = "TimeOutOfRange"
    TOO_FEW_POSTINGS = "TooFewPostings"
    TOO_MANY_POSTINGS = "TooManyPostings"
    ACCOUNT_MISSING = "AccountMissing"
    ACCOUNT_TWICE = "AccountTwice"
    AMOUNT_NOT_INTEGER = "AmountNotInteger"
    AMOUNT_ZERO = "AmountZero"
    AMOUNT_OUT_OF_RANGE = "AmountOutOfRange"
    SUM_NOT_ZERO = "SumNotZero"


class Finding(NamedTuple):
    """What is wrong with an entry, in one sentence."""

    fault: Fault
    message: str


def check_entry(entry: Entry) -> Finding | None:
    """Give the first thing wrong with an entry, or None."""
    return _check_texts(entry) or _check_postings(entry)


def _check_texts(entry: Entry) -> Finding | None:
    texts = (
        entry.id,
        entry.kind,
        entry.reference,
        *(p.account for p in entry.postings),
    )
    if not entry.id:
        return Finding(Fault.ID_MISSING, "an entry needs an id: it is its idempotency key")
    if not entry.kind:
        return _found(entry, Fault.KIND_MISSING, "needs a kind")
    if max(map(len, texts)) > MAX_TEXT:
        return _found(entry, Fault.TEXT_TOO_LONG, f"has a text of more than {MAX_TEXT} characters")
    if len(entry.memo) > MAX_MEMO:
        return _found(entry, Fault.TEXT_TOO_LONG, f"has a memo of more than {MAX_MEMO} characters")
    if not _is_unicode("".join((*texts, entry.memo))):
        return _found(entry, Fault.TEXT_NOT_UNICODE, "has a text that is not valid Unicode")
    if not 0 <= entry.at <= MAX_INSTANT:
        return _found(entry, Fault.TIME_OUT_OF_RANGE, f"has a time out of range: {entry.at}")
    return None


def _check_postings(entry: Entry) -> Finding | None:
    postings = entry.postings
    accounts = [posting.account for posting in postings]
    amounts = [posting.amount for posting in postings]
    if entry.kind == Kind.CLOSE.value and not postings:
        return None
    if len(postings) < 2:
        return _found(entry, Fault.TOO_FEW_POSTINGS, "needs at least two postings")
    if len(postings) > MAX_POSTINGS:
        return _found(entry, Fault.TOO_MANY_POSTINGS, f"has more than {MAX_POSTINGS} postings")
    if not all(accounts):
        return _found(entry, Fault.ACCOUNT_MISSING, "has a posting without an account")
    if len(set(accounts)) < len(accounts):
        return _found(entry, Fault.ACCOUNT_TWICE, "posts to an account twice; add the amounts up")
    if not all(type(amount) is int for amount in amounts):
        return _found(entry, Fault.AMOUNT_NOT_INTEGER, "has an amount that is not an integer")
    if not all(amounts):
        return _found(entry, Fault.AMOUNT_ZERO, "has a posting of zero; leave it out")
    if any(abs(amount) > MAX_NANO_EURO for amount in amounts):
        return _found(entry, Fault.AMOUNT_OUT_OF_RANGE, "has an amount above a billion euro")
    if sum(amounts) != 0:
        return _found(entry, Fault.SUM_NOT_ZERO, f"sums to {sum(amounts)} nano-euro, not to zero")
    return None


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def _found(entry: Entry, fault: Fault, clause: str) -> Finding:
    shown = entry.id if len(entry.id) <= 80 else entry.id[:77] + "..."
    return Finding(fault, f"entry {shown!a} {clause}")
