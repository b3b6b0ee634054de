"""An invoice as a structured e-invoice: EN 16931 in the syntax UN/CEFACT CII (Factur-X, ZUGFeRD).

Needs the extra `busbar[invoices]`. What is made is checked against the XML schema that the library
ships before it leaves. Next: `pdf.py`.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from busbar.documents.invoice import Invoice, InvoiceLine, Party, euros
from busbar.documents.tables import ExtraMissing
from busbar.model.time import to_datetime

GUIDELINE = "urn:cen.eu:en16931:2017"
SCHEMA = "FACTUR-X_EN16931"


def to_xml(invoice: Invoice) -> bytes:
    """Give the e-invoice, valid against the schema."""
    try:
        from drafthorse.models.document import Document
    except ImportError:
        raise ExtraMissing("an e-invoice", "invoices") from None
    document = Document()
    document.context.guideline_parameter.id = GUIDELINE
    _head(document, invoice)
    # BR-O-2: what is no matter of VAT names no VAT numbers.
    taxed = invoice.treatment.category != "O"
    _party(document.trade.agreement.seller, invoice.seller, taxed)
    _party(document.trade.agreement.buyer, invoice.buyer, taxed)
    for number, line in enumerate(invoice.lines, 1):
        document.trade.items.add(_line(number, line, invoice))
    _settlement(document.trade.settlement, invoice)
    return bytes(document.serialize(schema=SCHEMA))


def _head(document: Any, invoice: Invoice) -> None:
    from drafthorse.models.note import IncludedNote

    document.header.id = invoice.number
    document.header.type_code = invoice.type_code
    document.header.issue_date_time = date.fromisoformat(invoice.issued)
    document.header.notes.add(IncludedNote(content=invoice.rounding_note()))
    last = to_datetime(invoice.period.end).date() - timedelta(days=1)
    document.trade.delivery.event.occurrence = last


def _party(party: Any, who: Party, taxed: bool) -> None:
    from drafthorse.models.party import TaxRegistration

    party.name = who.name
    # BR-CO-26: a seller is identified, also where it may not name its VAT number.
    if who.registration or not taxed:
        party.id = who.registration or who.vat_id or who.name
    if who.street:
        party.address.line_one = who.street
    if who.postcode:
        party.address.postcode = who.postcode
    if who.city:
        party.address.city_name = who.city
    party.address.country_id = who.country
    if who.email:
        party.electronic_address.uri_ID = ("EM", who.email)
    if who.vat_id and taxed:
        party.tax_registrations.add(TaxRegistration(id=("VA", who.vat_id)))


def _line(number: int, line: InvoiceLine, invoice: Invoice) -> Any:
    """Give a line: one piece at its amount. A price is never negative: a credit is minus one."""
    from drafthorse.models.tradelines import LineItem

    item = LineItem()
    item.document.line_id = str(number)
    item.product.name = line.text
    item.product.description = f"{line.detail}; exact amount {_nano(line.nano)} EUR"
    item.agreement.net.amount = _decimal(abs(line.cents))
    item.agreement.net.basis_quantity = (Decimal(1), "C62")
    item.delivery.billed_quantity = (Decimal(1 if line.cents >= 0 else -1), "C62")
    item.settlement.trade_tax.type_code = "VAT"
    item.settlement.trade_tax.category_code = invoice.treatment.category
    if invoice.treatment.category != "O":
        item.settlement.trade_tax.rate_applicable_percent = _rate(invoice)
    item.settlement.monetary_summation.total_amount = _decimal(line.cents)
    return item


def _settlement(settlement: Any, invoice: Invoice) -> None:
    from drafthorse.models.accounting import ApplicableTradeTax
    from drafthorse.models.payment import PaymentTerms

    settlement.currency_code = "EUR"
    settlement.period.start = to_datetime(invoice.period.start).date()
    settlement.period.end = to_datetime(invoice.period.end).date() - timedelta(days=1)
    tax = ApplicableTradeTax()
    tax.calculated_amount = _decimal(invoice.vat)
    tax.basis_amount = _decimal(invoice.net)
    tax.type_code = "VAT"
    tax.category_code = invoice.treatment.category
    if invoice.treatment.category != "O":
        tax.rate_applicable_percent = _rate(invoice)
    if invoice.treatment.reason:
        tax.exemption_reason = invoice.treatment.reason
        tax.exemption_reason_code = invoice.treatment.reason_code
    settlement.trade_tax.add(tax)
    settlement.terms.add(PaymentTerms(due=date.fromisoformat(invoice.due)))
    sums = settlement.monetary_summation
    sums.line_total = _decimal(invoice.net)
    sums.charge_total = _decimal(0)
    sums.allowance_total = _decimal(0)
    sums.tax_basis_total = _decimal(invoice.net)
    sums.tax_total = (_decimal(invoice.vat), "EUR")
    sums.grand_total = _decimal(invoice.total)
    sums.prepaid_total = _decimal(invoice.prepaid)
    sums.due_amount = _decimal(invoice.payable)


def _decimal(cents: int) -> Decimal:
    return Decimal(euros(cents))


def _rate(invoice: Invoice) -> Decimal:
    return Decimal(invoice.treatment.rate).scaleb(-2)


def _nano(nano: int) -> str:
    return format(Decimal(nano).scaleb(-9), "f")
