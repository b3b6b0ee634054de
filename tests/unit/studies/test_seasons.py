"""A season on the trading floor: its money adds up, and it is what the whole exchange does."""

from __future__ import annotations

import pytest
from studies import floor, whole
from studies.consumers import Flood, SplitConsumer
from studies.optimum import most_welfare
from studies.outcome import worth_nano
from studies.plays import HONEST, Play
from studies.scene import scene_of
from studies.strategies import gains
from studies.vendors import Resell, SplitVendor

from busbar.model.money import NANO_PER_EURO
from busbar.model.time import HOUR

HOURS = 4


def test_a_scene_asks_for_as_much_as_it_says_and_no_more_than_one_piece_above():
    scene = scene_of(3, 24, 1.5)
    wanted = sum(want.dtu for want in scene.wants)
    assert 1.5 * scene.supply_dtu <= wanted <= 1.5 * scene.supply_dtu + 4


def test_a_scene_follows_from_its_seed_alone():
    assert scene_of(3, HOURS, 1.0) == scene_of(3, HOURS, 1.0)
    assert scene_of(3, HOURS, 1.0) != scene_of(4, HOURS, 1.0)


def test_what_consumers_pay_is_what_vendors_and_the_exchange_get():
    outcome = floor.live(scene_of(2, HOURS, 1.0))
    worth = sum(worth_nano(want) for want in outcome.scene.wants if want.number in outcome.done)
    paid = worth - sum(outcome.consumers.values())
    assert paid == sum(outcome.turnover.values()) + outcome.exchange
    assert 0 < outcome.exchange < paid


def test_a_season_is_the_same_when_lived_through_again():
    scene = scene_of(5, HOURS, 1.5)
    assert floor.live(scene, Flood(), 2) == floor.live(scene, Flood(), 2)


@pytest.mark.parametrize("load", [0.8, 1.5])
def test_no_season_is_worth_more_than_the_bound_that_knows_the_future(load):
    for seed in (1, 2):
        scene = scene_of(seed, HOURS, load)
        bound = most_welfare(scene)
        welfare = floor.live(scene).welfare / NANO_PER_EURO
        assert 0.7 * bound < welfare <= bound * (1 + 1e-9)


def test_nobody_runs_more_than_their_machines_have():
    outcome = floor.live(scene_of(1, HOURS, 1.5))
    hourly: dict[int, int] = {}
    for trade in outcome.trades:
        hour = trade.start_ms // HOUR
        hourly[hour] = hourly.get(hour, 0) + trade.dtu_micro
    assert max(hourly.values()) <= outcome.scene.supply_dtu / HOURS * 1_000_000 * 2


def test_splitting_oneself_does_not_pay():
    """As the standard wants it shown; over more seasons in tests/simulation."""
    consumer, vendor = gains(range(1, 4), 3, 1.5, [SplitConsumer(), SplitVendor()])
    assert abs(consumer.median) < 0.5
    assert (vendor.low, vendor.median, vendor.high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(("play", "player"), [(HONEST, 0), (Resell(), 0)])
def test_the_floor_does_what_the_whole_exchange_does(play: Play, player: int):
    scene = scene_of(1, HOURS, 1.2)
    quick, real = floor.live(scene, play, player), whole.live(scene, play, player)
    assert abs(len(quick.done) - len(real.done)) <= 0.06 * len(real.done)
    assert abs(quick.welfare - real.welfare) <= 0.06 * real.welfare
    assert abs(sum(quick.turnover.values()) - sum(real.turnover.values())) <= 0.1 * sum(
        real.turnover.values()
    )
