"""What would have matched: as it is, with all lifted, or not at all."""

from __future__ import annotations

from tests.unit.market.world import NOON, first_book, order, told

from busbar.market.book import Book
from busbar.market.clearing import clear
from busbar.market.counterfactual import Change, outlook


def test_where_no_single_change_helps_all_are_lifted():
    job = order("job", region="Norway", vendor="nobody", max_euro_per_dtu="0.001")
    assert told(job) == {
        Change.EVERYTHING: "only with every restriction, cap and deadline lifted: "
        "hansecloud in Germany at 0.02 €/DTU"
    }


def test_with_no_supply_at_all_nothing_helps():
    assert outlook(Book.build(()), order("job"), (), NOON) == (None, ())


def test_an_order_that_would_match_as_it_is_needs_no_change():
    (match,) = clear(first_book(), [order("job")], NOON).matches
    assert outlook(first_book(), order("job"), (), NOON) == (match, ())
