"""What an offer asks, and when: rules, exceptions, time zones, clocks put forward and back."""

from __future__ import annotations

import pytest

from busbar.market.calendar import Calendar, parse_calendar
from busbar.model.errors import InvalidField
from busbar.model.time import DAY, HOUR, MINUTE, format_instant, parse_instant

CENT = 10_000_000


def calendar(zone="Europe/Stockholm", *, exceptions=(), rules=()):
    value = {"timeZone": zone, "rules": list(rules), "exceptions": list(exceptions)}
    return parse_calendar(5 * CENT, value, "spec.calendar")


def ask(found: Calendar, at: str) -> int | None:
    return found.ask_at(parse_instant(at, "at"))


def pieces(found: Calendar, start: str, end: str):
    told = found.pieces(parse_instant(start, "start"), parse_instant(end, "end"))
    return [(format_instant(p.start)[11:16], format_instant(p.end)[11:16], p.ask) for p in told]


NIGHT = {"from": "22:00", "until": "06:00", "pricePerDTU": "0.03"}


def test_without_a_calendar_the_price_always_holds():
    found = parse_calendar(5 * CENT, None, "spec.calendar")
    assert found.segments(0, 3 * HOUR) is not None
    assert {piece.ask for piece in found.pieces(0, 50 * HOUR)} == {5 * CENT}


@pytest.mark.parametrize(
    ("at", "price"),
    [
        ("2027-03-10T20:59:59Z", 5),
        ("2027-03-10T21:00:00Z", 3),
        ("2027-03-11T04:59:59Z", 3),
        ("2027-03-11T05:00:00Z", 5),
        ("2027-07-10T19:59:59Z", 5),
        ("2027-07-10T20:00:00Z", 3),
    ],
)
def test_hours_are_meant_in_the_time_zone_and_run_over_midnight(at, price):
    assert ask(calendar(rules=[NIGHT]), at) == price * CENT


def test_a_rule_over_midnight_belongs_to_the_day_on_which_it_begins():
    friday = calendar("UTC", rules=[{**NIGHT, "weekdays": ["Fri"]}])
    assert ask(friday, "2027-03-12T23:00:00Z") == 3 * CENT
    assert ask(friday, "2027-03-13T05:59:00Z") == 3 * CENT
    assert ask(friday, "2027-03-12T05:59:00Z") == 5 * CENT
    assert ask(friday, "2027-03-13T23:00:00Z") == 5 * CENT


def test_sunday_night_reaches_into_monday():
    sunday = calendar("UTC", rules=[{**NIGHT, "weekdays": ["Sun"]}])
    assert ask(sunday, "2027-03-15T01:00:00Z") == 3 * CENT


def test_the_first_rule_that_holds_wins():
    found = calendar("UTC", rules=[{"until": "12:00", "pricePerDTU": "0.01"}, NIGHT])
    assert ask(found, "2027-03-10T03:00:00Z") == CENT
    assert ask(found, "2027-03-10T23:00:00Z") == 3 * CENT


def test_an_exception_wins_over_every_rule_on_its_date_in_the_time_zone():
    closed = {"date": "2027-12-24", "available": False}
    found = calendar(rules=[NIGHT], exceptions=[closed])
    assert ask(found, "2027-12-23T22:59:59Z") == 3 * CENT
    assert ask(found, "2027-12-23T23:00:00Z") is None
    assert ask(found, "2027-12-24T22:59:59Z") is None
    assert ask(found, "2027-12-24T23:00:00Z") == 3 * CENT


def test_a_rule_without_a_price_keeps_the_offers_price():
    found = calendar("UTC", rules=[{"until": "12:00"}, {"pricePerDTU": "9"}])
    assert ask(found, "2027-03-10T11:59:59Z") == 5 * CENT


def test_where_the_clock_is_put_forward_the_skipped_hour_is_not_missed():
    """Stockholm, 28 March 2027: 01:59:59 is followed by 03:00:00 (01:00 UTC)."""
    gap = calendar(rules=[{"from": "02:15", "until": "02:45", "available": False}])
    assert pieces(gap, "2027-03-28T00:00:00Z", "2027-03-28T03:00:00Z") == [
        ("00:00", "01:00", 5 * CENT),
        ("01:00", "02:00", 5 * CENT),
        ("02:00", "03:00", 5 * CENT),
    ]
    half = calendar(rules=[{"from": "02:30", "until": "03:30", "available": False}])
    assert pieces(half, "2027-03-28T00:00:00Z", "2027-03-28T02:00:00Z") == [
        ("00:00", "01:00", 5 * CENT),
        ("01:00", "01:30", None),
        ("01:30", "02:00", 5 * CENT),
    ]


def test_where_the_clock_is_put_back_the_repeated_hour_has_its_rule_twice():
    """Stockholm, 31 October 2027: 02:00 to 03:00 happens twice (00:00 to 02:00 UTC)."""
    found = calendar(rules=[{"from": "02:30", "until": "03:00", "pricePerDTU": "0.01"}])
    assert pieces(found, "2027-10-31T00:00:00Z", "2027-10-31T02:00:00Z") == [
        ("00:00", "00:30", 5 * CENT),
        ("00:30", "01:00", CENT),
        ("01:00", "01:30", 5 * CENT),
        ("01:30", "02:00", CENT),
    ]


def test_a_shift_of_half_an_hour_is_found_to_the_minute():
    """Lord Howe Island, 4 April 2027: 02:00 becomes 01:30 (15:00 UTC the day before)."""
    found = calendar("Australia/Lord_Howe", rules=[{"from": "01:30", "until": "02:00", **CHEAP}])
    assert pieces(found, "2027-04-03T14:00:00Z", "2027-04-03T16:00:00Z") == [
        ("14:00", "14:30", 5 * CENT),
        ("14:30", "15:00", CENT),
        ("15:00", "15:30", CENT),
        ("15:30", "16:00", 5 * CENT),
    ]


CHEAP = {"pricePerDTU": "0.01"}


def test_local_hours_that_start_at_half_past_split_the_utc_slot():
    found = calendar("Asia/Kolkata", rules=[{"from": "09:00", "until": "10:00", **CHEAP}])
    assert pieces(found, "2027-03-10T03:00:00Z", "2027-03-10T05:00:00Z") == [
        ("03:00", "03:30", 5 * CENT),
        ("03:30", "04:00", CENT),
        ("04:00", "04:30", CENT),
        ("04:30", "05:00", 5 * CENT),
    ]


def test_segments_are_cut_at_the_window_and_at_hours():
    found = Calendar(7).segments(30 * MINUTE, 2 * HOUR + 1)
    assert [(s.start, s.end) for s in found or ()] == [
        (30 * MINUTE, HOUR),
        (HOUR, 2 * HOUR),
        (2 * HOUR, 2 * HOUR + 1),
    ]


def test_a_window_with_a_closed_part_has_no_segments():
    found = calendar("UTC", rules=[{"from": "12:00", "until": "12:01", "available": False}])
    noon = 20_000 * DAY + 12 * HOUR
    assert found.segments(noon - HOUR, noon) is not None
    assert found.segments(noon - HOUR, noon + 1) is None


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"timeZone": "Europe/Atlantis"}, "timeZone"),
        ({"timeZone": "../../etc/passwd"}, "timeZone"),
        ({"timeZone": "Europe"}, "timeZone"),
        ({"timeZone": ""}, "timeZone"),
        ({"timeZone": 7}, "timeZone"),
        ({"timeZone": "a" * 10_000}, "timeZone"),
        ({"rules": {}}, ""),
        ({"rules": "x"}, "rules"),
        ({"rules": [7]}, "rules[0]"),
        ({"rules": [{}] * 1001}, "rules"),
        ({"rules": [{"from": "24:00"}]}, "rules[0].from"),
        ({"rules": [{"from": "7:00"}]}, "rules[0].from"),
        ({"rules": [{"until": "25:00"}]}, "rules[0].until"),
        ({"rules": [{"until": "08:60"}]}, "rules[0].until"),
        ({"rules": [{"from": "٠٨:٠٠"}]}, "rules[0].from"),
        ({"rules": [{"from": "08:00", "until": "08:00"}]}, "rules[0].until"),
        ({"rules": [{"weekdays": ["mon"]}]}, "rules[0].weekdays"),
        ({"rules": [{"weekdays": [["Mon"]]}]}, "rules[0].weekdays"),
        ({"rules": [{"weekdays": "Mon"}]}, "rules[0].weekdays"),
        ({"rules": [{"available": "no"}]}, "rules[0].available"),
        ({"rules": [{"pricePerDTU": "NaN"}]}, "rules[0].pricePerDTU"),
        ({"rules": [{"pricePerDTU": -1}]}, "rules[0].pricePerDTU"),
        ({"exceptions": [{}]}, "exceptions[0].date"),
        ({"exceptions": [{"date": "2027-02-29"}]}, "exceptions[0].date"),
        ({"exceptions": [{"date": "2027-1-1"}]}, "exceptions[0].date"),
        ({"exceptions": [{"date": 20270101}]}, "exceptions[0].date"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_path(value, path):
    if not path:
        assert parse_calendar(1, value, "spec.calendar") == Calendar(1)
        return
    with pytest.raises(InvalidField) as refused:
        parse_calendar(1, value, "spec.calendar")
    assert refused.value.path == f"spec.calendar.{path}"
    assert refused.value.message


@pytest.mark.parametrize("value", [7, "daily", [], True])
def test_a_calendar_that_is_no_object_is_refused(value):
    with pytest.raises(InvalidField, match=r"spec\.calendar"):
        parse_calendar(1, value, "spec.calendar")


def test_equal_calendars_are_one_key():
    assert hash(calendar(rules=[NIGHT])) == hash(calendar(rules=[NIGHT]))
    assert calendar(rules=[NIGHT]) == calendar(rules=[NIGHT])
    assert calendar(rules=[NIGHT]) != calendar("UTC", rules=[NIGHT])
