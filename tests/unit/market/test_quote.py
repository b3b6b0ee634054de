"""A quote is what the clearing would do, hour by hour; the book is left as it was."""

from __future__ import annotations

from itertools import islice

from tests.unit.market.world import NOON, first_book, order

from busbar.market.clearing import clear
from busbar.market.quote import quote, starts
from busbar.market.reasons import Reason
from busbar.model.time import HOUR, parse_instant, slot_of


def quoted(*orders, hours=49):
    return [quote(first_book(), orders, NOON, start) for start in islice(starts(NOON), hours)]


def test_it_covers_now_and_each_of_the_next_48_hours():
    found = quoted(order("job"))
    starts = [quote.start for quote in found]
    assert starts[0] == NOON
    assert starts[1:] == [slot_of(NOON).end + k * HOUR for k in range(48)]


def test_now_it_is_exactly_what_the_clearing_makes():
    job = order("job", region="Sweden", vendor="elastx,safespring", max_euro_per_dtu="50")
    (match,) = clear(first_book(), [job], NOON).matches
    (first,) = quoted(job, hours=1)
    assert (first.cost_nano, first.high_nano) == (match.hold_nano, match.price_nano)
    assert first.places == (("elastx", "Sweden", "elastx"),)
    assert first.is_whole


def test_later_hours_have_their_own_prices():
    job = order("job", region="Sweden")
    by_hour = {quote.start: quote.high_nano for quote in quoted(job)}
    # 22:00 in Stockholm is 21:00 UTC: nights are cheaper at safespring.
    evening = slot_of(NOON).start + 10 * HOUR
    assert by_hour[evening - HOUR] == 50_000_000
    assert by_hour[evening] == 30_000_000


def test_above_the_cap_it_says_the_price_all_the_same():
    (first,) = quoted(order("job", region="Sweden", max_euro_per_dtu="0.01"), hours=1)
    assert (first.above_cap, first.is_whole) == (True, False)
    assert first.high_nano == 50_000_000


def test_where_nothing_fits_it_says_why():
    (first,) = quoted(order("job", cpu="64"), hours=1)
    assert (first.cost_nano, first.reason) == (None, Reason.NOT_ENOUGH_CPU)
    assert "64 requested" in first.message


def test_before_it_may_start_there_is_no_price():
    found = quoted(order("job", not_before="2027-03-10T14:30:00Z"))
    begins = next(quote.start for quote in found if quote.is_whole)
    assert begins == parse_instant("2027-03-10T15:00:00Z", "x")
    early = [quote for quote in found if quote.start < begins]
    assert {quote.message for quote in early} == {"notBefore is 2027-03-10T14:30:00Z"}
    assert not any(quote.placed for quote in early)


def test_after_the_deadline_there_is_no_price():
    found = quoted(order("job", not_after="2027-03-10T14:00:00Z"))
    assert found[0].is_whole
    assert found[-1].reason is Reason.DEADLINE_TOO_CLOSE


def test_copies_are_placed_together_and_counted():
    copies = [order(f"copy-{n}", "4") for n in range(4)]
    (first,) = quoted(*copies, hours=1)
    assert (first.placed, first.asked, first.is_whole) == (3, 4, False)
    assert (first.low_nano, first.high_nano) == (
        60_000_000,
        60_000_000,
    ) or first.low_nano < 60_000_000
    assert first.reason is Reason.NO_FREE_CAPACITY
