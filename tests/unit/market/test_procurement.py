"""What a standing order lacks: hour by hour, unit by unit, and never twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busbar.market.procurement import Stretch, plan, unit_hours
from busbar.model.dtu import Resources
from busbar.model.errors import InvalidField
from busbar.model.standing_orders import StandingOrder, read_standing_order
from busbar.model.time import HOUR, MINUTE, slot_of

MIDNIGHT = 1_795_392_000_000
NOW = MIDNIGHT + 20 * MINUTE
UNIT = Resources(1000, 2**30)


def hours(start: int, end: int) -> Stretch:
    return Stretch(MIDNIGHT + start * HOUR, MIDNIGHT + end * HOUR)


def missing(wanted: StandingOrder, *held: Stretch, now: int = NOW) -> list[tuple[float, float]]:
    found = plan(wanted, NOW, held, now).missing
    return [((s.start - MIDNIGHT) / HOUR, (s.end - MIDNIGHT) / HOUR) for s in found]


def order(units: int = 1, horizon: int = 3, block: int = 1, term: int | None = None):
    return StandingOrder(
        units, UNIT, None, None if term is None else term * HOUR, horizon * HOUR, block * HOUR
    )


def test_of_the_present_hour_the_rest_is_asked_for_and_each_later_one_whole():
    assert missing(order()) == [(1 / 3, 1), (1, 2), (2, 3), (3, 4)]


def test_hours_that_are_held_are_left_alone_in_whatever_pieces():
    assert missing(order(), Stretch(NOW - MINUTE, MIDNIGHT + 3 * HOUR)) == [(3, 4)]
    assert missing(order(units=2), hours(0, 4)) == missing(order())


def test_a_block_is_asked_for_at_once_and_only_where_the_horizon_holds_all_of_it():
    assert missing(order(block=2, horizon=4)) == [(1 / 3, 2), (2, 4)]


def test_of_a_block_that_is_held_in_part_the_rest_is_asked_for():
    assert missing(order(block=4, horizon=4), hours(1, 2)) == [(1 / 3, 1), (2, 4)]


def test_the_last_block_ends_with_the_term():
    assert missing(order(block=2, horizon=8, term=3)) == [(1 / 3, 2), (2, 3)]
    assert missing(order(term=1), now=MIDNIGHT + HOUR) == []


def test_nothing_is_asked_for_before_its_time():
    later = order()._replace(not_before=MIDNIGHT + 2 * HOUR)
    assert missing(later) == [(2, 3), (3, 4)]


@given(
    st.integers(1, 4),
    st.integers(0, 12),
    st.integers(1, 5),
    st.lists(st.tuples(st.integers(0, 10), st.integers(1, 6)), max_size=8),
    st.integers(0, 5 * HOUR),
)
def test_with_what_is_missing_every_hour_of_whole_blocks_has_its_units_and_no_order_spans_two(
    units, horizon, block, held, later
):
    now = NOW + later
    wanted = order(units, horizon, block)
    there = [hours(start, start + length) for start, length in held]
    asked = plan(wanted, NOW, there, now).missing
    block_of = {(s.start - MIDNIGHT) // (block * HOUR) for s in asked}
    for stretch in asked:
        last = (stretch.end - 1 - MIDNIGHT) // (block * HOUR)
        assert last == (stretch.start - MIDNIGHT) // (block * HOUR)
        assert stretch.end <= slot_of(now).end + horizon * HOUR
    for number in block_of:
        start = max(now, MIDNIGHT + number * block * HOUR)
        for at in range(start, MIDNIGHT + (number + 1) * block * HOUR, HOUR):
            covered = sum(s.start <= at < s.end for s in (*there, *asked))
            before = sum(s.start <= at < s.end for s in there)
            assert covered == max(units, before)
    assert plan(wanted, NOW, [*there, *asked], now).missing == ()


def test_hours_begun_count_whole():
    assert unit_hours([Stretch(NOW, MIDNIGHT + HOUR), hours(1, 3)], NOW) == 3
    assert unit_hours([hours(-2, 1)], NOW) == 1


def test_units_may_be_stated_as_work():
    assert read_standing_order({"dtuPerHour": "2.5"}).units == 3


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"units": 1, "dtuPerHour": 1}, "spec.dtuPerHour"),
        ({"dtuPerHour": 0}, "spec.dtuPerHour"),
        ({"dtuPerHour": 9, "resources": {"gpus": 1}}, "spec.dtuPerHour"),
        ({"dtuPerHour": 1000}, "spec.dtuPerHour"),
        ({"horizon": "49h"}, "spec.horizon"),
        ({"horizon": "90m"}, "spec.horizon"),
        ({"block": "0h"}, "spec.block"),
        ({"block": "4h", "horizon": "3h"}, "spec.block"),
        ({"block": "4h", "term": "2h"}, "spec.term"),
        ({"term": "soon"}, "spec.term"),
        ({"notBefore": "tomorrow"}, "spec.notBefore"),
        ({"resources": {"cpu": 0}}, "spec.resources.cpu"),
        ({"resources": {"memory": "lots"}}, "spec.resources.memory"),
        ({"resources": {"cpu": "2M"}}, "spec.resources"),
        ({"maxEuroPerDTU": -1}, "spec.maxEuroPerDTU"),
    ],
)
def test_what_makes_no_sense_is_refused_with_its_field(spec, path):
    with pytest.raises(InvalidField) as refused:
        read_standing_order(spec)
    assert refused.value.path == path
