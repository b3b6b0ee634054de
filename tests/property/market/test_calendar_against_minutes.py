"""A calendar's pieces are what looking at every minute finds, also where clocks change."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from busbar.market.calendar import Calendar, Rule
from busbar.model.time import HOUR, MINUTE, parse_instant
from busbar.replay.calendars import ask_at

CHANGES = [
    ("Europe/Stockholm", "2027-03-28T00:00:00Z"),
    ("Europe/Stockholm", "2027-10-31T00:00:00Z"),
    ("America/New_York", "2027-03-14T06:00:00Z"),
    ("America/New_York", "2027-11-07T05:00:00Z"),
    ("Australia/Lord_Howe", "2027-04-03T14:00:00Z"),
    ("Asia/Kolkata", "2027-06-01T17:00:00Z"),
    ("Asia/Kathmandu", "2027-06-01T17:00:00Z"),
    ("Pacific/Apia", "2011-12-30T08:00:00Z"),
    ("UTC", "2027-12-31T22:00:00Z"),
]
minutes = st.integers(0, 1439)
prices = st.sampled_from([None, 1, 2, 3])


@st.composite
def rules(draw, days):
    start, length = draw(minutes), draw(st.integers(1, 1439))
    end = start + length if start + length <= 1440 else start + length - 1440
    return Rule(draw(days), start, end, draw(prices))


weekdays = st.frozensets(st.integers(0, 6), min_size=1)


@st.composite
def cases(draw):
    zone, near = draw(st.sampled_from(CHANGES))
    at = parse_instant(near, "near")
    today = at // (24 * HOUR) + 719_163
    dates = st.frozensets(st.integers(today - 2, today + 2), min_size=1, max_size=2)
    calendar = Calendar(
        0,
        zone,
        tuple(draw(st.lists(rules(weekdays), max_size=3))),
        tuple(draw(st.lists(rules(dates), max_size=2))),
    )
    return calendar, at - at % HOUR


def as_json(calendar):
    def entries(found):
        return [
            {"days": sorted(r.days), "start": r.start, "end": r.end, "priceNano": r.price_nano}
            for r in found
        ]

    return {
        "baseNano": calendar.base_nano,
        "zone": calendar.zone,
        "rules": entries(calendar.rules),
        "exceptions": entries(calendar.exceptions),
    }


@settings(max_examples=60, deadline=None)
@given(cases())
def test_each_minute_has_the_ask_of_its_piece(case):
    calendar, start = case
    published = as_json(calendar)
    for piece in calendar.pieces(start, start + 5 * HOUR):
        for at in range(piece.start, piece.end, MINUTE):
            assert ask_at(published, at) == piece.ask


@settings(max_examples=60, deadline=None)
@given(cases(), st.integers(0, 5 * HOUR), st.integers(1, 5 * HOUR))
def test_pieces_cover_any_window_without_gap_and_never_cross_an_hour(case, offset, length):
    calendar, origin = case
    start, end = origin + offset, origin + offset + length
    pieces = calendar.pieces(start, end)
    assert [start, *(p.end for p in pieces)] == [*(p.start for p in pieces), end]
    for before, after in pairwise(pieces):
        assert before.ask != after.ask or after.start % HOUR == 0
    assert all(p.start // HOUR == (p.end - 1) // HOUR for p in pieces)
