"""Prices and amounts: what is read, what is refused, how they are written."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from busbar.model.errors import InvalidField
from busbar.model.money import MAX_NANO_EURO, format_euro, parse_euro


@pytest.mark.parametrize(
    ("value", "nano"),
    [
        ("0", 0),
        (0, 0),
        (0.0, 0),
        ("50", 50_000_000_000),
        (50, 50_000_000_000),
        (50.0, 50_000_000_000),
        ("0.035", 35_000_000),
        (0.035, 35_000_000),
        (0.1, 100_000_000),
        (1e-9, 1),
        (1e9, MAX_NANO_EURO),
        ("0.000000001", 1),
        ("1.100000000000000000000000000000", 1_100_000_000),
        (" 7 ", 7_000_000_000),
        ("7\n", 7_000_000_000),
        ("007", 7_000_000_000),
        ("1000000000", MAX_NANO_EURO),
        (10**9, MAX_NANO_EURO),
        (Decimal("0.5"), 500_000_000),
        (Decimal("1E+2"), 100_000_000_000),
    ],
)
def test_a_plain_decimal_is_read_exactly(value, nano):
    assert parse_euro(value, "spec.price") == nano


@pytest.mark.parametrize("text", ["123456789.123456789", "0.1234567890123456"])
def test_a_number_that_a_double_does_not_keep_is_refused_and_never_altered(text):
    with pytest.raises(InvalidField, match="write it as a string"):
        parse_euro(json.loads(text), "spec.pricePerDTU")


def test_the_same_digits_as_a_string_are_exact():
    assert parse_euro("123456789.123456789", "p") == 123_456_789_123_456_789


@pytest.mark.parametrize(
    "value",
    [
        "NaN",
        "nan",
        "-nan",
        "sNaN",
        "inf",
        "Infinity",
        "-Infinity",
        float("nan"),
        float("inf"),
        float("-inf"),
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        "-0",
        -0.0,
        "-0.0",
        Decimal("-0"),
        "-1",
        -1,
        -0.5,
        -(10**400),
        "1e400",
        "1e3",
        "1E-3",
        1e300,
        1e-300,
        5e-324,
        Decimal("1e400"),
        Decimal("1e-400"),
        2**63,
        2**64,
        10**9 + 1,
        10**5000,
        "1000000000.000000001",
        "9223372036854775808",
        "9" * 10_000,
        "0." + "0" * 9 + "1",
        "0." + "1" * 30,
        "0." + "0" * 31,
        "1." + "1" * 100_000,
        0.0000000001,
        "",
        " ",
        ".",
        ".5",
        "5.",
        "1,5",
        "1_000",
        "0x10",
        "1 000",
        "+1",
        "1\x00",
        "½",
        "٣",
        "１",
        "€5",
        "5 €",
        None,
        True,
        False,
        [],
        {},
        b"5",
        ["5"],
        5j,
        object(),
    ],
    ids=lambda value: f"{type(value).__name__}",
)
def test_anything_else_is_refused_with_the_path_and_what_would_be_right(value):
    with pytest.raises(InvalidField) as refused:
        parse_euro(value, "spec.maxEuroPerDTU")
    assert refused.value.path == "spec.maxEuroPerDTU"
    assert str(refused.value).startswith("spec.maxEuroPerDTU: ")
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("nano", "text"),
    [
        (0, "0"),
        (1, "0.000000001"),
        (-1, "-0.000000001"),
        (35_000_000, "0.035"),
        (50_000_000_000, "50"),
        (-1_500_000_000, "-1.5"),
        (MAX_NANO_EURO, "1000000000"),
        (10**30, "1" + "0" * 21),
    ],
)
def test_an_amount_is_written_exactly(nano, text):
    assert format_euro(nano) == text


@pytest.mark.parametrize(
    ("nano", "decimals", "text"),
    [
        (1, 2, "0.00"),
        (5_000_000, 2, "0.01"),
        (4_999_999, 2, "0.00"),
        (-5_000_000, 2, "-0.01"),
        (1_999_999_999, 0, "2"),
        (1_500_000_000, 9, "1.500000000"),
        (1_500_000_000, 12, "1.500000000"),
    ],
)
def test_an_amount_is_rounded_half_away_from_zero(nano, decimals, text):
    assert format_euro(nano, decimals=decimals) == text


def test_a_rounded_zero_has_no_sign():
    assert format_euro(-1, decimals=2) == "0.00"
