"""The published book of each zone."""

from __future__ import annotations

import msgspec
from tests.unit.market.world import NODES, NOON, OFFERS, first_book, make_book, node, offer, order

from busbar.market.book import Book
from busbar.market.commitments import Commitment
from busbar.market.depth import zone_books
from busbar.model.dtu import Resources
from busbar.model.kinds.book import BookStatus

GIB = 1024**3


def test_asks_are_listed_cheapest_first_with_what_is_free():
    used = Commitment("e1", Resources(1000, 2 * GIB), 0, None)
    sweden = zone_books(make_book(NODES, OFFERS, used), (), {}, NOON)["Sweden"]
    assert [(a["offer"], a["pricePerDTU"], a["freeDTU"]) for a in sweden["asks"]] == [
        ("elastx", "0.05", "1.5"),
        ("safespring", "0.06", "2"),
    ]
    assert sweden["bestAsk"] == "0.05"
    assert sweden["freeDTU"] == "3.5"


def test_bids_are_counted_by_cap_in_the_zones_they_may_go_to():
    waiting = [
        order("a", max_euro_per_dtu="1", region="Sweden"),
        order("b", max_euro_per_dtu="2"),
        order("c", max_euro_per_dtu="2"),
    ]
    books = zone_books(first_book(), waiting, {}, NOON)
    assert [(b["maxEuroPerDTU"], b["orders"]) for b in books["Sweden"]["bids"]] == [
        ("2", 2),
        ("1", 1),
    ]
    assert [(b["maxEuroPerDTU"], b["orders"]) for b in books["Germany"]["bids"]] == [("2", 2)]


def test_the_last_price_is_shown():
    books = zone_books(first_book(), (), {"Sweden": 55_000_000}, NOON)
    assert (books["Sweden"]["lastPrice"], books["Germany"]["lastPrice"]) == ("0.055", "")


def test_what_is_not_for_sale_now_is_no_ask():
    closed = {"rules": [{"available": False}]}
    nodes = [node("a", "elastx", "Sweden"), node("b", "safespring", "Sweden")]
    offers = [
        offer("a", "elastx", "1", calendar=closed),
        offer("b", "safespring", "1", paused=True),
    ]
    sweden = zone_books(make_book(nodes, offers), (), {}, NOON)["Sweden"]
    assert (sweden["asks"], sweden["bestAsk"], sweden["freeDTU"]) == ([], "", "0")


def test_the_shape_is_that_of_the_kind():
    for status in zone_books(first_book(), [order("a")], {"Sweden": 1}, NOON).values():
        msgspec.convert(status, BookStatus)


def test_an_empty_market_has_no_books():
    assert zone_books(Book.build(()), (), {}, NOON) == {}
