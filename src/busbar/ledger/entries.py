"""What the journal holds: entries of postings that sum to zero, and the names of accounts.

Next: `settlement.py`, which entries are made when.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from busbar.model.time import Instant


class Kind(StrEnum):
    """What an entry records."""

    TOP_UP = "topup"
    HOLD = "hold"
    RELEASE = "release"
    SETTLE = "settle"
    PAYOUT = "payout"


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
    """Say whether an account may not fall below zero: namespaces' (no credit), vendors' (no debt).

    The external accounts go below zero by design: they mirror money outside.
    """
    return account.startswith(("ns/", "vendor/"))


class Posting(NamedTuple):
    """One account's change in nano-euro: positive is a credit to that account."""

    account: str
    amount: int


class Entry(NamedTuple):
    """One indivisible movement of money. `id` is its idempotency key.

    The same key with the same effect is a retry, whenever it is made: `at` is not compared.
    """

    id: str
    kind: str
    at: Instant
    postings: tuple[Posting, ...]
    reference: str = ""
    memo: str = ""

    def same_effect(self, other: Entry) -> bool:
        """Say whether another entry is this one, tried again at whatever time."""
        return self == other._replace(at=self.at)


class Sealed(NamedTuple):
    """An entry as journalled: its place in the gap-free sequence and its link of the hash chain."""

    seq: int
    entry: Entry
    hash: str
