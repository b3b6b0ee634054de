"""Alarms: false ones are counted, planted ones are found, and each says on what it rests."""

from __future__ import annotations

import pytest
from tests.unit.advice.series import FIRST, LAWS, SCALE, TAME, series

from busbar.advice.unusual import LIKE_MIN, judge, median

LEAST = 50_000_000
WEEKS = 6
FALSE_PER_THOUSAND_MAX = 10


def alarms(found: dict[int, int]) -> list[int]:
    """Judge each hour from the third week on."""
    return [h for h in range(FIRST + 336, FIRST + WEEKS * 168) if judge(found, h, LEAST)]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_false_alarms_are_rare_whatever_the_law(law):
    hours = 4 * (WEEKS * 168 - 336)
    count = sum(len(alarms(series(law, seed, WEEKS))) for seed in range(4))
    assert count * 1000 <= hours * FALSE_PER_THOUSAND_MAX, f"{count} in {hours} hours"


@pytest.mark.parametrize("law", TAME, ids=lambda law: law.__name__)
def test_what_keeps_to_its_hours_raises_none(law):
    assert [alarms(series(law, seed, WEEKS)) for seed in range(4)] == [[], [], [], []]


@pytest.mark.parametrize("law", TAME, ids=lambda law: law.__name__)
@pytest.mark.parametrize("at", [24 * 28 + 3, 24 * 31 + 15])
def test_a_planted_runaway_is_found(law, at):
    found = series(law, 1, WEEKS)
    found[FIRST + at] += 6 * SCALE
    seen = judge(found, FIRST + at, LEAST)
    assert seen is not None
    assert seen.value == found[FIRST + at]
    assert seen.low <= seen.expected <= seen.high < seen.value
    assert seen.alike >= LIKE_MIN


def test_a_runaway_in_heavy_weather_is_found_where_it_is_beyond_it():
    found = series(LAWS[3], 1, WEEKS)
    found[FIRST + 800] = 60 * SCALE
    assert judge(found, FIRST + 800, LEAST) is not None


def test_a_stop_is_as_unusual_as_a_runaway():
    found = series(LAWS[0], 1, WEEKS)
    found[FIRST + 800] = 0
    seen = judge(found, FIRST + 800, LEAST)
    assert seen is not None
    assert seen.value < seen.low


def test_nothing_is_said_of_little_money():
    found = dict.fromkeys(range(FIRST, FIRST + 700), 1000)
    found[FIRST + 699] = 1000 + LEAST - 1
    assert judge(found, FIRST + 699, LEAST) is None
    found[FIRST + 699] = 1001 + LEAST
    assert judge(found, FIRST + 699, LEAST) is not None


def test_nothing_is_said_before_there_were_enough_hours_like_it():
    found = dict.fromkeys(range(FIRST, FIRST + 7 * 24), SCALE)
    found[FIRST + 7 * 24 - 1] = 100 * SCALE
    assert judge(found, FIRST + 7 * 24 - 1, LEAST) is None
    assert judge(found, FIRST - 1, LEAST) is None


def test_a_median_is_in_the_middle():
    assert [median(v) for v in ([], [3], [1, 4], [9, 1, 5])] == [0, 3, 2, 5]
