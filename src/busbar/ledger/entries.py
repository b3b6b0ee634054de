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
    TRANSFER = "transfer"
    """Data that a contract's workload moved."""
    WITHDRAW = "withdraw"
    """A reservation that its consumer withdrew late."""
    PAYOUT = "payout"
    CREDIT = "credit"
    """The exchange gives a consumer money of its own."""
    CORRECT = "correct"
    """What an earlier entry moved is moved back, or more of it; the earlier entry stays."""
    CLOSE = "close"
    """A month takes no more entries; moves nothing."""
    DEPOSIT = "deposit"
    """Out of a vendor's earnings, or from outside, into its bond."""
    UNBOND = "unbond"
    """Out of a vendor's bond back into its earnings."""
    SLASH = "slash"
    """A failed delivery costs a vendor part of its bond."""
    RESALE = "resale"
    """What a consumer earned by selling held capacity again becomes its balance."""


FEE = "exchange/fee"
ROUNDING = "exchange/rounding"
CREDITS = "exchange/credits"
"""What the exchange gave away: below zero by as much."""
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


def bond(name: str) -> str:
    """Name the account of a vendor's bond."""
    return f"bond/{name}"


def namespace_of(entry: Entry) -> str:
    """Give the namespace whose money an entry moves, "" where it moves none."""
    for account, _ in entry.postings:
        if account.startswith("ns/"):
            return account.split("/")[1]
    return ""


def vendor_of(entry: Entry) -> str:
    """Give the vendor whose earnings or bond an entry moves, "" where it moves none."""
    for account, _ in entry.postings:
        if account.startswith(("vendor/", "bond/")):
            return account.split("/", 1)[1]
    return ""


def has_floor(account: str) -> bool:
    """Say whether an account may not fall below zero: namespaces' (no credit), vendors' (no debt).

    Bonds neither: what is slashed is there.

    The external accounts go below zero by design: they mirror money outside.
    """
    return account.startswith(("ns/", "vendor/", "bond/"))


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
