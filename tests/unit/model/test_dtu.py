"""The DTU: draws and what they cost."""

from __future__ import annotations

import pytest

from busbar.model.dtu import REFERENCE_RATING, Resources, amount, draw_micro
from busbar.model.time import HOUR, MINUTE

GIB = 1024**3


@pytest.mark.parametrize(
    ("requests", "draw"),
    [
        (Resources(1000, 4 * GIB), 1_000_000),
        (Resources(1000, 0), 1_000_000),
        (Resources(0, 4 * GIB), 1_000_000),
        (Resources(500, 8 * GIB), 2_000_000),
        (Resources(3000, 4 * GIB), 3_000_000),
        (Resources(1, 0), 1_000),
        (Resources(0, 1), 1),
        (Resources(0, 4 * GIB + 1), 1_000_001),
    ],
)
def test_a_draw_is_the_larger_of_cpu_and_memory(requests, draw):
    assert draw_micro(requests, REFERENCE_RATING) == draw


def test_gpus_draw_by_the_weight_of_their_class():
    assert draw_micro(Resources(1000, GIB, 2), REFERENCE_RATING, 30_000_000) == 60_000_000


@pytest.mark.parametrize(
    ("rating", "draw"), [(500_000, 500_000), (1_250_000, 1_250_000), (333_333, 333_333)]
)
def test_a_draw_scales_with_the_speed_of_the_node(rating, draw):
    assert draw_micro(Resources(1000, GIB), rating) == draw


def test_nothing_that_is_requested_runs_for_free():
    assert draw_micro(Resources(0, 1), 1) == 1


def test_an_hour_of_one_dtu_costs_its_price():
    assert amount(35_000_000, 1_000_000, HOUR) == 35_000_000


def test_an_amount_is_rounded_down():
    assert amount(35_000_001, 1_000_000, HOUR // 2) == 17_500_000
    assert amount(1, 1, 1) == 0


def test_amounts_are_exact_at_the_ends_of_the_range():
    assert amount(10**18, 10**12, 1_000 * HOUR) == 10**18 * 10**6 * 1_000
    assert amount(0, 10**12, HOUR) == 0


def test_minutes_of_different_prices_never_add_up_to_more_than_the_hour():
    whole = amount(35_000_000, 1_234_567, HOUR)
    minutes = [amount(35_000_000, 1_234_567, MINUTE) for _ in range(60)]
    assert 0 <= whole - sum(minutes) <= 60


def test_resources_fit_dimension_by_dimension():
    node = Resources(4000, 8 * GIB, 1)
    assert Resources(4000, 8 * GIB, 1).fits_in(node)
    assert not Resources(4001, 0, 0).fits_in(node)
    assert not Resources(0, 8 * GIB + 1, 0).fits_in(node)
    assert not Resources(0, 0, 2).fits_in(node)


def test_resources_add_and_subtract():
    one, two = Resources(1, 2, 3), Resources(10, 20, 30)
    assert two.plus(one).minus(one) == two
    assert one.minus(two) == Resources(-9, -18, -27)
