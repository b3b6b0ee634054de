"""I11: each clearing comes out the same when an independent reference works it out again."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.property.market.strategies import (
    GIB,
    NOW,
    batches,
    books,
    burdened,
    busy_market,
    choosy_market,
    choosy_markets,
    divisible_market,
    driving_market,
    ganging_market,
    ganging_markets,
    gpu_market,
    laden_market,
    laden_markets,
    sociable_market,
    sociable_markets,
)

from busbar.market.book import Book
from busbar.market.calendar import Calendar
from busbar.market.clearing import clear
from busbar.market.laden import Loaded
from busbar.market.matching import Matching
from busbar.market.offers import Supply
from busbar.market.orders import Order
from busbar.market.placing import _place_alike
from busbar.market.prices import ClassPrices
from busbar.market.publish import clearing_to_json, recompute
from busbar.market.results import PriceList
from busbar.market.together import Missed
from busbar.model.dtu import Resources, draw_micro
from busbar.replay.funnel import clear_again

seeds = st.integers(0, 2**63 - 1)


def published(book, orders, seed):
    return clearing_to_json(book, orders, clear(book, orders, NOW, seed=seed))


@settings(max_examples=60, deadline=None)
@given(books(), batches(), seeds)
def test_the_reference_finds_the_same_contracts_and_prices(book, orders, seed):
    status = published(book, orders, seed)
    matches, refusals = clear_again(status)
    assert status["matches"] == matches
    assert status["refusals"] == refusals


@settings(max_examples=150, deadline=None)
@given(sociable_markets(), seeds)
def test_the_reference_agrees_about_company(market, seed):
    status = published(*market, seed)
    assert clear_again(status) == (status["matches"], status["refusals"])
    assert recompute(json.loads(json.dumps(status))) == status


@pytest.mark.parametrize("seed", range(60))
def test_the_reference_agrees_about_company_in_crowded_markets(seed):
    status = published(*sociable_market(seed), seed)
    assert clear_again(status) == (status["matches"], status["refusals"])


@settings(max_examples=150, deadline=None)
@given(laden_markets(), seeds)
def test_the_reference_agrees_about_what_places_cost_beyond_their_price(market, seed):
    status = published(*market, seed)
    assert clear_again(status) == (status["matches"], status["refusals"])
    assert recompute(json.loads(json.dumps(status))) == status


@pytest.mark.parametrize("seed", range(60))
def test_the_reference_agrees_about_burdens_in_crowded_markets(seed):
    status = published(*laden_market(seed), seed)
    assert clear_again(status) == (status["matches"], status["refusals"])


@pytest.mark.parametrize("seed", range(30))
def test_the_reference_agrees_about_burdens_of_gangs_and_in_company(seed):
    for market in (ganging_market(seed), sociable_market(seed)):
        status = published(*burdened(random.Random(seed), *market), seed)
        assert clear_again(status) == (status["matches"], status["refusals"])


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_the_input_does_not_matter_to_laden_orders(seed):
    book, orders = laden_market(seed)
    shuffled = random.Random(seed).sample(orders, len(orders))
    assert published(book, orders, seed) == published(book, shuffled, seed)


@settings(max_examples=150, deadline=None)
@given(choosy_markets(), seeds)
def test_the_reference_agrees_about_choosy_vendors(market, seed):
    status = published(*market, seed)
    assert clear_again(status) == (status["matches"], status["refusals"])
    assert recompute(json.loads(json.dumps(status))) == status


@pytest.mark.parametrize("seed", range(60))
def test_the_reference_agrees_about_choosy_vendors_in_crowded_markets(seed):
    status = published(*choosy_market(seed), seed)
    assert clear_again(status) == (status["matches"], status["refusals"])


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_the_input_does_not_matter_in_company(seed):
    book, orders = sociable_market(seed)
    shuffled = random.Random(seed).sample(orders, len(orders))
    assert published(book, orders, seed) == published(book, shuffled, seed)


@settings(max_examples=150, deadline=None)
@given(ganging_markets(), seeds)
def test_the_reference_agrees_about_gangs(market, seed):
    status = published(*market, seed)
    assert clear_again(status) == (status["matches"], status["refusals"])
    assert recompute(json.loads(json.dumps(status))) == status


@pytest.mark.parametrize("seed", range(60))
def test_the_reference_agrees_about_gangs_in_crowded_markets(seed):
    status = published(*ganging_market(seed), seed)
    assert clear_again(status) == (status["matches"], status["refusals"])


@pytest.mark.parametrize("seed", range(60))
def test_the_reference_agrees_about_drivers_and_their_places(seed):
    status = published(*driving_market(seed), seed)
    assert clear_again(status) == (status["matches"], status["refusals"])
    assert recompute(json.loads(json.dumps(status))) == status


@pytest.mark.parametrize("seed", range(60))
def test_the_reference_agrees_about_work_in_pieces(seed):
    status = published(*divisible_market(seed), seed)
    assert clear_again(status) == (status["matches"], status["refusals"])
    assert recompute(json.loads(json.dumps(status))) == status


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_the_input_does_not_matter_to_work_in_pieces(seed):
    book, orders = divisible_market(seed)
    shuffled = random.Random(seed).sample(orders, len(orders))
    assert published(book, orders, seed) == published(book, shuffled, seed)


@pytest.mark.parametrize("seed", range(80))
def test_the_reference_agrees_about_gpus(seed):
    status = published(*gpu_market(seed), seed)
    assert clear_again(status) == (status["matches"], status["refusals"])
    assert recompute(json.loads(json.dumps(status))) == status


@pytest.mark.parametrize(
    ("what", "broken"),
    [
        ("columns.Columns.least_gpu_weight", lambda *_: 0),
        ("matching.draw_micro", lambda need, rating, _: draw_micro(need, rating)),
    ],
    ids=["in the merit order", "in what is billed"],
)
def test_the_reference_notices_where_a_class_does_not_count(what, broken, monkeypatch):
    monkeypatch.setattr(f"busbar.market.{what}", broken)
    statuses = (published(*gpu_market(seed), seed) for seed in range(80))
    assert any(clear_again(one) != (one["matches"], one["refusals"]) for one in statuses)


@pytest.mark.parametrize("seed", range(30))
def test_the_order_of_the_input_does_not_matter_to_gangs(seed):
    book, orders = ganging_market(seed)
    shuffled = random.Random(seed).sample(orders, len(orders))
    assert published(book, orders, seed) == published(book, shuffled, seed)


@settings(max_examples=60, deadline=None)
@given(books(), batches(), seeds, st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(book, orders, seed, chance: random.Random):
    shuffled = list(orders)
    chance.shuffle(shuffled)
    rows = list(book.supplies)
    chance.shuffle(rows)
    other = type(book).build(rows, reversed(book.commitments), book.vendors)
    assert published(book, orders, seed) == published(other, shuffled, seed)


@settings(max_examples=60, deadline=None)
@given(books(), batches(), seeds)
def test_a_published_clearing_can_be_computed_again_from_its_json(book, orders, seed):
    status = json.loads(json.dumps(published(book, orders, seed)))
    assert recompute(status) == status


@pytest.mark.parametrize("seed", range(40))
def test_the_reference_agrees_in_crowded_markets(seed):
    book, orders = busy_market(seed)
    status = published(book, orders, seed)
    matches, refusals = clear_again(status)
    assert status["matches"] == matches
    assert status["refusals"] == refusals


@pytest.mark.parametrize("seed", range(25))
def test_the_reference_agrees_where_rows_are_looked_at_in_blocks(seed, monkeypatch):
    """Blocks and runs of the size they have in a large book would hold a small one whole."""
    monkeypatch.setattr("busbar.market.lanes.BLOCK", 2)
    monkeypatch.setattr("busbar.market.lanes.RUN_ROWS", 5)
    monkeypatch.setattr("busbar.market.arrange.is_small", lambda matching, turns: False)
    monkeypatch.setattr("busbar.replay.clearing.arrange", lambda market, turns: None)
    book, orders = busy_market(seed, nodes=(8, 20), orders=(20, 50))
    status = published(book, orders, seed)
    assert clear_again(status) == (status["matches"], status["refusals"])


def _is_caught() -> bool:
    """Say whether the reference finds another outcome in one of many crowded markets."""
    for seed in range(60):
        book, orders = busy_market(seed)
        status = published(book, orders, seed)
        if (status["matches"], status["refusals"]) != clear_again(status):
            return True
    return False


def test_it_catches_a_price_that_is_not_the_highest_accepted_ask(monkeypatch):
    monkeypatch.setattr(ClassPrices, "of", lambda self, zone, span: [1] * (span.c1 - span.c0))
    assert _is_caught()


def dear_neighbour() -> tuple[Book, list[Order]]:
    """Make a market in which a large order puts the price above a small one's cap."""
    cheap = Supply("small", "v", "Sweden", "cheap", 1, Calendar(20), Resources(1000, 4 * GIB))
    dear = Supply("large", "v", "Sweden", "dear", 1, Calendar(60), Resources(4000, 16 * GIB))
    large = Order("large", "ns", "pod", Resources(2000, GIB), 100)
    small = Order("small", "ns", "pod", Resources(500, GIB), 30)
    return Book.build([cheap, dear]), [large, small]


def test_it_catches_a_cap_that_does_not_bind(monkeypatch):
    book, orders = dear_neighbour()
    status = published(book, orders, 0)
    assert [refusal["reason"] for refusal in status["refusals"]] == ["ClearingPriceAboveCap"]
    assert clear_again(status) == (status["matches"], status["refusals"])
    monkeypatch.setattr(ClassPrices, "test", lambda self, span, cap: None)
    monkeypatch.setattr("busbar.market.clearing.arrange", lambda matching, turns, seed: turns)
    status = published(book, orders, 0)
    assert clear_again(status) != (status["matches"], status["refusals"])


def test_it_catches_a_tie_broken_by_something_else_than_the_lot(monkeypatch):
    monkeypatch.setattr("busbar.market.turns.lots", lambda keys, seed: keys)
    monkeypatch.setattr("busbar.market.matching.lots", lambda keys, seed: keys)
    assert _is_caught()


def test_it_catches_orders_that_do_not_change_places(monkeypatch):
    monkeypatch.setattr("busbar.market.clearing.arrange", lambda matching, turns, seed: turns)
    assert _is_caught()


def test_it_catches_room_that_is_counted_twice(monkeypatch):
    monkeypatch.setattr(Matching, "take", lambda self, placement, count=1: None)
    monkeypatch.setattr(PriceList, "segments", lambda self, p: self._matching.asked(p))
    assert _is_caught()


def test_it_catches_a_gang_whose_members_are_placed_one_by_one(monkeypatch):
    monkeypatch.setattr("busbar.market.placing.place_gang", _one_by_one)
    outcomes = [published(*ganging_market(seed), seed) for seed in range(20)]
    assert any(clear_again(s) != (s["matches"], s["refusals"]) for s in outcomes)


def _one_by_one(matching, members, seed, accept):
    for wish in members:
        matching.missed.setdefault(wish.order.gang.name, Missed(0, 1, None, wish))
    return list(_place_alike(matching, members, accept))


def test_it_catches_company_that_is_not_heeded(monkeypatch):
    monkeypatch.setattr("busbar.market.matching.row_test", lambda rules: lambda rows: rows >= 0)
    outcomes = [published(*sociable_market(seed), seed) for seed in range(20)]
    assert any(clear_again(s) != (s["matches"], s["refusals"]) for s in outcomes)


@pytest.mark.parametrize("what", ["moving", "lost_ms"])
def test_it_catches_a_burden_that_is_not_weighed(what, monkeypatch):
    monkeypatch.setattr(Loaded, what, lambda self, row: 0)
    outcomes = [published(*laden_market(seed), seed) for seed in range(20)]
    assert any(clear_again(s) != (s["matches"], s["refusals"]) for s in outcomes)
