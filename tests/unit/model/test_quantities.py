"""Kubernetes quantities as integers."""

from __future__ import annotations

import pytest

from busbar.model.errors import InvalidField
from busbar.model.quantities import format_bytes, format_milli, milli, parse_quantity, whole


@pytest.mark.parametrize(
    ("text", "thousandths"),
    [
        ("1", 1000),
        (1, 1000),
        (0.5, 500),
        ("0.5", 500),
        (".5", 500),
        ("5.", 5000),
        ("500m", 500),
        ("1u", 1),
        ("1n", 1),
        ("0", 0),
        ("-0", 0),
        ("+2", 2000),
        ("1e3", 1_000_000),
        ("1E3", 1_000_000),
        ("1e-3", 1),
        ("2k", 2_000_000),
        ("0.0005", 1),
    ],
)
def test_cpu_is_thousandths_rounded_up(text, thousandths):
    assert milli(text, "p") == thousandths


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("4Gi", 4 * 1024**3),
        ("4G", 4 * 10**9),
        ("1.5Gi", 1536 * 1024**2),
        ("128Mi", 128 * 1024**2),
        ("1Ki", 1024),
        ("1E", 10**18),
        ("7Ei", 7 * 1024**6),
        ("100m", 1),
        ("0", 0),
        (4096, 4096),
    ],
)
def test_memory_is_bytes_rounded_up(text, count):
    assert whole(text, "p") == count


@pytest.mark.parametrize(
    "value",
    [
        "",
        " 1",
        "1 ",
        "-1",
        "-1m",
        "--1",
        "NaN",
        "inf",
        float("nan"),
        float("inf"),
        "1e99",
        "1e400",
        1e300,
        "9" * 19 + "Ei",
        "8Ei",
        2**63,
        2**64,
        "1KI",
        "1mi",
        "1gb",
        "1.1.1",
        ".",
        "0x10",
        "1_000",
        "٤Gi",
        "9" * 10_000,
        10**5000,
        "1" * 19 + "." + "1" * 18 + "Gi",
        None,
        True,
        False,
        [],
        {},
        b"1",
    ],
    ids=lambda value: f"{type(value).__name__}",
)
def test_anything_else_is_refused_with_the_path(value):
    with pytest.raises(InvalidField) as refused:
        parse_quantity(value, "spec.resources.memory")
    assert refused.value.path == "spec.resources.memory"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (1, "1"), (1024, "1Ki"), (1536, "1536"), (4 * 1024**3, "4Gi"), (2**60, "1Ei")],
)
def test_bytes_are_written_with_the_largest_suffix_that_is_exact(count, text):
    assert format_bytes(count) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0"), (500, "500m"), (2000, "2"), (2500, "2500m")])
def test_cpus_are_written(count, text):
    assert format_milli(count) == text
