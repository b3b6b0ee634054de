"""Moves over whatever prices: no oscillation, and what they cost is bounded.

A life is played hour by hour: a service, a few offers whose flat prices change, and the rule alone
deciding. What a move costs is counted as the rule says it: an hour's price, and a start paid twice.
"""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from busbar.market.calendar import Calendar, Segment
from busbar.market.moves import RULE, Move, Tenancy, consider
from busbar.model.dtu import amount
from busbar.model.time import DAY, HOUR

DRAW = 1_000_000
CENT = 10**7
DAYS = 3


class Lived(NamedTuple):
    with_moves: int
    without: int
    moved: tuple[int, ...]
    places: tuple[int, ...]


def live(prices: list[list[int]]) -> Lived:
    """Play a life; `prices` are those of each offer, hour by hour."""
    place, since, paid, moved = 0, -DAY, tuple[Segment, ...](), list[int]()
    spent = without = 0
    places = [0]
    for hour in range(len(prices[0])):
        now = hour * HOUR
        here = Tenancy(DRAW, 10**15, paid, Calendar(prices[place][hour]), since, tuple(moved))
        asks = [row[hour] for row in prices]
        target = asks.index(min(asks))
        found = consider(here, Calendar(asks[target]), now) if target != place else None
        if isinstance(found, Move):
            spent += found.disruption_nano
            term = max(HOUR, found.term_ms)
            place, since, paid = target, now, (Segment(now, now + term, asks[target]),)
            moved.append(now)
            places.append(place)
        spent += sum(
            amount(s.price_nano, DRAW, min(s.end, now + HOUR) - max(s.start, now))
            for s in paid
            if s.end > now and s.start < now + HOUR
        )
        covered = max([now, *(min(s.end, now + HOUR) for s in paid)])
        spent += amount(prices[place][hour], DRAW, max(0, now + HOUR - covered))
        without += amount(prices[0][hour], DRAW, HOUR)
    return Lived(spent, without, tuple(moved), tuple(places))


HOURS = DAYS * 24
WILD = st.lists(st.integers(0, 20), min_size=HOURS, max_size=HOURS)
NOISE = st.lists(st.integers(-40, 40), min_size=HOURS, max_size=HOURS)


@given(st.lists(WILD, min_size=2, max_size=4))
@settings(max_examples=60, deadline=None)
def test_whatever_prices_do_nobody_moves_more_than_four_times_in_a_day(prices):
    lived = live([[CENT * price for price in row] for row in prices])
    for at in lived.moved:
        assert sum(at - DAY < other <= at for other in lived.moved) <= 4
    assert all(b - a >= RULE.stay_ms for a, b in zip(lived.moved, lived.moved[1:], strict=False))


@given(st.lists(NOISE, min_size=2, max_size=4), st.integers(1, 50))
@settings(max_examples=60, deadline=None)
def test_noise_of_four_percent_around_one_price_moves_nobody(noise, cents):
    """An hour of unrest, twice, is more than a day's saving of what noise leaves between two."""
    lived = live([[cents * 10**4 * (1000 + n) for n in row] for row in noise])
    assert lived.moved == ()
    assert lived.with_moves == lived.without


@given(
    st.lists(st.tuples(st.integers(1, 50), NOISE), min_size=2, max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_with_noise_around_several_prices_no_place_is_entered_twice(offers):
    """Each move goes to a place that is cheaper on the whole: at most one for each offer."""
    lived = live([[cents * 10**4 * (1000 + n) for n in noise] for cents, noise in offers])
    levels = [offers[place][0] for place in lived.places]
    assert levels == sorted(levels, reverse=True)
    assert len(set(lived.places)) == len(lived.places)
    # Never dearer than staying by more than the noise itself, moving included.
    assert lived.with_moves <= lived.without * 108 // 100 + 1


@given(st.lists(st.integers(0, 50), min_size=2, max_size=5))
@settings(max_examples=100, deadline=None)
def test_where_prices_hold_moving_never_costs_more_than_staying(prices):
    """The bound is nothing at all: what moving costs is in it."""
    lived = live([[CENT * price] * HOURS for price in prices])
    assert lived.with_moves <= lived.without
    assert len(lived.moved) <= 1
    best = min(prices)
    # Who stays gives up less than a twelfth of what it pays: an hour of unrest, twice, in a day.
    assert lived.moved or (prices[0] - best) * 24 <= 2 * prices[0] + best


def test_alternating_prices_do_not_make_anybody_alternate():
    low, high = 4 * CENT, 6 * CENT
    one = [low if hour % 2 else high for hour in range(HOURS)]
    other = [high if hour % 2 else low for hour in range(HOURS)]
    lived = live([one, other])
    assert len(lived.moved) <= 2 * DAYS
    assert lived.with_moves <= lived.without
