"""Instants, durations and slots."""

from __future__ import annotations

import pytest

from busbar.model.errors import InvalidField
from busbar.model.time import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Slot,
    format_duration,
    format_instant,
    format_micro_time,
    parse_duration,
    parse_instant,
    slot_of,
    to_datetime,
)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.001Z", 1),
        ("1970-01-01T00:00:00.0019Z", 1),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T19:00:00-05:00", 0),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2025-03-25T08:25:58Z", 1_742_891_158_000),
        ("2025-03-25t08:25:58z", 1_742_891_158_000),
        ("2025-03-25 08:25:58Z", 1_742_891_158_000),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000),
    ],
)
def test_an_rfc_3339_time_is_read(text, at):
    assert parse_instant(text, "spec.notAfter") == at


@pytest.mark.parametrize(
    "value",
    [
        "",
        "tomorrow",
        "2025-03-25",
        "2025-03-25T08:25:58",
        "2025-03-25T08:25Z",
        "2025-02-29T00:00:00Z",
        "2025-13-01T00:00:00Z",
        "2025-00-01T00:00:00Z",
        "2025-03-25T24:00:00Z",
        "2025-03-25T08:60:00Z",
        "2025-03-25T08:25:60Z",
        "2025-03-25T08:25:58+24:00",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "99999-01-01T00:00:00Z",
        "٢٠٢٥-03-25T08:25:58Z",
        "2025-03-25T08:25:58Z\n",
        "2025-03-25T08:25:58." + "1" * 1000 + "Z",
        20250325,
        1742891158.0,
        None,
        True,
        [],
    ],
)
def test_anything_else_is_refused_with_the_path(value):
    with pytest.raises(InvalidField) as refused:
        parse_instant(value, "spec.notAfter")
    assert refused.value.path == "spec.notAfter"


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("0s", 0),
        ("90s", 90 * SECOND),
        ("30m", 30 * MINUTE),
        ("1h30m", 90 * MINUTE),
        ("2d", 2 * DAY),
        ("1d1h1m1s", DAY + HOUR + MINUTE + SECOND),
        ("999999d", 999_999 * DAY),
    ],
)
def test_a_duration_is_read(text, ms):
    assert parse_duration(text, "p") == ms


@pytest.mark.parametrize(
    "value",
    [
        "",
        "5",
        "-5m",
        "1.5h",
        "5 m",
        "m5",
        "1m1h",
        "1h1h",
        "5M",
        "٥m",
        "9999999d",
        5,
        None,
        True,
        [],
    ],
)
def test_any_other_duration_is_refused(value):
    with pytest.raises(InvalidField, match=r"spec\.expectedDuration"):
        parse_duration(value, "spec.expectedDuration")


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0s"), (-5, "0s"), (999, "0s"), (90 * SECOND, "1m30s"), (DAY + HOUR, "1d1h")],
)
def test_a_duration_is_written(ms, text):
    assert format_duration(ms) == text


@pytest.mark.parametrize("at", [0, 1, HOUR - 1, HOUR, HOUR + 1, -1, -HOUR])
def test_a_slot_is_the_utc_hour_that_holds_the_instant(at):
    slot = slot_of(at)
    assert slot.start <= at < slot.end
    assert (slot.start % HOUR, slot.end - slot.start) == (0, HOUR)


def test_a_slot_belongs_to_its_start_and_not_to_its_end():
    assert slot_of(HOUR) == Slot(HOUR, 2 * HOUR)


def test_times_are_written_as_kubernetes_writes_them():
    assert format_instant(1_742_891_158_999) == "2025-03-25T08:25:58Z"
    assert format_micro_time(1_742_891_158_999) == "2025-03-25T08:25:58.999000Z"
    assert to_datetime(0).utcoffset().total_seconds() == 0
