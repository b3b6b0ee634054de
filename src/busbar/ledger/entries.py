"""What the journal holds: entries of postings that sum to zero, and the names of accounts.

Next: the folds and checks over entries in this room.
"""

from __future__ import annotations

from typing import NamedTuple

from busbar.model.time import Instant

FEE = "exchange/fee"
ROUNDING = "exchange/rounding"
TOPUP = "external/topup"
PAYOUT = "external/payout"


def available(namespace: str) -> str:
    """Name the account a namespace spends from."""
    return f"ns/{namespace}/available"


def held(namespace: str) -> str:
    """Name the account that holds a namespace's money for open contracts."""
    return f"ns/{namespace}/held"


def vendor(name: str) -> str:
    """Name a vendor's account."""
    return f"vendor/{name}"


def has_floor(account: str) -> bool:
    """Say whether an account may not fall below zero: all that belong to a namespace."""
    return account.startswith("ns/")


class Posting(NamedTuple):
    """One account's change in nano-euro: positive is a credit to that account."""

    account: str
    amount: int


class Entry(NamedTuple):
    """One indivisible movement of money. `id` is its idempotency key."""

    id: str
    kind: str
    at: Instant
    postings: tuple[Posting, ...]
    reference: str = ""
    memo: str = ""


class Sealed(NamedTuple):
    """An entry as journalled: its place in the gap-free sequence and its link of the hash chain."""

    seq: int
    entry: Entry
    hash: str
