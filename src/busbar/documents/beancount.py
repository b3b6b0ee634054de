"""The journal as a plain-text ledger for Beancount (and, being plain, for people).

Signs are an accountant's: what the exchange owes (consumers' money, vendors' earnings, bonds) is a
liability below zero, what the bank received an asset above; so every amount is the journal's,
negated. All amounts have nine decimals: Beancount then tolerates less than a nano-euro. The
balances at the end are asserted with a tolerance of zero.

Streams: transactions as they come, then the accounts and balances, which Beancount sorts by date.
Source: https://beancount.github.io/docs/beancount_language_syntax.html. Next: `focus.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from functools import lru_cache

from busbar.ledger import entries
from busbar.ledger.entries import Kind, Sealed
from busbar.model.money import NANO_PER_EURO
from busbar.model.time import Instant, to_datetime

HEAD = """\
;; -*- mode: beancount -*-
;; The journal of a Busbar exchange. Times are UTC; each transaction has its place in the journal
;; (seq), its idempotency key (id) and its link of the hash chain (hash).
option "title" "Busbar journal"
option "operating_currency" "EUR"
"""

_PLAIN = re.compile(r"\A[a-z0-9][a-z0-9-]*\Z", re.ASCII)
_FIXED = {
    entries.FEE: "Income:Fees",
    entries.ROUNDING: "Income:Rounding",
    entries.CREDITS: "Expenses:Credits",
    entries.TOPUP: "Assets:Bank:Received",
    entries.PAYOUT: "Assets:Bank:PaidOut",
}
_NARRATIONS = {
    Kind.TOP_UP.value: "Paid in",
    Kind.HOLD.value: "Held for a contract",
    Kind.RELEASE.value: "Released from a hold",
    Kind.SETTLE.value: "Delivered",
    Kind.TRANSFER.value: "Data moved",
    Kind.WITHDRAW.value: "Withdrawn late",
    Kind.PAYOUT.value: "Paid out",
    Kind.CREDIT.value: "Credit of the exchange",
    Kind.CORRECT.value: "Correction",
    Kind.CLOSE.value: "Month closed",
    Kind.DEPOSIT.value: "Bond deposited",
    Kind.UNBOND.value: "Bond returned",
    Kind.SLASH.value: "Bond slashed",
    Kind.RESALE.value: "Sold again",
}


def lines(journal: Iterable[Sealed]) -> Iterator[str]:
    """Give the ledger's text, piece by piece."""
    yield HEAD
    balances: dict[str, int] = {}
    first = last = None
    for sealed in journal:
        day = _day(sealed.entry.at)
        first = day if first is None else min(first, day)
        last = day if last is None else max(last, day)
        for account, amount in sealed.entry.postings:
            balances[account] = balances.get(account, 0) + amount
        yield _transaction(sealed, day)
    if first is not None and last is not None:
        yield from _accounts(balances, first)
        yield from _assertions(balances, last)


@lru_cache(maxsize=4096)
def account_name(account: str) -> str:
    """Give the name Beancount knows an account by; two accounts never share one."""
    if account in _FIXED:
        return _FIXED[account]
    first, *rest = account.split("/")
    if first == "ns" and len(rest) == 2 and rest[1] in ("available", "held"):
        return f"Liabilities:Consumers:{_component(rest[0])}:{rest[1].capitalize()}"
    if first == "vendor" and len(rest) == 1:
        return f"Liabilities:Vendors:{_component(rest[0])}"
    if first == "bond" and len(rest) == 1:
        return f"Liabilities:Bonds:{_component(rest[0])}"
    return f"Equity:Other:{_component(account)}"


def _component(text: str) -> str:
    """Give a part of an account's name: a letter or digit first, then letters, digits, hyphens.

    What is not a plain name is written as XX and the hex of its UTF-8: no plain name begins so.
    """
    if _PLAIN.match(text):
        return text[0].upper() + text[1:]
    return f"XX{text.encode().hex()}"


def _transaction(sealed: Sealed, day: date) -> str:
    seq, entry, hash_ = sealed
    said = describe(entry.kind)
    parts = [f"\n{day:%Y-%m-%d} * {_quoted(said)}\n  seq: {seq}\n"]
    stated = (
        ("id", entry.id),
        ("kind", entry.kind),
        ("at", _exact(entry.at)),
        ("reference", entry.reference),
        ("memo", entry.memo),
        ("hash", hash_),
    )
    parts += [f"  {key}: {_quoted(value)}\n" for key, value in stated if value]
    parts += [f"  {account_name(a)}  {_euro(-amount)} EUR\n" for a, amount in entry.postings]
    return "".join(parts)


def _accounts(balances: Iterable[str], first: date) -> Iterator[str]:
    yield "\n"
    for account in sorted(balances):
        yield f"{first:%Y-%m-%d} open {account_name(account)}  EUR\n  account: {_quoted(account)}\n"


def _assertions(balances: dict[str, int], last: date) -> Iterator[str]:
    """Assert the end: a balance is what there is when its day begins, so on the day after."""
    if last == date.max:
        return
    after = last + timedelta(days=1)
    yield "\n"
    for account, amount in sorted(balances.items()):
        yield f"{after:%Y-%m-%d} balance {account_name(account)}  {_euro(-amount)} ~ 0 EUR\n"


def _euro(nano: int) -> str:
    whole, fraction = divmod(abs(nano), NANO_PER_EURO)
    return f"{'-' if nano < 0 else ''}{whole}.{fraction:09d}"


def _day(at: Instant) -> date:
    return to_datetime(at).date()


def _exact(at: Instant) -> str:
    return to_datetime(at).isoformat(timespec="milliseconds")[:23] + "Z"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'


def describe(kind: str) -> str:
    """Say what entries of a kind record."""
    return _NARRATIONS.get(kind, kind)
