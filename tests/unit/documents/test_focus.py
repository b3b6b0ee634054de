"""Usage in FOCUS 1.2: every column as the specification wants it, sums as in the ledger."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal

import pyarrow
from pyarrow import parquet
from tests.unit.documents.journals import EURO, everything

from busbar.documents import focus, tables
from busbar.documents.focus import COLUMNS, Type
from busbar.ledger.chain import seal
from busbar.ledger.entries import Entry
from busbar.ledger.fold import fold
from busbar.ledger.periods import parse_month
from busbar.ledger.settlement import Sold
from busbar.ledger.transfers import GIB, Part, Way, transfer
from busbar.ledger.usage import usage
from busbar.ledger.withdrawals import Withdrawn, withdrawal

MANDATORY = {
    *("BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency"),
    *("BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeClass"),
    *("ChargeDescription", "ChargePeriodEnd", "ChargePeriodStart", "ContractedCost"),
    *("EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity", "PricingUnit"),
    *("ProviderName", "PublisherName", "ServiceCategory", "ServiceName"),
}
"""The specification's list, version 1.2."""


def rows() -> list[focus.Row]:
    return list(focus.rows(usage(everything())))


def table() -> list[dict[str, str]]:
    out = io.BytesIO()
    assert tables.write_csv(rows(), out) == 6
    return list(csv.DictReader(io.StringIO(out.getvalue().decode(), newline="")))


def test_every_mandatory_column_is_there_once_and_own_ones_say_so() -> None:
    names = [column.name for column in COLUMNS]
    assert len(set(names)) == len(names)
    assert {c.name for c in COLUMNS if c.level == "Mandatory"} == MANDATORY
    assert all(c.name.startswith("x_") == (c.level == "Own") for c in COLUMNS)


def test_a_row_is_a_settled_interval_a_credit_or_a_correction() -> None:
    told = [(r["ChargeCategory"], r["ChargeClass"], r["BilledCost"]) for r in rows()]
    assert told == [
        ("Usage", None, Decimal("0.499999999")),
        ("Usage", None, Decimal("0.004000694")),
        ("Credit", None, Decimal("-3.000000000")),
        ("Credit", None, Decimal("-0.000100000")),
        ("Adjustment", None, Decimal("-0.000001000")),
        ("Adjustment", "Correction", Decimal("-0.499998999")),
    ]


def test_costs_sum_to_what_left_the_accounts() -> None:
    journal = everything()
    balances = fold(sealed.entry for sealed in journal)
    paid_in = -balances["external/topup"]
    slashed = 10**5
    left = sum(amount for account, amount in balances.items() if account.startswith("ns/"))
    billed = sum(row["BilledCost"] for row in rows())  # type: ignore[misc]
    assert billed * EURO == paid_in - left
    parts = [sum(int(row[c] * EURO) for row in rows()) for c in _PARTS]  # type: ignore[operator]
    assert parts == [
        balances["vendor/elastx"] + balances["bond/elastx"] + balances["external/payout"] + slashed,
        balances["exchange/fee"],
        balances["exchange/rounding"],
    ]


_PARTS = ("x_VendorCredit", "x_ExchangeFee", "x_ExchangeRounding")


def test_price_times_quantity_is_the_cost_before_its_rounding() -> None:
    for row in rows():
        if row["ContractedUnitPrice"] is not None:
            assert isinstance(row["ContractedUnitPrice"], Decimal)
            assert isinstance(row["PricingQuantity"], Decimal)
            product = row["ContractedUnitPrice"] * row["PricingQuantity"]
            assert isinstance(row["BilledCost"], Decimal)
            # The quantity is cut at 18 decimals, so the product may lie a hair below.
            assert abs(product - row["BilledCost"]) < Decimal("1e-9")


def test_nothing_is_empty_that_must_not_be() -> None:
    for row in table():
        assert [c.name for c in COLUMNS if c.required and not row[c.name]] == []
        if row["ChargeCategory"] == "Usage":
            wanted = ("PricingQuantity", "PricingUnit", "ConsumedQuantity", "ListUnitPrice")
            wanted += ("ContractedUnitPrice", "PricingCategory", "SkuId", "SkuPriceId")
            assert all(row[name] for name in wanted)


def test_numbers_and_times_are_written_as_the_specification_wants() -> None:
    numbers = (Type.EURO, Type.QUANTITY, Type.INTEGER)
    for row in table():
        for column in COLUMNS:
            value = row[column.name]
            if value and column.type in numbers:
                assert re.fullmatch(r"-?\d+(\.\d+)?", value), column.name
            if value and column.type is Type.TIME:
                assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value), column.name


def test_a_row_says_all_that_the_contract_did() -> None:
    first = table()[0]
    told = {name: first[name] for name in ("RegionId", "PublisherName", "ResourceName", "x_Node")}
    assert told == {
        "RegionId": "Sweden",
        "PublisherName": "elastx",
        "ResourceName": "team-a/pi",
        "x_Node": "n1",
    }
    assert (first["x_OfferVersion"], first["x_Owner"], first["ResourceId"]) == ("3", "Job/pi", "u1")
    assert first["BillingPeriodStart"] == "2026-11-01T00:00:00Z"
    assert first["BillingPeriodEnd"] == "2026-12-01T00:00:00Z"


def test_a_correction_says_why_and_of_what_and_where() -> None:
    last = table()[-1]
    assert (last["x_Reason"], last["x_CorrectsId"]) == (
        "measured wrongly",
        rows()[0]["x_JournalId"],
    )
    assert (last["RegionId"], last["BillingPeriodStart"]) == ("Sweden", "2026-12-01T00:00:00Z")


def test_a_period_and_a_namespace_choose_rows() -> None:
    november = parse_month("2026-11", "")
    assert len(list(usage(everything(), "team-a", november))) == 5
    assert list(usage(everything(), "x")) == []


def test_parquet_holds_the_same_exactly() -> None:
    out = io.BytesIO()
    assert tables.write_parquet(rows(), out) == 6
    read = parquet.read_table(io.BytesIO(out.getvalue()))
    assert read.schema.metadata[b"FOCUS"] == b"1.2"
    assert read.schema.field("BilledCost").type == pyarrow.decimal128(28, 9)
    assert not read.schema.field("BilledCost").nullable
    assert read.column("BilledCost").to_pylist() == [row["BilledCost"] for row in rows()]
    assert read.column("PricingQuantity").to_pylist() == [row["PricingQuantity"] for row in rows()]
    starts = read.column("ChargePeriodStart").to_pylist()
    assert [int(s.timestamp() * 1000) for s in starts] == [r["ChargePeriodStart"] for r in rows()]


def test_entries_from_before_terms_were_written_are_exported_too() -> None:
    from busbar.ledger import settlement
    from busbar.ledger.chain import seal
    from busbar.model.time import HOUR

    old = settlement.settle("u", "a", "v", 0, HOUR, EURO, 10**6, 0, HOUR).entry
    assert old is not None
    assert "sold" not in old.memo
    (row,) = focus.rows(usage(seal([old])))
    assert (row["PublisherName"], row["ResourceId"], row["RegionId"]) == ("v", "u", None)
    assert (row["BilledCost"], row["SkuPriceId"]) == (Decimal(1), "compute-dtu")


def test_a_charge_of_a_closed_month_names_its_invoice_but_damages_are_on_none() -> None:
    told = focus.rows(usage(everything()), closed={"2026-11"})
    assert [row["InvoiceId"] for row in told] == [
        *["team-a-2026-11"] * 3,
        None,
        "team-a-2026-11",
        None,
    ]


def test_data_moved_is_a_charge_of_another_service_in_gib() -> None:
    part = Part(Way.READ, GIB, 3 * GIB + GIB // 2, 4_000_000)
    done = transfer("u1", "team-a", "elastx", part, (0, 3_600_000), 3_600_000, region="Germany")
    assert done.entry is not None
    (row,) = focus.rows(usage(seal([done.entry])))
    assert (row["ChargeCategory"], row["ChargeFrequency"]) == ("Usage", "Usage-Based")
    assert (row["ServiceCategory"], row["ServiceName"]) == ("Networking", "Busbar Data Transfer")
    assert (row["ConsumedQuantity"], row["ConsumedUnit"]) == (Decimal("2.5"), "GiB")
    assert (row["ContractedUnitPrice"], row["BilledCost"]) == (Decimal("0.004"), Decimal("0.01"))
    assert (row["SkuId"], row["SkuMeter"]) == ("transfer-in", "Data transfer in")
    assert row["ChargeDescription"] == (
        "contract u1 by elastx, data read from Germany, 0.004 €/GiB"
    )


def late() -> Entry:
    memo = Withdrawn(7_200_000, 10_800_000, 0, 3_600_000, 20_000, sold=Sold(order="p", offer="o"))
    done = withdrawal("u1", "team-a", "elastx", 10_000_000, memo, 3_600_000, 20_000)
    assert done.entry is not None
    return done.entry


def test_a_late_withdrawal_is_a_purchase_of_one() -> None:
    (row,) = focus.rows(usage(seal([late()])))
    assert (row["ChargeCategory"], row["ChargeFrequency"]) == ("Purchase", "One-Time")
    assert (row["PricingQuantity"], row["PricingUnit"]) == (Decimal(1), "Withdrawals")
    assert row["ConsumedQuantity"] is None
    assert row["BilledCost"] == row["ContractedUnitPrice"] == Decimal("0.01")
    assert (row["SkuId"], row["SkuPriceId"]) == ("late-withdrawal", "o")
    assert row["ChargeDescription"] == (
        "Pod p by elastx, reserved from 1970-01-01T02:00:00Z, withdrawn late"
    )
    assert (row["ChargePeriodStart"], row["ChargePeriodEnd"]) == (3_600_000, 7_200_000)
