"""The clearing in public: complete enough to compute again, and not more than that."""

from __future__ import annotations

import json

import msgspec
import pytest
from tests.unit.market.world import NOON, first_book, order

from busbar.market.clearing import clear
from busbar.market.funds import Funds
from busbar.market.publish import book_from_json, book_to_json, clearing_to_json, recompute
from busbar.model.kinds.book import ClearingStatus


@pytest.fixture
def status():
    orders = [
        order("job", region="Sweden", vendor="elastx,safespring", max_euro_per_dtu="50"),
        order("later", may_wait="true", not_after="2027-03-11T08:00:00Z"),
        order("nowhere", region="Norway"),
        order("late", not_after="2025-03-25T08:25:58Z"),
    ]
    return json.loads(
        json.dumps(clearing_to_json(first_book(), orders, clear(first_book(), orders, NOON)))
    )


def test_it_has_the_shape_of_the_kind(status):
    msgspec.convert(status, ClearingStatus)
    assert (status["matched"], status["unmatched"]) == (2, 2)
    assert status["prices"] == {"Germany": "0.02", "Sweden": "0.05"}


def test_it_is_computed_again_from_json(status):
    assert recompute(status) == status


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("matches", lambda found: found[0]["segments"][0].update(priceNano=1)),
        ("matches", lambda found: found.pop()),
        ("refusals", lambda found: found[0].update(reason="NoFreeCapacity")),
        ("orders", lambda found: found.pop()),
        ("prices", lambda found: found.update(Sweden="0.04")),
    ],
)
def test_a_forged_clearing_is_found_out(status, field, change):
    change(status[field])
    assert recompute(status) != status


def test_books_survive_the_way_there_and_back():
    book = first_book()
    again = book_from_json(json.loads(json.dumps(book_to_json(book))))
    assert again.supplies == book.supplies
    assert (again.commitments, again.vendors) == (book.commitments, book.vendors)


def test_nobodys_names_or_money_are_published():
    secret = order("canary-pod")
    poor = order("poor-pod", "4")
    orders = [secret, poor]
    clearing = clear(first_book(), orders, NOON, funds={"xyz": Funds(123_456_789)})
    told = json.dumps(clearing_to_json(first_book(), orders, clearing))
    assert '"xyz"' not in told
    assert "123456" not in told
    assert "balance" not in told
