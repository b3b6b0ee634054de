"""Which entries a contract, a top-up or a payout causes. The controllers commit them.

Rounding, once and for all: the debit is `dtu.amount`, rounded down to the nano-euro; the vendor's
share and the fee are each rounded down from the debit; what is left of the debit (0 or 1 nano-euro)
goes to the rounding account. So debit = vendor's credit + fee + rounding, exactly, and neither
consumer nor vendor can gain by many small settlements.

The fee is a part of the debit, not added to it: the cap binds what is billed. Next: `metering.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from busbar.ledger import entries
from busbar.ledger.entries import Entry, Kind, Posting
from busbar.model.dtu import amount as price_of
from busbar.model.time import Instant

PPM = 1_000_000
RESALE = "resale:"
"""Before the opaque name of who sells held capacity again: it earns as a vendor does. No vendor's
name has a colon."""
DEFAULT_FEE_PPM = 20_000
"""2 % of the debit."""


class Settlement(NamedTuple):
    """The entry for a delivered interval and its amounts: debit = vendor_credit + fee + rounding.

    `entry` is None where there is nothing to move: nothing billed and nothing released.
    """

    entry: Entry | None
    debit: int
    vendor_credit: int
    fee: int
    rounding: int


class Sold(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What was sold, by whom, to which order: all that a bill shows, long after the Contract went.

    Entries from before it was written lack it. Fields are only ever added.
    """

    contract: str = ""
    order: str = ""
    """The Pod."""
    owner: str = ""
    """What made the Pod, such as `Job/pi`."""
    vendor: str = ""
    offer: str = ""
    offer_version: int = 0
    node: str = ""
    zone: str = ""
    cpu_milli: int = 0
    memory_bytes: int = 0
    gpus: int = 0
    ephemeral_bytes: int = 0


class Billed(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a settlement entry's memo says: the interval and the terms it was billed at."""

    from_ms: Instant
    until_ms: Instant
    price_nano: int
    draw_micro: int
    fee_ppm: int
    sold: Sold | None = None


_billed = msgspec.json.Decoder(Billed)


def reference(contract_uid: str) -> str:
    """Name a contract in the `reference` of its entries."""
    return f"contract/{contract_uid}"


def hold(
    contract_uid: str, namespace: str, amount: int, at: Instant, part: str | int = "open"
) -> Entry:
    """Hold `amount` (> 0) of a namespace's money for a contract; `part` tells its holds apart.

    Id: `hold/<uid>/<part>`. The store refuses it (InsufficientFunds) beyond the available balance.
    """
    return _between(
        Kind.HOLD,
        f"hold/{contract_uid}/{part}",
        at,
        (entries.available(namespace), entries.held(namespace)),
        amount,
        reference(contract_uid),
    )


def release(
    contract_uid: str, namespace: str, amount: int, at: Instant, part: str | int = "close"
) -> Entry:
    """Give `amount` (> 0) of a contract's hold back. Id: `release/<uid>/<part>`."""
    return _between(
        Kind.RELEASE,
        f"release/{contract_uid}/{part}",
        at,
        (entries.held(namespace), entries.available(namespace)),
        amount,
        reference(contract_uid),
    )


def settle(
    contract_uid: str,
    namespace: str,
    vendor: str,
    from_ms: Instant,
    until_ms: Instant,
    price_nano: int,
    draw_micro: int,
    release: int,
    at: Instant,
    fee_ppm: int = DEFAULT_FEE_PPM,
    sold: Sold | None = None,
) -> Settlement:
    """Bill the delivered interval [from, until) out of the hold, and release `release` of it.

    The interval lies within one slot: it has one price. Id: `settle/<uid>/<from_ms>`, so that an
    interval is billed once however often it is tried. The caller holds at least debit + release.
    """
    parts = split(price_of(price_nano, draw_micro, until_ms - from_ms), fee_ppm)
    moves = (
        (entries.held(namespace), -(parts[0] + release)),
        (entries.available(namespace), release),
        *shares(vendor, parts),
    )
    memo = Billed(from_ms, until_ms, price_nano, draw_micro, fee_ppm, sold)
    id_ = f"settle/{contract_uid}/{from_ms}"
    return billed(Kind.SETTLE, id_, contract_uid, at, moves, parts, memo)


Parts = tuple[int, int, int, int]
"""A debit, and the vendor's credit, the fee and the rounding that it is split into."""


def shares(vendor: str, parts: Parts) -> tuple[tuple[str, int], ...]:
    """Give who gets what of a debit."""
    _, credit, fee, rounding = parts
    return (entries.vendor(vendor), credit), (entries.FEE, fee), (entries.ROUNDING, rounding)


def billed(
    kind: Kind,
    id_: str,
    contract_uid: str,
    at: Instant,
    moves: Iterable[tuple[str, int]],
    parts: Parts,
    memo: object,
) -> Settlement:
    """Make the entry that bills something of a contract; none where nothing moves."""
    postings = tuple(Posting(account, moved) for account, moved in moves if moved)
    if not postings:
        return Settlement(None, *parts)
    said = msgspec.json.encode(memo).decode()
    return Settlement(Entry(id_, kind.value, at, postings, reference(contract_uid), said), *parts)


def split(debit: int, fee_ppm: int) -> Parts:
    """Split a debit: (debit, vendor's credit, fee, rounding), where the last three sum to it."""
    if debit < 0 or not 0 <= fee_ppm <= PPM:
        raise ValueError(f"cannot split a debit of {debit} with a fee of {fee_ppm} ppm")
    credit = debit * (PPM - fee_ppm) // PPM
    fee = debit * fee_ppm // PPM
    return debit, credit, fee, debit - credit - fee


def top_up(namespace: str, amount: int, at: Instant, idempotency_key: str) -> Entry:
    """Credit a namespace with money received outside. Id: `topup/<namespace>/<key>`."""
    return _between(
        Kind.TOP_UP,
        f"topup/{namespace}/{idempotency_key}",
        at,
        (entries.TOPUP, entries.available(namespace)),
        amount,
        f"namespace/{namespace}",
    )


def resale(namespace: str, seller: str, amount: int, at: Instant, part: str | int) -> Entry:
    """Give a namespace what it earned by selling again. Id: `resale/<namespace>/<part>`."""
    return _between(
        Kind.RESALE,
        f"resale/{namespace}/{part}",
        at,
        (entries.vendor(RESALE + seller), entries.available(namespace)),
        amount,
        f"namespace/{namespace}",
    )


def payout(vendor: str, amount: int, at: Instant, idempotency_key: str) -> Entry:
    """Pay a vendor out; the store refuses more than it earned. Id: `payout/<vendor>/<key>`."""
    return _between(
        Kind.PAYOUT,
        f"payout/{vendor}/{idempotency_key}",
        at,
        (entries.vendor(vendor), entries.PAYOUT),
        amount,
        f"vendor/{vendor}",
    )


def billed_by(entry: Entry) -> Billed | None:
    """Read the interval that an entry billed; None where it billed none."""
    if entry.kind != Kind.SETTLE.value:
        return None
    try:
        return _billed.decode(entry.memo)
    except msgspec.DecodeError:
        return None


def _between(
    kind: Kind, id_: str, at: Instant, accounts: tuple[str, str], amount: int, ref: str
) -> Entry:
    if amount <= 0:
        raise ValueError(f"{id_}: the amount must be positive, got {amount}")
    source, target = accounts
    return Entry(id_, kind.value, at, (Posting(source, -amount), Posting(target, amount)), ref)
