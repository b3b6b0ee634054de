"""Vendors' bonds: what a vendor puts down, and what is taken out of it.

A bond is an account with a floor of zero: a slash takes at most what is there, and says who gets
it. What a failed delivery costs is in `damages.py`, when one has failed in the controllers.
Next: `statements.py`.
"""

from __future__ import annotations

from busbar.ledger import entries
from busbar.ledger.corrections import Note, memo_of
from busbar.ledger.entries import Entry, Kind, Posting
from busbar.ledger.settlement import reference
from busbar.model.time import Instant


def deposit(
    vendor: str, amount: int, at: Instant, idempotency_key: str, *, from_outside: bool = False
) -> Entry:
    """Put `amount` (> 0) into a vendor's bond: out of its earnings, or of money from outside.

    Id: `deposit/<vendor>/<key>`. The store refuses more than it has earned.
    """
    source = entries.TOPUP if from_outside else entries.vendor(vendor)
    return _move(Kind.DEPOSIT, vendor, source, entries.bond(vendor), amount, at, idempotency_key)


def unbond(vendor: str, amount: int, at: Instant, idempotency_key: str) -> Entry:
    """Give `amount` (> 0) of a bond back to the vendor's earnings. Id: `unbond/<vendor>/<key>`."""
    source, target = entries.bond(vendor), entries.vendor(vendor)
    return _move(Kind.UNBOND, vendor, source, target, amount, at, idempotency_key)


def slash(
    vendor: str,
    amount: int,
    at: Instant,
    contract_uid: str,
    reason: str,
    *,
    in_bond: int,
    to: str = entries.FEE,
) -> Entry | None:
    """Take `amount` out of a bond for a contract not delivered; no more than is in it.

    `to` is who gets it: a consumer's available account, or the exchange. None where there is
    nothing to take. Id: `slash/<contract uid>`: a contract costs its vendor once.
    """
    taken = min(amount, in_bond)
    if taken <= 0:
        return None
    return Entry(
        f"slash/{contract_uid}",
        Kind.SLASH.value,
        at,
        (Posting(entries.bond(vendor), -taken), Posting(to, taken)),
        reference(contract_uid),
        memo_of(Note(reason)),
    )


def _move(
    kind: Kind, vendor: str, source: str, target: str, amount: int, at: Instant, key: str
) -> Entry:
    if amount <= 0:
        raise ValueError(f"{kind} of {vendor}: the amount must be positive, got {amount}")
    postings = (Posting(source, -amount), Posting(target, amount))
    return Entry(f"{kind.value}/{vendor}/{key}", kind.value, at, postings, f"vendor/{vendor}")
