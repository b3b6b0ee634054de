"""An invoice as PDF to read, with the e-invoice inside it (Factur-X). Needs `busbar[invoices]`."""

from __future__ import annotations

import io
from typing import Any

from busbar.documents.invoice import Invoice, Party, euros
from busbar.documents.tables import ExtraMissing
from busbar.model.money import format_euro

TITLES = {
    "380": "Invoice",
    "381": "Credit note",
    "389": "Payout note (self-billed invoice)",
    "261": "Self-billed credit note",
}


def to_pdf(invoice: Invoice, xml: bytes) -> bytes:
    """Give the PDF with the e-invoice attached."""
    try:
        from drafthorse.pdf import attach_xml
    except ImportError:
        raise ExtraMissing("a PDF", "invoices") from None
    return bytes(attach_xml(_page(invoice), xml, "EN 16931"))


def _page(invoice: Invoice) -> bytes:
    try:
        from reportlab.lib.pagesizes import A4
        from reportlab.lib.styles import getSampleStyleSheet
        from reportlab.lib.units import mm
        from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer
    except ImportError:
        raise ExtraMissing("a PDF", "invoices") from None
    styles = getSampleStyleSheet()
    title = f"{TITLES[invoice.type_code]} {invoice.number}"
    out = io.BytesIO()
    page = SimpleDocTemplate(
        out,
        pagesize=A4,
        title=title,
        author=invoice.seller.name,
        invariant=True,
        leftMargin=18 * mm,
        rightMargin=18 * mm,
    )
    said = [f"Issued {invoice.issued}, due {invoice.due}. Period {invoice.month} (UTC). EUR."]
    if invoice.treatment.reason:
        said.append(f"{invoice.treatment.reason}.")
    if invoice.prepaid:
        said.append("The net amount was taken from the prepaid balance; the VAT is left to pay.")
    page.build(
        [
            Paragraph(_safe(title), styles["Title"]),
            _parties(invoice, styles["BodyText"]),
            Spacer(1, 6 * mm),
            *(Paragraph(_safe(text), styles["BodyText"]) for text in said),
            Spacer(1, 4 * mm),
            _lines(invoice, styles["BodyText"]),
            Spacer(1, 4 * mm),
            _sums(invoice),
            Spacer(1, 6 * mm),
            Paragraph(_safe(invoice.rounding_note()), styles["BodyText"]),
        ]
    )
    return out.getvalue()


def _parties(invoice: Invoice, style: Any) -> Any:
    from reportlab.platypus import Paragraph, Table, TableStyle

    cells = [
        Paragraph(f"<b>{role}</b><br/>" + "<br/>".join(_safe(t) for t in _address(who)), style)
        for role, who in (("Seller", invoice.seller), ("Buyer", invoice.buyer))
    ]
    return Table(
        [cells], colWidths=["50%", "50%"], style=TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP")])
    )


def _address(who: Party) -> list[str]:
    city = " ".join(part for part in (who.postcode, who.city) if part)
    vat = f"VAT {who.vat_id}" if who.vat_id else ""
    told = (who.name, who.street, city, who.country, who.registration, vat, who.email)
    return [part for part in told if part]


def _lines(invoice: Invoice, style: Any) -> Any:
    from reportlab.lib import colors
    from reportlab.platypus import Paragraph, Table, TableStyle

    rows: list[list[Any]] = [["", "exact EUR", "EUR"]]
    for line in invoice.lines:
        text = Paragraph(f"{_safe(line.text)}<br/><font size=8>{_safe(line.detail)}</font>", style)
        rows.append([text, format_euro(line.nano), euros(line.cents)])
    rule = ("LINEBELOW", (0, 0), (-1, 0), 0.5, colors.black)
    right = ("ALIGN", (1, 0), (-1, -1), "RIGHT")
    return Table(
        rows, colWidths=["60%", "24%", "16%"], repeatRows=1, style=TableStyle([rule, right])
    )


def _sums(invoice: Invoice) -> Any:
    from reportlab.platypus import Table, TableStyle

    rate = f"{invoice.treatment.rate // 100}.{invoice.treatment.rate % 100:02d} %"
    rows = [
        ["Net", euros(invoice.net)],
        [f"VAT {rate}", euros(invoice.vat)],
        ["Total", euros(invoice.total)],
        ["Prepaid", euros(invoice.prepaid)],
        ["To pay", euros(invoice.payable)],
    ]
    style = TableStyle(
        [("ALIGN", (1, 0), (1, -1), "RIGHT"), ("FONT", (0, -1), (-1, -1), "Helvetica-Bold")]
    )
    return Table(rows, colWidths=["84%", "16%"], style=style)


def _safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
