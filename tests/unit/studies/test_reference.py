"""The reference study: none of its books differ, and it would notice if one did."""

from __future__ import annotations

from studies.reference import differs, gap, small_book

BOOKS = range(1, 61)


def test_no_small_book_comes_out_otherwise_by_the_reference():
    assert not [seed for seed in BOOKS if differs(*small_book(seed), seed)]


def test_it_notices_a_clearing_that_skips_a_step(monkeypatch):
    monkeypatch.setattr("busbar.market.clearing.arrange", lambda matching, turns, seed: turns)
    assert any(differs(*small_book(seed), seed) for seed in BOOKS)


def test_small_books_cost_hardly_more_than_the_optimum_and_never_less():
    gaps = [gap(*small_book(seed)) for seed in BOOKS]
    assert min(gaps) > -1e-6
    assert sum(gaps) / len(gaps) < 0.005
