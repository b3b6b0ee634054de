"""Every no has a reason: the funnel, its order, its words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.market.world import NODES, NOON, OFFERS, first_book, make_book, node, offer, order

from busbar.market.clearing import clear
from busbar.market.commitments import Commitment
from busbar.market.reasons import ADVICE, Count, Funnel, Reason
from busbar.model.dtu import Resources

GIB = 1024**3


def refusal(book, *args, **terms):
    (found,) = clear(book, [order("job", *args, **terms)], NOON).refusals
    return found


def refusal_of(nodes, offers, *args, ready=None, **terms):
    return refusal(make_book(nodes, offers, ready=ready), *args, **terms)


def one(*, spec=None, labels=None, **terms_of_offer):
    made = node("n", "elastx", "Sweden")
    made["spec"].update(spec or {})
    made["metadata"]["labels"].update(labels or {})
    return [made], [offer("o", "elastx", "0.05", **terms_of_offer)]


def test_the_funnel_of_the_first_example():
    nodes = [node(f"de{i}", "hansecloud", "Germany") for i in range(7)]
    nodes += [node(f"other{i}", "glesys", "Sweden") for i in range(3)]
    nodes += [node("dear", "elastx", "Sweden"), node("small", "safespring", "Sweden", memory="1Gi")]
    offers = [
        offer("h", "hansecloud", "0.01"),
        offer("g", "glesys", "0.01"),
        offer("e", "elastx", "61"),
        offer("s", "safespring", "40"),
    ]
    terms = {"region": "Sweden", "vendor": "elastx,safespring", "max_euro_per_dtu": "50"}
    found = refusal_of(nodes, offers, "1", "4Gi", **terms)
    assert found.message == (
        "0 of 12 nodes match: 7 outside region Sweden, 3 not of elastx or safespring, "
        "1 above 50 €/DTU (cheapest eligible: 61 €/DTU), 1 without enough memory (4Gi requested)"
    )
    assert found.reason is Reason.NOT_ENOUGH_MEMORY
    assert found.sentence.endswith(". Request less memory: work is not split over nodes.")


def test_no_offer_in_the_region():
    found = refusal(first_book(), region="Norway")
    assert found.reason is Reason.REGION_NOT_ALLOWED
    assert found.message == (
        "0 of 3 nodes match: 3 outside region Norway; "
        "no node is in region 'Norway'; regions with nodes: Germany, Sweden"
    )


def test_an_unknown_vendor_is_told_the_known_ones():
    found = refusal(first_book(), vendor="elastxx")
    assert found.reason is Reason.UNKNOWN_VENDOR
    assert "vendor 'elastxx' is unknown; known: elastx, hansecloud, safespring" in found.message


def test_a_known_vendor_beside_an_unknown_one_keeps_the_nearer_reason():
    found = refusal(first_book(), "64", vendor="elastx,elastxx")
    assert found.reason is Reason.NOT_ENOUGH_CPU
    assert "vendor 'elastxx' is unknown" in found.message


def test_a_cap_too_low_is_told_the_cheapest_price_that_would_do():
    found = refusal(first_book(), region="Sweden", max_euro_per_dtu="0.01")
    assert found.reason is Reason.PRICE_ABOVE_CAP
    assert "2 above 0.01 €/DTU (cheapest eligible: 0.05 €/DTU)" in found.message


def test_the_cheapest_price_named_is_one_on_a_node_large_enough():
    nodes = [node("small", "elastx", "Sweden", cpu="1"), node("large", "safespring", "Sweden")]
    offers = [offer("a", "elastx", "2"), offer("b", "safespring", "3")]
    found = refusal_of(nodes, offers, "2", max_euro_per_dtu="1")
    assert "2 above 1 €/DTU (cheapest eligible: 3 €/DTU)" in found.message


@pytest.mark.parametrize(
    ("requests", "reason", "clause"),
    [
        (("5", "1Gi"), Reason.NOT_ENOUGH_CPU, "3 without enough cpu (5 requested)"),
        (("1500m", "64Gi"), Reason.NOT_ENOUGH_MEMORY, "without enough memory (64Gi requested)"),
    ],
)
def test_what_no_node_could_ever_carry(requests, reason, clause):
    found = refusal(first_book(), *requests)
    assert found.reason is reason
    assert clause in found.message


def test_gpus_that_no_node_has():
    book = first_book()
    wanted = replace(order("job"), requests=Resources(1000, GIB, 2))
    (found,) = clear(book, [wanted], NOON).refusals
    assert found.reason is Reason.NOT_ENOUGH_GPU
    assert "3 without enough GPUs (2 requested)" in found.message


def test_a_full_market_is_not_a_small_one():
    full = [Commitment(name, Resources(3500, GIB), 0, None) for name in ("e1", "s1", "h1")]
    found = refusal(make_book(NODES, OFFERS, *full))
    assert found.reason is Reason.NO_FREE_CAPACITY
    assert found.message == "0 of 3 nodes match: 3 without free capacity now"


@pytest.mark.parametrize(
    ("world", "reason", "clause"),
    [
        (one(spec={"unschedulable": True}), Reason.NODE_CORDONED, "1 cordoned"),
        (
            one(spec={"taints": [{"key": "k", "effect": "NoSchedule"}]}),
            Reason.TAINT_NOT_TOLERATED,
            "1 with a taint that is not tolerated",
        ),
        (one(paused=True), Reason.OFFER_UNAVAILABLE, "1 whose offer is closed now"),
        (
            one(calendar={"rules": [{"available": False}]}),
            Reason.OFFER_UNAVAILABLE,
            "1 whose offer is closed now",
        ),
        (one(nodeSelector={"disk": "ssd"}), Reason.NOT_OFFERED, "1 not offered for sale"),
    ],
)
def test_a_node_that_may_not_be_used(world, reason, clause):
    found = refusal_of(*world)
    assert found.reason is reason
    assert found.message == f"0 of 1 node matches: {clause}"


def test_a_silent_node():
    assert refusal_of(*one(), ready=set()).reason is Reason.NODE_NOT_READY


def test_an_avoided_node():
    found = refusal_of(*one(), avoid_nodes="n,gone")
    assert found.reason is Reason.AVOIDED_NODE
    assert "1 avoided for a while: the work was lost there, or near it" in found.message


def test_a_selector_that_no_node_meets():
    wanted = order("job")
    selected = replace(wanted, eligibility=wanted.eligibility._replace(selector=(("disk", "ssd"),)))
    (found,) = clear(make_book(*one(labels={"disk": "hdd"})), [selected], NOON).refusals
    assert found.reason is Reason.SELECTOR_MISMATCH
    assert "1 without the labels disk=ssd" in found.message
    assert clear(make_book(*one(labels={"disk": "ssd"})), [selected], NOON).matches


def test_who_may_wait_is_told_that_no_hour_would_do():
    closed = one(calendar={"rules": [{"available": False}]})
    found = refusal_of(*closed, may_wait="true")
    assert "1 whose offer is closed until the deadline" in found.message


def test_a_node_with_two_offers_counts_once_for_the_one_that_came_furthest():
    nodes = [node("n", "elastx", "Sweden")]
    offers = [offer("a", "elastx", "9"), offer("b", "elastx", "1", paused=True)]
    found = refusal_of(nodes, offers, max_euro_per_dtu="2")
    assert found.funnel is not None
    assert [(c.reason, c.nodes) for c in found.funnel.counts] == [(Reason.PRICE_ABOVE_CAP, 1)]


def test_many_alike_nodes_are_counted_each():
    nodes = [node(f"n{i}", "elastx", "Sweden") for i in range(500)]
    found = refusal_of(nodes, [offer("o", "elastx", "9")], max_euro_per_dtu="2")
    assert "0 of 500 nodes match: 500 above 2 €/DTU" in found.message


def test_alike_nodes_of_which_one_is_avoided():
    nodes = [node(f"n{i}", "elastx", "Sweden") for i in range(5)]
    found = refusal_of(nodes, [offer("o", "elastx", "9")], max_euro_per_dtu="2", avoid_nodes="n3")
    assert found.message.startswith("0 of 5 nodes match: 1 avoided")
    assert "4 above 2 €/DTU" in found.message


def test_cheaper_offers_beyond_five_are_counted():
    nodes = [node(f"n{i}", f"v{i}", "Germany") for i in range(8)] + [node("s", "elastx", "Sweden")]
    offers = [offer(f"o{i}", f"v{i}", f"0.0{i + 1}") for i in range(8)]
    book = make_book(nodes, [*offers, offer("s", "elastx", "1")])
    told = clear(book, [order("job", region="Sweden")], NOON).cheaper("job")
    assert len(told) == 6
    assert told[0] == "v0 at 0.01 €/DTU: outside region Sweden"
    assert told[-1] == "and 3 more"


def test_each_reason_has_its_advice():
    assert set(ADVICE) == set(Reason)
    assert all(advice.endswith(".") for advice in ADVICE.values())


def test_a_sentence_without_counts_is_still_one():
    assert Funnel(0, 0, ()).sentence == "0 of 0 nodes match"
    one_count = Count(Reason.NODE_CORDONED, 1, "1 cordoned")
    assert Funnel(1, 0, (one_count,), ("a note",)).sentence == (
        "0 of 1 node matches: 1 cordoned; a note"
    )
