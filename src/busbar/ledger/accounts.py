"""What an account's owner asks: is there budget left, what was spent, what happened.

Next: `invariants.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from busbar.ledger.entries import Entry, Kind, Sealed, available, held
from busbar.model.money import format_euro
from busbar.model.time import Instant, to_datetime


class OverBudget(NamedTuple):
    """A new hold would exceed the month's budget; one sentence with the fix."""

    left_nano: int
    message: str


def check_budget(
    budget_nano: int | None, spent_this_month: int, held_now: int, new: int
) -> OverBudget | None:
    """Refuse a new hold beyond the budget: spent + held + new ≤ budget. None: no budget set."""
    if budget_nano is None or spent_this_month + held_now + new <= budget_nano:
        return None
    left = budget_nano - spent_this_month - held_now
    message = (
        f"spec.budget of {format_euro(budget_nano)} € has {format_euro(max(0, left))} € left this"
        f" month, {format_euro(new)} € would be held; raise the budget or wait for the next month"
    )
    return OverBudget(left, message)


def month_start(at: Instant) -> Instant:
    """Give the first instant of the calendar month (UTC) that holds `at`."""
    day = to_datetime(at)
    first = datetime(day.year, day.month, 1, tzinfo=UTC)
    return int(first.timestamp()) * 1000


def debit_of(entry: Entry, namespace: str) -> int:
    """Give what an entry billed a namespace: what left its two accounts together."""
    if entry.kind not in (Kind.SETTLE.value, Kind.TRANSFER.value, Kind.WITHDRAW.value):
        return 0
    own = (available(namespace), held(namespace))
    return -sum(amount for account, amount in entry.postings if account in own)


def spent(
    entries: Iterable[Entry], namespace: str, since: Instant, until: Instant | None = None
) -> int:
    """Give what a namespace was billed in [since, until)."""
    return sum(
        debit_of(entry, namespace)
        for entry in entries
        if entry.at >= since and (until is None or entry.at < until)
    )


class StatementLine(NamedTuple):
    """One entry as an account's owner sees it."""

    seq: int
    at: Instant
    kind: str
    reference: str
    amount: int
    balance: int


def statement(journal: Iterable[Sealed], account: str) -> Iterator[StatementLine]:
    """Give an account's lines with the running balance."""
    balance = 0
    for seq, entry, _ in journal:
        amount = sum(moved for name, moved in entry.postings if name == account)
        if amount:
            balance += amount
            yield StatementLine(seq, entry.at, entry.kind, entry.reference, amount, balance)
