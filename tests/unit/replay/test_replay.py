"""A clearing that does not follow from its book is found out, with the order and the reason."""

from __future__ import annotations

import json

import pytest
from tests.property.market.strategies import NOW, busy_market
from tests.unit.market.world import NOON, first_book, order

from busbar.market.clearing import clear
from busbar.market.funds import Funds
from busbar.market.publish import clearing_to_json
from busbar.replay.compare import RULE, Verdict, replay


@pytest.fixture
def status():
    """A clearing as it is served: two matches, one for later, two refusals."""
    orders = [
        order("job", region="Sweden", vendor="elastx,safespring", max_euro_per_dtu="0.05"),
        order("later", may_wait="true", not_after="2027-03-11T08:00:00Z"),
        order("nowhere", region="Norway"),
        order("late", not_after="2025-03-25T08:25:58Z"),
    ]
    found = clearing_to_json(first_book(), orders, clear(first_book(), orders, NOON))
    return json.loads(json.dumps(found))


def match_of(status, name):
    return next(match for match in status["matches"] if match["order"] == name)


def said(status):
    return {finding.order: finding.sentence for finding in replay("c", status).findings}


def test_an_honest_clearing_agrees(status):
    found = replay("c-1", status)
    assert (found.verdict, found.findings) == (Verdict.AGREES, ())
    assert (found.matched, found.unmatched) == (2, 2)


@pytest.mark.parametrize("seed", range(12))
def test_a_crowded_one_agrees_as_well(seed):
    book, orders = busy_market(seed)
    status = json.loads(json.dumps(clearing_to_json(book, orders, clear(book, orders, NOW))))
    assert replay("c", status).verdict is Verdict.AGREES


def test_a_wrong_price_is_caught(status):
    match_of(status, "job")["segments"][0]["priceNano"] += 1
    assert replay("c", status).verdict is Verdict.DISAGREES
    assert said(status)["job"].startswith("pays 0.050000001 €/DTU; by the rule 0.05 €/DTU")


def test_a_wrong_node_is_caught_and_the_dearer_ask_named(status):
    match_of(status, "job").update(node="s1", offer="safespring", vendor="safespring")
    assert said(status) == {
        "job": "was given s1 under safespring; by the rule e1 under elastx: "
        "s1 asks 0.06 €/DTU, e1 0.05 €/DTU"
    }


def test_a_node_where_it_may_not_go_is_caught(status):
    match_of(status, "job").update(node="h1", offer="hansecloud", vendor="hansecloud")
    assert said(status)["job"].endswith("h1 may not serve it (RegionNotAllowed)")


def test_a_node_that_is_not_in_the_book_is_caught(status):
    match_of(status, "job").update(node="ghost")
    assert said(status)["job"].endswith("the book has no node ghost under elastx")


@pytest.mark.parametrize(
    ("change", "order", "sentence"),
    [
        (lambda s: s["matches"].pop(0), "job", "is not mentioned at all; by the rule it has e1"),
        (lambda s: s["refusals"].pop(0), "late", "is not mentioned; by the rule it is refused"),
        (lambda s: s["refusals"][1].update(reason="NoNodes"), "nowhere", "is refused for NoNodes"),
        (lambda s: s["refusals"][1].update(funnel={}), "nowhere", "its funnel says {}"),
        (lambda s: s["matches"].append(dict(s["matches"][0])), "job", "comes out more than once"),
        (lambda s: s["prices"].update(Sweden="0.04"), "", "its prices are"),
        (lambda s: s.update(matched=3), "", "matched is 3; by the rule 2"),
        (lambda s: s["matches"][0].update(drawMicro=1), "job", "drawMicro is 1"),
        (lambda s: s["matches"][0].update(askNano=1), "job", "its supplier is said to ask"),
        (lambda s: s["orders"].pop(0), "job", "was given e1 under elastx; by the rule it finds no"),
        (
            lambda s: match_of(s, "later")["segments"][0].update(startMs=NOON + 1000),
            "later",
            "its term has 2027-03-10T11:20:01Z",
        ),
    ],
)
def test_every_part_of_the_outcome_is_held_to_the_book(status, change, order, sentence):
    change(status)
    assert said(status)[order].startswith(sentence)


def test_one_published_without_its_book_is_named_so_and_not_called_wrong(status):
    found = replay("c", {**status, "omitted": True, "supply": [], "orders": []})
    assert (found.verdict, found.stands) == (Verdict.OMITTED, True)
    assert "without its book" in found.findings[0].sentence


def test_a_rule_that_is_not_known_is_not_vouched_for(status):
    found = replay("c", {**status, "rule": "busbar-merit-9"})
    assert (found.verdict, found.stands) == (Verdict.OTHER_RULE, False)


def test_what_is_no_clearing_is_called_unreadable_and_nothing_is_raised(status):
    for field in ("atMs", "seed", "supply", "orders"):
        found = replay("c", {**status, field: "x"})
        assert (found.verdict, found.stands) == (Verdict.UNREADABLE, False), field


def test_lists_that_are_empty_may_be_left_out():
    assert replay("c", clearing_to_json(first_book(), (), clear(first_book(), (), NOON))).stands
    bare = {"atMs": NOON, "seed": NOON, "rule": RULE}
    assert replay("c", bare).verdict is Verdict.AGREES


def test_who_could_not_pay_took_no_part_and_needs_no_balance():
    orders = [order("rich-pod"), order("poor-pod", "4")]
    clearing = clear(first_book(), orders, NOON, funds={"xyz": Funds(25_000_000)})
    status = json.loads(json.dumps(clearing_to_json(first_book(), orders, clearing)))
    assert {r["reason"] for r in status["refusals"]} == {"InsufficientFunds"}
    assert replay("c", status).verdict is Verdict.AGREES
