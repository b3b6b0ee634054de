"""What docs/market.md says of scarcity and of strategies, on fewer and shorter seasons."""

from __future__ import annotations

import pytest
from bench.books import Size
from studies import floor
from studies.consumers import Bid, Flood, SplitConsumer, Withdraw
from studies.plays import Play
from studies.scarcity import batch_over_optimum, scarcity
from studies.scene import VALUES_NANO
from studies.strategies import Gain, gains
from studies.vendors import Ask, FloodVendor, Peak, Resell, SplitVendor

from busbar.ledger import withdrawals

SEEDS, HOURS = range(1, 5), 5
SMALL = Size(10, 5, 2)


def gain(play: Play, load: float) -> Gain:
    return gains(SEEDS, HOURS, load, [play])[0]


@pytest.mark.parametrize("load", [0.8, 1.5])
def test_splitting_oneself_does_not_pay(load):
    """As the standard wants it shown: neither a consumer nor a vendor gains by many names."""
    consumer, vendor = gain(SplitConsumer(), load), gain(SplitVendor(), load)
    assert abs(consumer.median) < 0.5
    assert consumer.pays_in <= consumer.seasons // 2
    assert (vendor.low, vendor.median, vendor.high) == (0.0, 0.0, 0.0)


def test_more_offers_for_one_machine_win_nothing():
    flooded = gain(FloodVendor(), 1.5)
    assert (flooded.low, flooded.high) == (0.0, 0.0)


def test_asking_less_than_it_costs_loses_and_asking_more_pays():
    """The floor of honesty: a vendor is never paid below its ask; above, only rivals bound it."""
    below, above = gain(Ask(80), 0.8), gain(Ask(110), 0.8)
    assert below.high < 0 < above.low


def test_killing_jobs_costs_others_and_adds_little_to_the_dear_price():
    killing, peak = gain(Resell(), 1.5), gain(Peak(), 1.5)
    assert killing.others < peak.others
    assert killing.median > 0


def test_ordering_everything_four_times_does_not_pay_where_there_is_room():
    assert gain(Flood(), 0.8).median < 0.5


def test_withdrawing_late_costs_who_does_it_and_nobody_else(monkeypatch):
    charged = gain(Withdraw(), 1.5)
    monkeypatch.setattr(withdrawals, "MOST_PERCENT", 0)
    free = gain(Withdraw(), 1.5)
    assert charged.median < free.median
    assert charged.others == free.others


def test_bidding_more_than_it_is_worth_harms_the_others_under_scarcity():
    assert gain(Bid(150), 1.5).others < 0


def test_scarcity_rations_by_value_and_prices_rise():
    plenty, short = (scarcity(range(1, 4), 6, load, SMALL) for load in (0.8, 1.5))
    assert plenty.batch_worst > 0.95
    assert 0.9 < short.batch_median <= 1 + 1e-6
    assert list(short.unserved) == sorted(short.unserved, reverse=True)
    assert short.unserved[VALUES_NANO.index(max(VALUES_NANO))] == 0
    assert short.unserved[0] > plenty.unserved[0]
    assert sum(short.prices) > sum(plenty.prices)
    assert short.season_worst > 0.75


def test_the_batch_study_notices_a_clearing_that_places_the_wrong_orders(monkeypatch):
    good = batch_over_optimum(1, 1.5, SMALL)
    monkeypatch.setattr("studies.scarcity.clear", _first_come_first_served)
    assert batch_over_optimum(1, 1.5, SMALL) < good - 0.05


def _first_come_first_served(book, orders, now):
    """Clear as if all had the same cap: turns no longer go by it."""
    from dataclasses import replace

    from busbar.market.clearing import clear

    highest = max(order.cap_nano for order in orders)
    return clear(book, [replace(order, cap_nano=highest) for order in orders], now)


def test_the_study_notices_bills_that_ignore_the_price(monkeypatch):
    """Everything for nothing: then splitting pays no more, but asking does not either."""
    monkeypatch.setattr(floor.Floor, "_debit", lambda self, bill: 0)
    from studies import strategies

    strategies._honest.cache_clear()
    try:
        assert gain(Ask(110), 0.8).median <= 0
    finally:
        strategies._honest.cache_clear()
