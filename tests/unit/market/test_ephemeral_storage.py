"""Ephemeral storage is sold as cpu and memory are: what a node has, in every slot, and no more."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.unit.market.world import NOON, make_book, node, offer, order, pod

from busbar.market.book import Book
from busbar.market.clearing import clear
from busbar.market.commitments import Commitment, commitment_of
from busbar.market.counterfactual import Change, outlook
from busbar.market.depth import zone_books
from busbar.market.orders import Order, parse_order
from busbar.market.publish import clearing_to_json, recompute
from busbar.market.reasons import Reason
from busbar.model.dtu import Resources, base_draw
from busbar.model.time import HOUR
from busbar.replay.compare import Verdict, replay

GIB = 1024**3
OFFERS = [offer("cheap", "elastx", "0.02"), offer("dear", "safespring", "0.06")]


def roomy(name: str, vendor: str, disk: str = ""):
    made = node(name, vendor, "Sweden")
    if disk:
        made["status"]["allocatable"]["ephemeral-storage"] = disk
    return made


def two(*commitments: Commitment, small: str = "10Gi") -> Book:
    """A cheap node with little disk, and a dear one with much."""
    nodes = [roomy("small", "elastx", small), roomy("large", "safespring", "100Gi")]
    return make_book(nodes, OFFERS, *commitments)


def asking(name: str, gib: int, **terms: str) -> Order:
    found = order(name, **terms)
    return replace(found, requests=found.requests._replace(ephemeral_bytes=gib * GIB))


def places(book: Book, *orders: Order) -> dict[str, str]:
    return {match.order: match.node for match in clear(book, orders, NOON).matches}


def refusal(book: Book, *orders: Order):
    (found,) = clear(book, orders, NOON).refusals
    return found


def of_pod(*containers, init=()) -> int:
    made = pod("p")
    made["spec"] = {
        "containers": [{"name": f"c{i}", "resources": r} for i, r in enumerate(containers)],
        "initContainers": [{"name": f"i{i}", "resources": r} for i, r in enumerate(init)],
    }
    found = parse_order(made, None)
    assert isinstance(found, Order), found
    return found.requests.ephemeral_bytes


def requests(size: str) -> dict[str, object]:
    return {"requests": {"ephemeral-storage": size}}


def test_a_pod_reserves_the_sum_of_its_containers_or_an_init_container_if_that_is_more():
    assert of_pod({}, {}) == 0
    assert of_pod(requests("1Gi"), requests("512Mi")) == 1536 * 1024**2
    assert of_pod(requests("1Gi"), init=[requests("3Gi")]) == 3 * GIB
    assert of_pod({"limits": {"ephemeral-storage": "2Gi"}}) == 2 * GIB
    assert of_pod({"limits": {"ephemeral-storage": "2Gi"}, **requests("1Gi")}) == GIB


@pytest.mark.parametrize("size", ["much", "-1", "99Ei", "1e400"])
def test_what_is_no_size_is_refused_with_its_field(size):
    made = pod("p")
    made["spec"]["containers"][0]["resources"]["requests"]["ephemeral-storage"] = size
    found = parse_order(made, None)
    assert not isinstance(found, Order)
    assert "spec.containers" in str(found)


def test_the_draw_does_not_depend_on_it():
    bare = Resources(1000, GIB)
    assert base_draw(bare) == base_draw(bare._replace(ephemeral_bytes=10**15))


def test_the_cheapest_node_with_room_on_its_disk_is_taken():
    found = places(two(), asking("a", 8), asking("b", 8), order("none"))
    assert sorted(found[name] for name in "ab") == ["large", "small"]
    assert found["none"] == "small"


def test_no_node_gives_more_than_it_has():
    orders = [asking(f"o{i}", 4) for i in range(4)]
    found = places(two(), *orders)
    assert sorted(found.values()) == ["large", "large", "small", "small"]


def test_what_a_commitment_takes_of_it_is_taken_in_its_slots_only():
    later = Commitment("small", Resources(100, GIB, 0, 9 * GIB), NOON + HOUR, NOON + 3 * HOUR)
    short = asking("short", 8, expected_duration="30m")
    assert places(two(later), short) == {"short": "small"}
    assert places(two(later), asking("long", 8, expected_duration="3h")) == {"long": "large"}


def test_a_node_that_says_nothing_of_it_has_none():
    book = make_book([roomy("bare", "elastx")], OFFERS)
    found = refusal(book, asking("job", 1))
    assert found.reason is Reason.NOT_ENOUGH_EPHEMERAL_STORAGE
    assert found.message == (
        "0 of 1 node matches: 1 without enough ephemeral storage (1Gi requested)"
    )
    assert found.sentence.endswith("Request less ephemeral-storage, or use a bucket.")


def test_disks_that_are_full_are_not_small():
    full = [Commitment(n, Resources(100, GIB, 0, 95 * GIB), 0, None) for n in ("small", "large")]
    found = refusal(two(*full, small="96Gi"), asking("job", 50))
    assert found.reason is Reason.NO_FREE_CAPACITY


def test_an_order_that_asks_for_none_does_not_mind_a_disk_that_has_become_too_small():
    """Its vendor joined it anew with less; what runs there goes on."""
    over = Commitment("small", Resources(100, GIB, 0, 50 * GIB), 0, None)
    assert places(two(over), order("none"), asking("some", 1)) == {"none": "small", "some": "large"}


def test_changing_places_minds_the_disk_as_well():
    """The flexible one bids more and has the cheap node first; the narrow one can only be there."""
    narrow = asking("narrow", 6, vendor="elastx", max_euro_per_dtu="1")
    flexible = asking("wide", 6, max_euro_per_dtu="2")
    assert places(two(), flexible, narrow) == {"narrow": "small", "wide": "large"}
    assert places(two(small="12Gi"), flexible, narrow) == {"narrow": "small", "wide": "small"}


def test_the_size_that_would_have_matched_is_told():
    job = asking("job", 200)
    found = {a.change: a.advice for a in outlook(two(), job, [job], NOON).alternatives}
    assert found[Change.EPHEMERAL_STORAGE] == "no more than 100Gi ephemeral storage"


def test_the_book_says_how_much_is_free():
    taken = Commitment("small", Resources(100, GIB, 0, 3 * GIB), 0, None)
    asks = zone_books(two(taken), (), {}, NOON)["Sweden"]["asks"]
    assert [ask["freeEphemeralBytes"] for ask in asks] == [7 * GIB, 100 * GIB]


def published(book: Book, *orders: Order):
    status = clearing_to_json(book, orders, clear(book, orders, NOON))
    return json.loads(json.dumps(status))


def test_a_clearing_with_it_can_be_worked_out_again_and_a_wrong_one_is_found():
    taken = Commitment("small", Resources(100, GIB, 0, 3 * GIB), 0, None)
    status = published(two(taken), asking("a", 8), asking("huge", 500), order("none"))
    assert recompute(status) == status
    assert replay("c", status).verdict is Verdict.AGREES
    (asked,) = (entry for entry in status["orders"] if entry["id"] == "a")
    del asked["ephemeralBytes"]
    assert replay("c", status).verdict is Verdict.DISAGREES


def test_where_there_is_none_a_record_is_what_it_was_before_it_was_sold():
    nodes = [roomy("one", "elastx"), roomy("two", "safespring")]
    taken = Commitment("one", Resources(100, GIB), 0, None)
    status = published(make_book(nodes, OFFERS, taken), order("a"), order("b", "64"))
    assert "ephemeralBytes" not in json.dumps(status)
    assert replay("c", status).verdict is Verdict.AGREES
    assert recompute(status) == status


def test_a_contract_from_before_it_was_sold_takes_none():
    spec = {"node": "n", "cpuMilli": 500, "memoryBytes": GIB}
    old, new = ({"spec": {**spec, **more}} for more in ({}, {"ephemeralBytes": 7}))
    assert commitment_of(old) == Commitment("n", Resources(500, GIB), 0, None)
    assert commitment_of(new) == Commitment("n", Resources(500, GIB, 0, 7), 0, None)
