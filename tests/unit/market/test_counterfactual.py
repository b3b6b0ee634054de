"""What would have matched: the least change, and the price it would come to."""

from __future__ import annotations

import pytest
from tests.unit.market.world import NODES, NOON, OFFERS, first_book, make_book, order

from busbar.market.book import Book
from busbar.market.clearing import clear
from busbar.market.counterfactual import Change, outlook


def told(job, waiting=(), book=None):
    found = outlook(book or first_book(), job, [job, *waiting], NOON)
    return {answer.change: answer.sentence for answer in found.alternatives}


def test_the_lowest_cap_that_would_do_and_what_waiting_would_bring():
    job = order("job", region="Sweden", max_euro_per_dtu="0.04")
    assert told(job) == {
        Change.CAP: "a cap of 0.05 €/DTU: elastx in Sweden at 0.05 €/DTU",
        Change.WAIT: "mayWait, to start 2027-03-10T21:00:00Z: safespring in Sweden at 0.03 €/DTU",
        Change.REGION: "region Germany as well: hansecloud in Germany at 0.02 €/DTU",
    }


def test_the_cap_it_names_is_the_least_one_that_matches():
    job = order("job", region="Sweden", vendor="safespring", max_euro_per_dtu="0.04")
    assert told(job)[Change.CAP].startswith("a cap of 0.06 €/DTU")
    assert not clear(
        first_book(),
        [order("job", region="Sweden", vendor="safespring", max_euro_per_dtu="0.059999999")],
        NOON,
    ).matches


def test_a_region_without_supply():
    assert told(order("job", region="Norway")) == {
        Change.REGION: "region Germany as well: hansecloud in Germany at 0.02 €/DTU"
    }


def test_a_vendor_that_is_too_small():
    job = order("job", vendor="elastx", region="Germany")
    assert told(job)[Change.VENDOR] == (
        "vendor hansecloud as well: hansecloud in Germany at 0.02 €/DTU"
    )


def test_a_deadline_that_is_too_close():
    job = order("job", not_after="2027-03-10T12:00:00Z", expected_duration="2h")
    assert told(job)[Change.DEADLINE] == (
        "notAfter 2027-03-10T13:20:00Z: hansecloud in Germany at 0.02 €/DTU"
    )


@pytest.mark.parametrize(
    ("size", "change", "words"),
    [
        (("6", "2Gi"), Change.CPU, "no more than 4 cpu"),
        (("1", "9Gi"), Change.MEMORY, "no more than 8Gi memory"),
    ],
)
def test_work_that_is_too_large_for_every_node(size, change, words):
    assert told(order("job", *size)) == {change: f"{words}: hansecloud in Germany at 0.02 €/DTU"}


def test_a_taint_and_a_label():
    tainted = [{**n, "spec": {"taints": [{"key": "gpu", "effect": "NoSchedule"}]}} for n in NODES]
    found = told(order("job"), book=make_book(tainted, OFFERS))
    assert found == {
        Change.TOLERATIONS: "tolerating gpu:NoSchedule: hansecloud in Germany at 0.02 €/DTU"
    }


def test_orders_beside_it_count():
    """One with a higher cap takes the only node: outbidding it is what would help."""
    book = make_book([NODES[0]], [OFFERS[0]])
    rich = order("rich", "4", max_euro_per_dtu="0.07")
    poor = order("poor", "4", max_euro_per_dtu="0.06")
    found = told(poor, [rich], book)
    assert found[Change.CAP] == "a cap of 0.070000001 €/DTU: elastx in Sweden at 0.05 €/DTU"
    assert told(poor, [], book) == {}


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
