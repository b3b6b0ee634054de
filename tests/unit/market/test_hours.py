"""Given hours: when a service is wanted, and when that changes; clocks are put forward and back."""

from __future__ import annotations

import json

import pytest

from busbar.market.hours import is_wanted, next_change, parse_hours
from busbar.model.errors import InvalidField
from busbar.model.time import DAY, MINUTE, format_instant, parse_instant

WEEK = ["Mon", "Tue", "Wed", "Thu", "Fri"]
AHEAD = 10 * MINUTE


def hours(*rules, zone="Europe/Stockholm", **more):
    return parse_hours(json.dumps({"timeZone": zone, "rules": list(rules), **more}), "hours")


OFFICE = {"weekdays": WEEK, "from": "08:00", "until": "18:00"}


def at(text: str) -> int:
    return parse_instant(text, "")


def changes(calendar, start: str, days: int, ahead: int = AHEAD) -> list[str]:
    now, end, found = at(start), at(start) + days * DAY, []
    while (now := next_change(calendar, now, ahead)) < end:
        found.append(format_instant(now))
    return found


def test_pods_are_wanted_ten_minutes_before_the_hours_and_not_after_them():
    # Stockholm is an hour ahead of UTC in November; the 23rd is a Monday.
    for text, wanted in (
        ("2026-11-23T06:49:59Z", False),
        ("2026-11-23T06:50:00Z", True),
        ("2026-11-23T16:59:59Z", True),
        ("2026-11-23T17:00:00Z", False),
        ("2026-11-22T12:00:00Z", False),
    ):
        assert is_wanted(hours(OFFICE), at(text), AHEAD) is wanted, text


def test_each_change_is_found_and_nothing_between_two():
    found = changes(hours(OFFICE), "2026-11-27T12:00:00Z", 4)
    assert found == [
        "2026-11-27T17:00:00Z",
        "2026-11-30T06:50:00Z",
        "2026-11-30T17:00:00Z",
        "2026-12-01T06:50:00Z",
    ]


def test_opening_stays_at_eight_where_clocks_are_put_forward_and_back():
    daily = hours({"from": "08:00", "until": "18:00"})
    spring = changes(daily, "2027-03-27T12:00:00Z", 2)
    assert spring == [
        "2027-03-27T17:00:00Z",
        "2027-03-28T05:50:00Z",
        "2027-03-28T16:00:00Z",
        "2027-03-29T05:50:00Z",
    ]
    autumn = changes(daily, "2026-10-24T12:00:00Z", 2)
    assert autumn == [
        "2026-10-24T16:00:00Z",
        "2026-10-25T06:50:00Z",
        "2026-10-25T17:00:00Z",
        "2026-10-26T06:50:00Z",
    ]


def test_an_hour_that_is_there_twice_is_run_twice_and_one_that_is_not_there_never():
    night = hours({"from": "02:00", "until": "03:00"})
    assert changes(night, "2026-10-24T22:00:00Z", 1) == [
        "2026-10-24T23:50:00Z",
        "2026-10-25T02:00:00Z",
    ]
    assert changes(night, "2027-03-27T22:00:00Z", 1) == []


def test_hours_over_midnight_belong_to_the_day_on_which_they_begin():
    late = hours({"weekdays": ["Fri"], "from": "22:00", "until": "02:00"})
    assert changes(late, "2026-11-27T12:00:00Z", 2) == [
        "2026-11-27T20:50:00Z",
        "2026-11-28T01:00:00Z",
    ]


def test_exceptions_come_before_rules():
    closed = {"date": "2026-11-30", "available": False}
    extra = {"date": "2026-11-28", "from": "10:00", "until": "12:00"}
    calendar = hours(OFFICE, exceptions=[closed, extra])
    assert changes(calendar, "2026-11-27T18:00:00Z", 4) == [
        "2026-11-28T08:50:00Z",
        "2026-11-28T11:00:00Z",
        "2026-12-01T06:50:00Z",
        "2026-12-01T17:00:00Z",
    ]


def test_a_gap_shorter_than_the_time_ahead_is_none():
    lunch = hours(
        {"from": "08:00", "until": "12:00"}, {"from": "12:10", "until": "18:00"}, zone="UTC"
    )
    assert changes(lunch, "2026-11-23T09:00:00Z", 1)[:1] == ["2026-11-23T18:00:00Z"]
    assert changes(lunch, "2026-11-23T09:00:00Z", 1, 5 * MINUTE)[:2] == [
        "2026-11-23T12:00:00Z",
        "2026-11-23T12:05:00Z",
    ]


def test_wanted_and_its_changes_agree_minute_by_minute():
    calendar = hours(OFFICE, {"weekdays": ["Sat"], "from": "23:30", "until": "00:15"})
    now = at("2027-03-26T00:07:00Z")
    change, wanted = next_change(calendar, now, AHEAD), is_wanted(calendar, now, AHEAD)
    for minute in range(7 * 24 * 60):
        here = now + minute * MINUTE
        if here >= change:
            wanted = not wanted
            change = next_change(calendar, here, AHEAD)
        assert is_wanted(calendar, here, AHEAD) is wanted, format_instant(here)


def test_without_a_change_it_is_looked_for_again_in_a_week():
    always = hours({"from": "00:00", "until": "24:00"})
    now = at("2026-11-23T09:00:00Z")
    assert is_wanted(always, now, AHEAD)
    assert 7 * DAY < next_change(always, now, AHEAD) - now <= 8 * DAY


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("eight to six", "hours"),
        ("[]", "hours"),
        ("{}", "hours"),
        ('{"rules": 5}', "hours.rules"),
        ('{"rules": [5]}', "hours.rules[0]"),
        ('{"rules": [{"from": "8"}]}', "hours.rules[0].from"),
        ('{"rules": [{"from": "08:00", "until": "08:00"}]}', "hours.rules[0].until"),
        ('{"rules": [{"weekdays": ["Day"]}]}', "hours.rules[0].weekdays[0]"),
        ('{"rules": [{"pricePerDTU": "1"}]}', "hours.rules[0].pricePerDTU"),
        ('{"rules": [{}], "zone": "UTC"}', "hours"),
        ('{"rules": [{}], "timeZone": "Nowhere/Town"}', "hours.timeZone"),
        ('{"exceptions": [{"date": "2026-02-30"}]}', "hours.exceptions[0].date"),
        ("[" * 5000, "hours"),
        ("1" * 20_000, "hours"),
        (None, "hours"),
    ],
)
def test_what_is_wrong_is_named(text, path):
    with pytest.raises(InvalidField) as wrong:
        parse_hours(text, "hours")
    assert wrong.value.path == path
