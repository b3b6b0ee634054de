"""Thousands of small books: cleared again by the reference, and held to the optimum by HiGHS."""

from __future__ import annotations

from bench.optimum import cost_at_asks, least_cost
from hypothesis import given, settings
from hypothesis import strategies as st
from studies.reference import differs, gap, small_book
from tests.property.market.strategies import NOW, batches, books, sociable_markets

from busbar.market.clearing import clear
from busbar.market.publish import clearing_to_json
from busbar.replay.funnel import clear_again

seeds = st.integers(0, 2**63 - 1)


def _agrees(book, orders, seed) -> bool:
    status = clearing_to_json(book, orders, clear(book, orders, NOW, seed=seed))
    return clear_again(status) == (status["matches"], status["refusals"])


@settings(max_examples=2_000, deadline=None)
@given(books(), batches(), seeds)
def test_the_reference_agrees_on_two_thousand_small_books(book, orders, seed):
    assert _agrees(book, orders, seed)


@settings(max_examples=1_000, deadline=None)
@given(sociable_markets(), seeds)
def test_the_reference_agrees_on_a_thousand_books_with_company(market, seed):
    assert _agrees(*market, seed)


@settings(max_examples=1_000, deadline=None)
@given(books(), batches(), seeds)
def test_no_clearing_costs_less_than_the_optimum(book, orders, seed):
    """The solver knows less of what is forbidden, so that its least is below any real one."""
    at_once = [o for o in orders if not o.may_wait and o.earliest <= NOW and o.deadline is None]
    matches = clear(book, at_once, NOW, seed=seed).matches
    rows = {row.node: row for row in book.supplies}
    nodes = {m.order: m.node for m in matches if rows[m.node].offer == m.offer}
    placed = [order for order in at_once if order.id in nodes]
    if placed and len(nodes) == len(matches):
        least = least_cost(book, placed, NOW, gap=1e-6, may_fail=False)
        assert cost_at_asks(book, placed, nodes, NOW) >= least * (1 - 1e-6)


def test_two_thousand_contested_books_agree_and_cost_hardly_more_than_the_optimum():
    drawn = [(seed, *small_book(seed)) for seed in range(1, 2_001)]
    assert not [seed for seed, book, orders in drawn if differs(book, orders, seed)]
    gaps = [gap(book, orders) for _, book, orders in drawn[:500]]
    assert min(gaps) > -1e-6
    assert sum(gaps) / len(gaps) < 0.005
