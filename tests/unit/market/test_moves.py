"""The rule of moves: saving over a day against what moving costs; never back and forth."""

from __future__ import annotations

from busbar.market.calendar import Calendar, Segment, parse_calendar
from busbar.market.moves import (
    RULE,
    START_MS,
    Move,
    Stay,
    Stays,
    Tenancy,
    Why,
    consider,
    threshold_after,
    weight_of,
)
from busbar.model.time import DAY, HOUR, MINUTE, parse_instant

NOW = parse_instant("2026-11-23T12:30:00Z", "")
CENT = 10**7


def at(price, *, paid=(), since=NOW - 2 * HOUR, moved=(), cap=10 * CENT, **more) -> Tenancy:
    calendar = None if price is None else Calendar(price)
    return Tenancy(1_000_000, cap, tuple(paid), calendar, since, tuple(moved), **more)


def test_a_service_moves_where_a_days_saving_pays_twice_for_the_move():
    found = consider(at(4 * CENT), Calendar(3 * CENT), NOW)
    assert isinstance(found, Move)
    assert found.why is Why.CHEAPER
    assert found.saving_nano == 24 * CENT
    # An hour at the price it pays, and the start at the new place, which is paid twice.
    assert found.disruption_nano == 4 * CENT + 3 * CENT * START_MS // HOUR
    assert found.threshold == 2


def test_reading_its_data_again_is_part_of_what_moving_costs():
    free = consider(at(4 * CENT), Calendar(3 * CENT), NOW)
    laden = consider(at(4 * CENT), Calendar(3 * CENT), NOW, data_nano=CENT)
    far = consider(at(4 * CENT), Calendar(3 * CENT), NOW, data_nano=10 * CENT)
    assert isinstance(free, Move)
    assert isinstance(laden, Move)
    assert laden.disruption_nano == free.disruption_nano + CENT
    assert laden.term_ms > free.term_ms
    assert isinstance(far, Stay)
    assert far.why is Stays.BELOW_THRESHOLD


def test_the_new_contract_is_made_for_as_long_as_the_move_takes_to_pay_off():
    found = consider(at(4 * CENT), Calendar(3 * CENT), NOW)
    assert isinstance(found, Move)
    wanted = found.threshold * found.disruption_nano
    assert 0 <= found.term_ms - wanted * HOUR // CENT < MINUTE
    assert found.term_ms < DAY


def test_trivial_savings_move_nobody():
    found = consider(at(400), Calendar(370), NOW)
    assert isinstance(found, Stay)
    assert found.why is Stays.BELOW_THRESHOLD
    assert found.saving_nano < found.threshold * found.disruption_nano
    assert isinstance(consider(at(100 * CENT, cap=10**12), Calendar(91 * CENT), NOW), Move)


def test_nobody_moves_to_what_costs_the_same_or_more():
    for price in (4 * CENT, 5 * CENT):
        found = consider(at(4 * CENT), Calendar(price), NOW)
        assert isinstance(found, Stay)
        assert found.why is Stays.NOT_CHEAPER


def test_nobody_moves_within_the_least_stay():
    found = consider(at(4 * CENT, since=NOW - HOUR + 1), Calendar(CENT), NOW)
    assert isinstance(found, Stay)
    assert found.why is Stays.MINIMUM_STAY


def test_each_move_of_the_last_day_doubles_the_threshold():
    assert threshold_after((), NOW) == 2
    assert threshold_after((NOW - 2 * HOUR, NOW - 3 * HOUR), NOW) == 8
    assert threshold_after((NOW - DAY,), NOW) == 2
    moved = (NOW - 2 * HOUR, NOW - 3 * HOUR)
    found = consider(at(4 * CENT, moved=moved), Calendar(3 * CENT), NOW)
    assert isinstance(found, Stay)
    assert (found.why, found.threshold) == (Stays.BELOW_THRESHOLD, 8)


def test_no_saving_whatever_is_worth_a_fifth_move_in_a_day():
    moved = tuple(NOW - hours * HOUR for hours in (2, 4, 6, 8))
    found = consider(at(4 * CENT, moved=moved), Calendar(0), NOW)
    assert isinstance(found, Stay)
    assert isinstance(consider(at(4 * CENT, moved=moved[1:]), Calendar(0), NOW), Move)


def test_slots_that_are_paid_count_as_they_are_paid():
    """Six hours at one cent are left on the contract: going away saves nothing of them."""
    paid = [Segment(NOW, NOW + 6 * HOUR, CENT)]
    found = consider(at(4 * CENT, paid=paid), Calendar(3 * CENT), NOW)
    assert isinstance(found, Stay)
    assert found.saving_nano == 18 * CENT - 12 * CENT


def test_both_calendars_are_followed_through_the_day():
    night = {"rules": [{"from": "18:00", "until": "06:00", "pricePerDTU": "0.01"}]}
    there = parse_calendar(7 * CENT, night, "")
    found = consider(at(4 * CENT), there, NOW)
    assert isinstance(found, Stay)
    cheaper = parse_calendar(3 * CENT, night, "")
    found = consider(at(4 * CENT), cheaper, NOW)
    assert isinstance(found, Move)
    assert found.saving_nano == 12 * CENT + 12 * 3 * CENT


def test_a_place_that_closes_is_compared_for_as_long_as_it_is_open():
    closing = {"rules": [{"from": "15:30", "until": "12:00", "available": False}]}
    there = parse_calendar(CENT, closing, "")
    found = consider(at(4 * CENT), there, NOW)
    assert isinstance(found, Stay)
    assert found.saving_nano == 3 * 3 * CENT
    # Another move would follow when it closes: what moving costs counts twice.
    assert found.disruption_nano == 2 * (4 * CENT + CENT * START_MS // HOUR)


def test_a_service_whose_place_ends_leaves_before_it_does_whatever_it_costs():
    paid = [Segment(NOW, NOW + 10 * MINUTE, CENT)]
    found = consider(at(None, paid=paid), Calendar(9 * CENT), NOW)
    assert isinstance(found, Move)
    assert found.why is Why.PLACE_ENDS
    assert isinstance(consider(at(None, paid=paid), Calendar(11 * CENT), NOW), Stay)
    early = [Segment(NOW, NOW + RULE.leave_ms + MINUTE, CENT)]
    assert isinstance(consider(at(None, paid=early), Calendar(9 * CENT), NOW), Stay)


def test_heavier_pods_need_a_larger_saving():
    assert weight_of(0, 0) == 1000
    assert weight_of(2**27, 2**25) == 3000
    assert weight_of(-(2**31), 0) == 100
    assert weight_of(2**31, 2**31) == 10_000
    light = consider(at(4 * CENT), Calendar(3 * CENT), NOW)
    heavy = consider(at(4 * CENT, weight=3000), Calendar(3 * CENT), NOW)
    assert isinstance(light, Move)
    assert isinstance(heavy, Stay)
