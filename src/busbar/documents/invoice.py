"""Invoices and payout notes of a month: numbers only, as folds of the ledger.

The ledger counts nano-euros, an invoice cents. The exact total is rounded half up to the cent; the
lines are rounded so that they add up to it (the largest remainders get the cents that are left), so
that no line is off by a whole cent; each line shows its exact amount, and what rounding did to the
whole is told. Consumers pay in advance: the invoice's net amount is taken from the balance already,
what is left to pay is the VAT. Next: `en16931.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Annotated, Final, NamedTuple

import msgspec

from busbar.ledger.corrections import Note
from busbar.ledger.entries import Kind
from busbar.ledger.periods import Period
from busbar.ledger.transfers import GIB
from busbar.ledger.usage import Usage
from busbar.model.dtu import MICRO
from busbar.model.money import format_euro
from busbar.model.time import HOUR, MINUTE, format_instant
from busbar.model.vat import Treatment, treat, vat_cents

CENT: Final = 10**7
TERMS_DAYS: Final = 30


class Party(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Who buys or sells, as an invoice must name them (Directive 2006/112/EC, article 226)."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    country: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")]
    street: str = ""
    postcode: str = ""
    city: str = ""
    vat_id: str = ""
    """VAT number with its country prefix; without one the buyer is taxed as a consumer."""
    registration: str = ""
    """Number in the register of companies."""
    email: str = ""


class InvoiceLine(NamedTuple):
    """What was bought of one vendor in one zone, or a credit or correction; cents add up."""

    text: str
    detail: str
    nano: int
    cents: int


class Done(NamedTuple):
    """What a line is for: work in micro-DTU milliseconds, or bytes moved."""

    work: int = 0
    bytes: int = 0


class Invoice(NamedTuple):
    """An invoice (UNTDID 1001 type 380), a credit note (381) or a payout note (389).

    Amounts in cents. A credit note's are positive: the type says that they go the other way.
    """

    number: str
    type_code: str
    issued: str
    due: str
    month: str
    period: Period
    seller: Party
    buyer: Party
    lines: tuple[InvoiceLine, ...]
    exact_nano: int
    net: int
    treatment: Treatment
    vat: int
    prepaid: int

    @property
    def total(self) -> int:
        """Give net and VAT."""
        return self.net + self.vat

    @property
    def payable(self) -> int:
        """Give what is left to pay."""
        return self.total - self.prepaid

    @property
    def rounded_nano(self) -> int:
        """Give what rounding added to the exact amount."""
        return self.net * CENT - self.exact_nano

    def rounding_note(self) -> str:
        """Say what rounding did."""
        return (
            f"The ledger's exact amount is {format_euro(self.exact_nano)} EUR; rounded half up to"
            f" the cent it is {euros(self.net)} EUR ({format_euro(self.rounded_nano)} EUR)."
            " Lines are rounded so that they add up to it."
        )


class NothingToInvoice(Exception):
    """A month without charges; one sentence."""


def consumer_invoice(
    usage: Iterable[Usage], namespace: str, month: str, period: Period, seller: Party, buyer: Party
) -> Invoice:
    """Give a namespace's invoice for a closed month: what it was charged, prepaid."""
    sums = _by_place((charge, charge.debit) for charge in usage)
    number = invoice_number(namespace, month)
    made = _invoice(number, "380", month, period, seller, buyer, *sums)
    return made._replace(prepaid=made.net)


def payout_note(
    usage: Iterable[Usage], vendor: str, month: str, period: Period, exchange: Party, party: Party
) -> Invoice:
    """Give a vendor's self-billed invoice for a closed month: what it earned, after the fee."""
    own = (charge for charge in usage if charge.vendor == vendor)
    sums = _by_place((charge, charge.vendor_credit) for charge in own)
    return _invoice(invoice_number(vendor, month), "389", month, period, party, exchange, *sums)


def _by_place(
    charges: Iterable[tuple[Usage, int]],
) -> tuple[dict[tuple[str, str], int], dict[tuple[str, str], Done]]:
    """Sum amounts and work by line. Damages are no supply: they bear no VAT, on no invoice."""
    amounts: dict[tuple[str, str], int] = defaultdict(int)
    work: dict[tuple[str, str], Done] = defaultdict(Done)
    for charge, amount in charges:
        if not charge.is_compensation:
            place = _place(charge)
            amounts[place] += amount
            done = work[place]
            work[place] = Done(done.work + _work(charge), done.bytes + _bytes(charge))
    return amounts, work


def invoice_number(owner: str, month: str) -> str:
    """Number a month's invoice: each consumer and vendor has a series of its own."""
    return f"{owner}-{month}"


def _invoice(
    number: str,
    type_code: str,
    month: str,
    period: Period,
    seller: Party,
    buyer: Party,
    amounts: Mapping[tuple[str, str], int],
    work: Mapping[tuple[str, str], Done],
) -> Invoice:
    exact = sum(amounts.values())
    if not amounts:
        raise NothingToInvoice(f"{month} has no charges: there is nothing to invoice")
    if exact < 0:
        amounts, exact = {place: -nano for place, nano in amounts.items()}, -exact
        type_code = "381" if type_code == "380" else "261"
    last_day = format_instant(period.end - MINUTE)[:10]
    treatment = treat(seller.country, buyer.country, buyer.vat_id, last_day)
    places = sorted(amounts)
    cents = split_cents([amounts[place] for place in places])
    lines = tuple(
        InvoiceLine(place[0], _detail(place[1], work[place]), amounts[place], part)
        for place, part in zip(places, cents, strict=True)
    )
    net = sum(cents)
    return Invoice(
        number=number,
        type_code=type_code,
        issued=format_instant(period.end)[:10],
        due=format_instant(period.end + TERMS_DAYS * 24 * HOUR)[:10],
        month=month,
        period=period,
        seller=seller,
        buyer=buyer,
        lines=lines,
        exact_nano=exact,
        net=net,
        treatment=treatment,
        vat=vat_cents(net, treatment.rate),
        prepaid=0,
    )


def split_cents(parts: list[int]) -> list[int]:
    """Round nano-euros to cents that add up to the rounded sum; each is off by less than a cent."""
    target = (sum(parts) + CENT // 2) // CENT
    floors = [part // CENT for part in parts]
    order = sorted(range(len(parts)), key=lambda i: (-(parts[i] % CENT), i))
    for i in order[: target - sum(floors)]:
        floors[i] += 1
    return floors


def euros(cents: int) -> str:
    """Write cents as euros with two decimals."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def _place(charge: Usage) -> tuple[str, str]:
    if charge.note is not None:
        return _noted(charge, charge.note)
    what = "Data transfer" if charge.moved is not None else "Compute"
    if charge.withdrawn is not None:
        what = "Late withdrawal"
    return f"{what}, {charge.vendor}", charge.sold.zone


def _noted(charge: Usage, note: Note) -> tuple[str, str]:
    if charge.kind == Kind.CREDIT.value:
        return f"Credit: {note.reason}", f"entry {charge.seq}"
    return f"Correction: {note.reason}", f"entry {charge.seq} corrects entry {note.seq} ({note.id})"


def _bytes(charge: Usage) -> int:
    moved = charge.moved
    return moved.until_bytes - moved.from_bytes if moved is not None else 0


def _work(charge: Usage) -> int:
    billed = charge.billed
    return billed.draw_micro * (billed.until_ms - billed.from_ms) if billed is not None else 0


def _detail(where: str, done: Done) -> str:
    if done.bytes:
        thousandths, unit = done.bytes * 1000 // GIB, "GiB"
    elif done.work:
        thousandths, unit = done.work // (MICRO * HOUR // 1000), "DTU"
    else:
        return where
    said = f"{thousandths // 1000}.{thousandths % 1000:03d} {unit}"
    return f"{where}, {said}" if where else said
