"""What an operator may enter beside payments: credits, corrections, payouts, bonds, closings.

Each is one journal entry with an idempotency key; what is in the journal stays as it is. Next:
`entries.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

import msgspec

from busbar.ledger import bonds, corrections, entries, settlement
from busbar.ledger.corrections import Direction, Refusal
from busbar.ledger.entries import Entry, Sealed
from busbar.ledger.periods import close, closed_month, closing_id, parse_month
from busbar.model.errors import InvalidField
from busbar.model.money import format_euro, parse_euro
from busbar.model.objects import Key
from busbar.model.time import MINUTE, Instant
from busbar.model.wellknown import GROUP
from busbar.server.requests import RequestRefused
from busbar.store.contract import EXISTS, Refused, Require, Store, Transaction, Why

SETTLING_MS = 5 * MINUTE
"""How long after a month's end it may be closed: its last slots are settled by then."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=253)]
IdempotencyKey = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Reason = Annotated[str, msgspec.Meta(min_length=3, max_length=corrections.REASON_MAX)]


class Request(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What an operator sends."""


class Credit(Request):
    """Money of the exchange for a namespace."""

    namespace: Name
    euro: str | int
    reason: Reason
    idempotency_key: IdempotencyKey


class Correction(Request):
    """A correction of the entry at `seq`; without `euro`, all that is left of it."""

    seq: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    reason: Reason
    idempotency_key: IdempotencyKey
    direction: Direction = Direction.REFUND
    euro: str | int | None = None


class Payout(Request):
    """What was paid to a vendor; without `euro`, all that it has earned."""

    vendor: Name
    idempotency_key: IdempotencyKey
    euro: str | int | None = None


class Bond(Request):
    """A deposit into a vendor's bond (out of its earnings, or from outside), or its return."""

    vendor: Name
    euro: str | int
    idempotency_key: IdempotencyKey
    direction: Literal["deposit", "deposit-from-outside", "return"] = "deposit"


class Closing(Request):
    """A month to close, such as 2026-11."""

    month: str


class MoneyRefused(RequestRefused):
    """A movement of money that is not entered."""


class Bookings:
    """Enters what operators send. One at a time: some rest on what was entered before."""

    def __init__(self, store: Store, clock: Callable[[], Instant]) -> None:
        self._store, self._clock = store, clock
        self._turn = asyncio.Lock()

    async def enter(self, request: Request) -> dict[str, Any]:
        """Enter a request; gives what was entered. Raises `MoneyRefused`."""
        work: dict[type[Request], Callable[[Any], Awaitable[dict[str, Any]]]] = {
            Credit: self._credit,
            Correction: self._correct,
            Payout: self._pay_out,
            Bond: self._bond,
            Closing: self._close,
        }
        async with self._turn:
            return await work[type(request)](request)

    async def closed(self) -> list[str]:
        """Give the closed months."""
        return sorted(closed_month(s.entry) for s in await self._store.find_entries("close/"))

    async def _credit(self, request: Credit) -> dict[str, Any]:
        amount = positive(request.euro)
        entry = corrections.credit(
            request.namespace, amount, self._clock(), request.reason, request.idempotency_key
        )
        exists = Require(Key("", "namespaces", "", request.namespace), EXISTS)
        return await self._commit(entry, exists)

    async def _correct(self, request: Correction) -> dict[str, Any]:
        seq, key = request.seq, request.idempotency_key
        found = await self._store.journal(seq - 1, 1)
        if not found:
            raise MoneyRefused(404, f"seq: the journal has no entry {seq}")
        amount = None if request.euro is None else positive(request.euro)
        before = await self._store.find_entries(f"correct/{seq}/")
        again = [s.seq for s in before if s.entry.id == f"correct/{seq}/{key}"]
        # A repeated request is judged by what it was judged by: it must not count against itself.
        counted = [s.entry for s in before if not again or s.seq < again[0]]
        entry = corrections.correct(
            found[0], counted, request.direction, amount, self._clock(), request.reason, key
        )
        if isinstance(entry, Refusal):
            raise MoneyRefused(422, entry.message)
        return await self._commit(entry)

    async def _pay_out(self, request: Payout) -> dict[str, Any]:
        vendor, key = request.vendor, request.idempotency_key
        if request.euro is not None:
            amount = positive(request.euro)
        else:
            amount = await self._earned(vendor, f"payout/{vendor}/{key}")
        entry = settlement.payout(vendor, amount, self._clock(), key)
        return await self._commit(entry, self._is_vendor(vendor))

    async def _earned(self, vendor: str, id_: str) -> int:
        """Give all that a vendor has earned; of a repeated payout, what it was."""
        known = await self._find(id_)
        if known is not None:
            return moved(known)
        amount = (await self._store.snapshot()).balance(entries.vendor(vendor))
        if amount <= 0:
            raise MoneyRefused(422, f"vendor: {vendor} has earned nothing that is not paid out")
        return amount

    async def _bond(self, request: Bond) -> dict[str, Any]:
        vendor, key, now = request.vendor, request.idempotency_key, self._clock()
        amount = positive(request.euro)
        if request.direction == "return":
            entry = bonds.unbond(vendor, amount, now, key)
        else:
            outside = request.direction == "deposit-from-outside"
            entry = bonds.deposit(vendor, amount, now, key, from_outside=outside)
        return await self._commit(entry, self._is_vendor(vendor))

    async def _close(self, request: Closing) -> dict[str, Any]:
        now = self._clock()
        try:
            period = parse_month(request.month, "month")
        except InvalidField as error:
            raise MoneyRefused(422, str(error)) from None
        if now < period.end + SETTLING_MS:
            raise MoneyRefused(422, f"month: {request.month} has not ended and settled yet")
        if await self._store.find_entries(closing_id(request.month)):
            return {"month": request.month, "repeated": True}
        done = await self._commit(close(request.month, now))
        return {**done, "month": request.month}

    def _is_vendor(self, name: str) -> Require:
        return Require(Key(GROUP, "vendors", "", name), EXISTS)

    async def _commit(self, entry: Entry, *needs: Require) -> dict[str, Any]:
        known = await self._find(entry.id)
        outcome = await self._store.commit(Transaction(needs, (entry,)))
        if isinstance(outcome, Refused):
            raise refused(outcome)
        entered = known or await self._find(entry.id)
        assert entered is not None
        return {**shown(entered), "repeated": known is not None}

    async def _find(self, id_: str) -> Sealed | None:
        """Give the entry with an id; the store finds all that begin with it."""
        found = await self._store.find_entries(id_)
        return next((sealed for sealed in found if sealed.entry.id == id_), None)


def moved(sealed: Sealed) -> int:
    """Give how much an entry moved."""
    return sum(posting.amount for posting in sealed.entry.postings if posting.amount > 0)


def shown(sealed: Sealed) -> dict[str, Any]:
    """Give an entry as an answer."""
    seq, entry, hash_ = sealed
    postings = [{"account": a, "euro": format_euro(amount)} for a, amount in entry.postings]
    return {
        "seq": seq,
        "id": entry.id,
        "kind": entry.kind,
        "euro": format_euro(moved(sealed)),
        "postings": postings,
        "hash": hash_,
    }


def positive(euro: str | int) -> int:
    """Read an amount above zero; raises `MoneyRefused`."""
    try:
        amount = parse_euro(euro, "euro")
    except InvalidField as error:
        raise MoneyRefused(422, str(error)) from None
    if amount == 0:
        raise MoneyRefused(422, "euro: must be more than nothing")
    return amount


def refused(outcome: Refused) -> MoneyRefused:
    """Say why the store did not take an entry."""
    if outcome.why is Why.NOT_FOUND and outcome.key is not None:
        resource, name = outcome.key.resource, outcome.key.name
        made = {
            "namespaces": f"make it with `kubectl create namespace {name}`",
            "vendors": "`busbar vendor` lists those there are",
        }
        word = resource.removesuffix("s")
        return MoneyRefused(404, f"{word}: {name!r} does not exist; {made[resource]}")
    is_conflict = outcome.why in (Why.IDEMPOTENCY, Why.MONEY_STOPPED)
    return MoneyRefused(409 if is_conflict else 422, outcome.message)
