"""The forward curve promises no more than an order for the hour would find."""

from __future__ import annotations

from itertools import pairwise

from tests.unit.market.world import NODES, NOON, OFFERS, first_book, make_book, offer

from busbar.market.book import Book
from busbar.market.commitments import Commitment
from busbar.market.curve import LEVELS_MAX, forward_curves
from busbar.model.dtu import Resources
from busbar.model.time import HOUR, parse_instant, slot_of

GIB = 1024**3


def sweden(book: Book) -> list[dict]:
    return forward_curves(book, NOON)["Sweden"]["slots"]


def test_it_begins_with_the_present_hour_and_has_48_more():
    starts = [parse_instant(slot["start"], "") for slot in sweden(first_book())]
    assert (starts[0], len(starts)) == (slot_of(NOON).start, 49)
    assert {right - left for left, right in pairwise(starts)} == {HOUR}


def test_each_price_has_its_free_capacity_and_the_calendars_are_followed():
    slots = sweden(first_book())
    prices = [(level["pricePerDTU"], level["freeDTU"]) for level in slots[0]["levels"]]
    assert prices == [("0.05", "2"), ("0.06", "2")]
    # 22:00 in Stockholm is ten hours after 11:00 UTC.
    assert (slots[9]["bestAsk"], slots[10]["bestAsk"]) == ("0.05", "0.03")


def test_what_is_promised_is_not_free_in_its_hours():
    start = slot_of(NOON).start + 2 * HOUR
    taken = Commitment("e1", Resources(4000, 8 * GIB), start, start + HOUR)
    slots = sweden(make_book(NODES, OFFERS, taken))
    assert [slot["freeDTU"] for slot in slots[1:4]] == ["4", "2", "4"]
    assert slots[2]["bestAsk"] == "0.06"


def test_a_node_under_two_offers_counts_once_at_the_cheaper():
    dear = offer("dear", "elastx", "0.09")
    (first, *_) = sweden(make_book(NODES[:1], [OFFERS[0], dear]))
    assert [(level["pricePerDTU"], level["freeDTU"]) for level in first["levels"]] == [
        ("0.05", "2")
    ]


def test_an_hour_that_is_closed_in_part_is_closed_and_one_of_two_prices_has_the_higher():
    rules = [
        {"from": "14:00", "until": "14:30", "available": False},
        {"from": "15:30", "until": "16:00", "pricePerDTU": "0.07"},
    ]
    book = make_book(
        NODES[:1], [offer("o", "elastx", "0.05", calendar={"timeZone": "UTC", "rules": rules})]
    )
    by_hour = {slot["start"][11:13]: slot["bestAsk"] for slot in sweden(book)[:8]}
    assert (by_hour["13"], by_hour["14"], by_hour["15"]) == ("0.05", "", "0.07")


def test_what_cannot_be_had_is_not_for_sale():
    cordoned = {**NODES[0], "spec": {"unschedulable": True}}
    for book in (
        make_book([cordoned], OFFERS),
        make_book(NODES[:1], OFFERS, ready=set()),
        make_book(NODES[:1], [offer("o", "elastx", "0.05", paused=True)]),
        make_book(NODES[:1], []),
    ):
        curve = forward_curves(book, NOON)["Sweden"]
        assert (curve["bestAsk"], curve["lowestAsk"]) == ("", "")
        assert {slot["freeDTU"] for slot in curve["slots"]} == {"0"}


def test_no_more_prices_are_listed_than_are_read_but_all_are_summed():
    nodes = [{**NODES[0], "metadata": {**NODES[0]["metadata"], "name": f"n{i}"}} for i in range(12)]
    for i, node in enumerate(nodes):
        node["metadata"]["labels"] = {**node["metadata"]["labels"], "i": str(i)}
    offers = [
        offer(f"o{i}", "elastx", f"0.{i + 10}", nodeSelector={"i": str(i)}) for i in range(12)
    ]
    (first, *_) = sweden(make_book(nodes, offers))
    assert len(first["levels"]) == LEVELS_MAX
    assert first["freeDTU"] == "24"
