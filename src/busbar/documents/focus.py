"""Usage in the columns of FOCUS 1.2, the open billing format of the FinOps Foundation.

Source: https://focus.finops.org/focus-specification/v1-2/. All 21 mandatory columns, the
conditional ones whose condition holds here (one currency, no commitments, no reserved capacity, no
tags: those are left out, as the specification asks), and columns of our own with the prefix `x_`.

Costs are the ledger's amounts before VAT, exact to the nano-euro. A quantity is the work, rounded
to 18 decimals: times the unit price it gives the cost to within the nano-euro that the debit was
rounded down by. FOCUS tells times in whole seconds; `x_StartMs` and `x_EndMs` are exact.
Next: `tables.py`.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from decimal import Decimal
from enum import StrEnum
from typing import Final, NamedTuple

from busbar.documents.invoice import invoice_number
from busbar.ledger.entries import Kind
from busbar.ledger.periods import month_holding, month_of
from busbar.ledger.transfers import GIB, Moved, Way
from busbar.ledger.usage import Usage
from busbar.model.dtu import MICRO
from busbar.model.money import format_euro
from busbar.model.time import HOUR, Instant, format_instant, slot_of

VERSION: Final = "1.2"


class Type(StrEnum):
    """What a column holds."""

    TEXT = "text"
    TIME = "time"
    EURO = "euro"
    """A decimal with nine decimals."""
    QUANTITY = "quantity"
    """A decimal with 18 decimals."""
    INTEGER = "integer"


class Column(NamedTuple):
    """A column: its name, what it holds, whether every row has a value, and FOCUS' level."""

    name: str
    type: Type
    required: bool
    level: str


def _column(name: str, type_: Type, required: bool, level: str = "Mandatory") -> Column:
    return Column(name, type_, required, level)


COLUMNS: Final[tuple[Column, ...]] = (
    _column("BilledCost", Type.EURO, True),
    _column("BillingAccountId", Type.TEXT, True),
    _column("BillingAccountName", Type.TEXT, False),
    _column("BillingCurrency", Type.TEXT, True),
    _column("BillingPeriodEnd", Type.TIME, True),
    _column("BillingPeriodStart", Type.TIME, True),
    _column("ChargeCategory", Type.TEXT, True),
    _column("ChargeClass", Type.TEXT, False),
    _column("ChargeDescription", Type.TEXT, False),
    _column("ChargeFrequency", Type.TEXT, True, "Recommended"),
    _column("ChargePeriodEnd", Type.TIME, True),
    _column("ChargePeriodStart", Type.TIME, True),
    _column("ConsumedQuantity", Type.QUANTITY, False, "Conditional"),
    _column("ConsumedUnit", Type.TEXT, False, "Conditional"),
    _column("ContractedCost", Type.EURO, True),
    _column("ContractedUnitPrice", Type.EURO, False, "Conditional"),
    _column("EffectiveCost", Type.EURO, True),
    _column("InvoiceId", Type.TEXT, False, "Recommended"),
    _column("InvoiceIssuerName", Type.TEXT, True),
    _column("ListCost", Type.EURO, True),
    _column("ListUnitPrice", Type.EURO, False, "Conditional"),
    _column("PricingCategory", Type.TEXT, False, "Conditional"),
    _column("PricingQuantity", Type.QUANTITY, False),
    _column("PricingUnit", Type.TEXT, False),
    _column("ProviderName", Type.TEXT, True),
    _column("PublisherName", Type.TEXT, True),
    _column("RegionId", Type.TEXT, False, "Conditional"),
    _column("RegionName", Type.TEXT, False, "Conditional"),
    _column("ResourceId", Type.TEXT, False, "Conditional"),
    _column("ResourceName", Type.TEXT, False, "Conditional"),
    _column("ResourceType", Type.TEXT, False, "Conditional"),
    _column("ServiceCategory", Type.TEXT, True),
    _column("ServiceName", Type.TEXT, True),
    _column("ServiceSubcategory", Type.TEXT, True, "Recommended"),
    _column("SkuId", Type.TEXT, False, "Conditional"),
    _column("SkuMeter", Type.TEXT, False, "Conditional"),
    _column("SkuPriceId", Type.TEXT, False, "Conditional"),
    _column("x_Contract", Type.TEXT, False, "Own"),
    _column("x_CorrectsId", Type.TEXT, False, "Own"),
    _column("x_CpuMilli", Type.INTEGER, False, "Own"),
    _column("x_DrawMicroDtuPerHour", Type.INTEGER, False, "Own"),
    _column("x_EndMs", Type.INTEGER, True, "Own"),
    _column("x_EphemeralBytes", Type.INTEGER, False, "Own"),
    _column("x_ExchangeFee", Type.EURO, True, "Own"),
    _column("x_ExchangeRounding", Type.EURO, True, "Own"),
    _column("x_JournalId", Type.TEXT, True, "Own"),
    _column("x_JournalSeq", Type.INTEGER, True, "Own"),
    _column("x_MemoryBytes", Type.INTEGER, False, "Own"),
    _column("x_Node", Type.TEXT, False, "Own"),
    _column("x_Offer", Type.TEXT, False, "Own"),
    _column("x_OfferVersion", Type.INTEGER, False, "Own"),
    _column("x_Owner", Type.TEXT, False, "Own"),
    _column("x_Reason", Type.TEXT, False, "Own"),
    _column("x_StartMs", Type.INTEGER, True, "Own"),
    _column("x_Vendor", Type.TEXT, False, "Own"),
    _column("x_VendorCredit", Type.EURO, True, "Own"),
)

Value = str | int | Decimal | None
"""A time is an `Instant` in whole seconds."""
Row = dict[str, Value]

_CATEGORIES = {
    Kind.SETTLE.value: "Usage",
    Kind.TRANSFER.value: "Usage",
    Kind.WITHDRAW.value: "Purchase",
    Kind.CREDIT.value: "Credit",
    Kind.SLASH.value: "Credit",
    Kind.CORRECT.value: "Adjustment",
}


def rows(
    usage: Iterable[Usage], exchange: str = "Busbar", closed: Container[str] = ()
) -> Iterator[Row]:
    """Give one row a charge; `exchange` is who issues the invoices, of the `closed` months."""
    return (row(charge, exchange, closed) for charge in usage)


def row(charge: Usage, exchange: str = "Busbar", closed: Container[str] = ()) -> Row:
    """Give a charge as a row: every column, None where FOCUS wants null."""
    cost = _euro(charge.debit)
    billing = month_holding(charge.at)
    found: Row = dict.fromkeys(column.name for column in COLUMNS)
    found |= {
        "BilledCost": cost,
        "BillingAccountId": charge.namespace,
        "BillingAccountName": charge.namespace,
        "BillingCurrency": "EUR",
        "BillingPeriodEnd": billing.end,
        "BillingPeriodStart": billing.start,
        "ChargeCategory": _CATEGORIES[charge.kind],
        "ChargeClass": _class(charge),
        "ChargeDescription": _description(charge),
        "ChargeFrequency": "Usage-Based" if charge.billed or charge.moved else "One-Time",
        "ContractedCost": cost,
        "EffectiveCost": cost,
        "InvoiceId": _invoice(charge, closed),
        "InvoiceIssuerName": exchange,
        "ListCost": cost,
        "ProviderName": exchange,
        "PublisherName": charge.vendor or exchange,
        **_service(charge, exchange),
        "x_ExchangeFee": _euro(charge.fee),
        "x_ExchangeRounding": _euro(charge.rounding),
        "x_JournalId": charge.id,
        "x_JournalSeq": charge.seq,
        "x_Vendor": charge.vendor or None,
        "x_VendorCredit": _euro(charge.vendor_credit),
    }
    return found | _times(charge) | _price(charge) | _things(charge) | _reason(charge)


def _times(charge: Usage) -> Row:
    start, end = charge.ran
    first, last = start, end
    if start == end:  # A credit: FOCUS has no charge without a period.
        first, last = slot_of(start)
    return {
        "ChargePeriodStart": _second(first),
        "ChargePeriodEnd": _second(last),
        "x_StartMs": start,
        "x_EndMs": end,
    }


def _service(charge: Usage, exchange: str) -> Row:
    if charge.is_transfer:
        return {
            "ServiceCategory": "Networking",
            "ServiceName": f"{exchange} Data Transfer",
            "ServiceSubcategory": "Network Infrastructure",
        }
    return {
        "ServiceCategory": "Compute",
        "ServiceName": f"{exchange} Compute",
        "ServiceSubcategory": "Containers",
    }


def _data(moved: Moved) -> Row:
    """Give the quantity and price of data moved; GiB, rounded down to 18 decimals."""
    count = moved.until_bytes - moved.from_bytes
    quantity = Decimal(count * 10**18 // GIB).scaleb(-18)
    price = _euro(moved.price_nano)
    way = "in" if moved.way == Way.READ.value else "out"
    return {
        "ConsumedQuantity": quantity,
        "ConsumedUnit": "GiB",
        "ContractedUnitPrice": price,
        "ListUnitPrice": price,
        "PricingCategory": "Standard",
        "PricingQuantity": quantity,
        "PricingUnit": "GiB",
        "SkuId": f"transfer-{way}",
        "SkuMeter": f"Data transfer {way}",
        "SkuPriceId": (moved.sold.offer if moved.sold else "") or f"transfer-{way}",
    }


def _withdrawal(charge: Usage) -> Row:
    """Give the quantity and price of a reservation that was withdrawn: one, at what it cost."""
    price = _euro(charge.debit)
    return {
        "ContractedUnitPrice": price,
        "ListUnitPrice": price,
        "PricingCategory": "Standard",
        "PricingQuantity": Decimal(1),
        "PricingUnit": "Withdrawals",
        "SkuId": "late-withdrawal",
        "SkuMeter": "Late withdrawal",
        "SkuPriceId": charge.sold.offer or "late-withdrawal",
    }


def _price(charge: Usage) -> Row:
    billed = charge.billed
    if charge.moved is not None:
        return _data(charge.moved)
    if charge.withdrawn is not None:
        return _withdrawal(charge)
    if billed is None:
        return {}
    work = billed.draw_micro * (billed.until_ms - billed.from_ms)
    quantity = Decimal(work * 10**18 // (MICRO * HOUR)).scaleb(-18)
    price = _euro(billed.price_nano)
    return {
        "ConsumedQuantity": quantity,
        "ConsumedUnit": "DTUs",
        "ContractedUnitPrice": price,
        "ListUnitPrice": price,
        "PricingCategory": "Dynamic",
        "PricingQuantity": quantity,
        "PricingUnit": "DTUs",
        "SkuId": "compute-dtu",
        "SkuMeter": "DTU",
        "SkuPriceId": (billed.sold.offer if billed.sold else "") or "compute-dtu",
        "x_DrawMicroDtuPerHour": billed.draw_micro,
    }


def _things(charge: Usage) -> Row:
    sold = charge.sold
    named = f"{charge.namespace}/{sold.order}" if sold.order else None
    return {
        "RegionId": sold.zone or None,
        "RegionName": sold.zone or None,
        "ResourceId": charge.contract_uid or None,
        "ResourceName": named if charge.contract_uid else None,
        "ResourceType": "Pod" if charge.contract_uid else None,
        "x_Contract": sold.contract or None,
        "x_CpuMilli": sold.cpu_milli or None,
        "x_EphemeralBytes": sold.ephemeral_bytes or None,
        "x_MemoryBytes": sold.memory_bytes or None,
        "x_Node": sold.node or None,
        "x_Offer": sold.offer or None,
        "x_OfferVersion": sold.offer_version or None,
        "x_Owner": sold.owner or None,
    }


def _reason(charge: Usage) -> Row:
    if charge.note is None:
        return {}
    return {"x_Reason": charge.note.reason, "x_CorrectsId": charge.note.id or None}


def _invoice(charge: Usage, closed: Container[str]) -> str | None:
    """Name the invoice that has a charge; a compensation is no supply and stands on none."""
    month = month_of(charge.at)
    if charge.is_compensation or month not in closed:
        return None
    return invoice_number(charge.namespace, month)


def _class(charge: Usage) -> str | None:
    """Say "Correction" of what was billed in an earlier month; within a month it is null."""
    note = charge.note
    if note is None or not note.seq or month_of(note.at) == month_of(charge.at):
        return None
    return "Correction"


def _description(charge: Usage) -> str:
    note = charge.note
    if note is not None:
        about = f" of {note.id}" if note.id else ""
        words = {Kind.CREDIT.value: "Credit", Kind.SLASH.value: "Compensation"}
        return f"{words.get(charge.kind, 'Correction')}{about}: {note.reason}"
    sold, billed = charge.sold, charge.billed
    what = f"Pod {sold.order}" if sold.order else f"contract {charge.contract_uid}"
    where = f" on node {sold.node} of {charge.vendor}" if sold.node else f" by {charge.vendor}"
    price = f", {format_euro(billed.price_nano)} €/DTU" if billed is not None else ""
    if charge.withdrawn is not None:
        begins = format_instant(charge.withdrawn.from_ms)
        price = f", reserved from {begins}, withdrawn late"
    if charge.moved is not None:
        to = "read from" if charge.moved.way == Way.READ.value else "written to"
        price = f", data {to} {charge.moved.region or 'its bucket'}"
        price += f", {format_euro(charge.moved.price_nano)} €/GiB"
    return f"{what}{where}{price}"


def _euro(nano: int) -> Decimal:
    return Decimal(nano).scaleb(-9)


def _second(at: Instant) -> Instant:
    return at - at % 1000


def shown(value: Value, type_: Type) -> str:
    """Write a value as FOCUS wants it: no exponents, times in ISO 8601 and UTC, null as nothing."""
    if value is None:
        return ""
    if type_ is Type.TIME:
        assert isinstance(value, int)
        return format_instant(value)
    return format(value, "f") if isinstance(value, Decimal) else str(value)
