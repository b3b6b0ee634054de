"""What expressions mean in the market: who is eligible, what the funnel says, what would help."""

from __future__ import annotations

import json

import pytest
from tests.unit.market.world import NOON, make_book, node, offer, order, pod

from busbar.market.attested import When
from busbar.market.clearing import clear
from busbar.market.counterfactual import outlook
from busbar.market.facts import Facts
from busbar.market.orders import parse_order
from busbar.market.publish import clearing_to_json, recompute
from busbar.market.reasons import Reason
from busbar.market.restrictions import holds, said
from busbar.model.expressions import conjuncts, of_text, read_expression
from busbar.replay.compare import Verdict, replay


def labelled(name, vendor="elastx", region="Sweden", **labels):
    made = node(name, vendor, region)
    made["metadata"]["labels"] |= labels
    return made


def asking(name="p", **wanted):
    return order(name, restrictions=json.dumps(wanted))


NODES = [
    labelled("e1", disk="ssd", gen="3"),
    labelled("e2", disk="hdd", gen="12"),
    labelled("s1", "safespring", kernel="6.10.0"),
    labelled("h1", "hansecloud", "Germany"),
]
OFFERS = [
    offer("elastx", "elastx", "0.05"),
    offer(
        "safespring",
        "safespring",
        "0.06",
        attributes={"certification": "ISO27001, SOC2", "isolation": "microvm"},
    ),
    offer("hansecloud", "hansecloud", "0.02", attributes={"certification": "SOC2"}),
]


def book():
    return make_book(NODES, OFFERS)


def outcome(*orders):
    found = clear(book(), orders, NOON)
    return {m.order: m.node for m in found.matches}, found


@pytest.mark.parametrize(
    ("wanted", "places"),
    [
        ({"certification": "ISO27001"}, {"s1"}),
        ({"certification": ["ISO27001", "SOC2"]}, {"s1", "h1"}),
        ({"not": {"certification": "SOC2"}}, {"e1", "e2"}),
        ({"attribute": "isolation", "atLeast": "sandbox"}, {"s1"}),
        ({"attribute": "isolation", "above": "microvm"}, set()),
        ({"attribute": "gen", "above": 3}, {"e2"}),
        ({"attribute": "gen", "atMost": 3}, {"e1"}),
        ({"attribute": "kernel", "atLeast": "6.9", "as": "version"}, {"s1"}),
        ({"attribute": "kernel", "atLeast": "6.10", "as": "version"}, {"s1"}),
        ({"attribute": "kernel", "above": "6.10", "as": "version"}, set()),
        ({"attribute": "disk", "exists": True}, {"e1", "e2"}),
        ({"node": ["e2", "h1"]}, {"e2", "h1"}),
        ({"region": "Germany"}, {"h1"}),
        ({"anyOf": [{"disk": "ssd"}, {"vendor": "hansecloud"}]}, {"e1", "h1"}),
        ({"region": "Sweden", "not": {"disk": "hdd"}}, {"e1", "s1"}),
    ],
)
def test_an_order_runs_only_where_its_expression_holds(wanted, places):
    found = {
        name
        for name in ("e1", "e2", "s1", "h1")
        if outcome(asking(**wanted, allOf=[{"node": name}]))[0]
    }
    assert found == places


def test_node_affinity_and_restrictions_must_both_hold():
    made = pod("p", restrictions='{"certification": "SOC2"}')
    terms = [{"matchExpressions": [{"key": "disk", "operator": "DoesNotExist"}]}]
    key = "requiredDuringSchedulingIgnoredDuringExecution"
    made["spec"]["affinity"] = {"nodeAffinity": {key: {"nodeSelectorTerms": terms}}}
    found = parse_order(made, None)
    assert [said(part) for part in conjuncts(of_text(found.eligibility.where))] == [
        "certification SOC2",
        "no disk",
    ]
    assert outcome(found)[0] == {"p": "h1"}


def test_the_funnel_says_which_part_ruled_out_how_many():
    _, found = outcome(asking(certification="SOC2", allOf=[{"disk": "ssd"}]))
    funnel = found.refusals[0].funnel
    assert [count.clause for count in funnel.counts] == [
        "2 that do not meet 'certification SOC2'",
        "2 that do not meet 'disk ssd'",
    ]
    assert {count.reason for count in funnel.counts} == {Reason.RESTRICTION_NOT_MET}


def test_cheaper_offers_passed_over_name_the_part_that_they_do_not_meet():
    _, found = outcome(asking(certification="ISO27001"))
    assert "hansecloud at 0.02 €/DTU: that do not meet 'certification ISO27001'" in found.cheaper(
        "p"
    )


def test_the_least_restriction_to_drop_is_named_with_its_price():
    wanted = asking(certification="ISO27001", allOf=[{"disk": "ssd"}])
    found = outlook(book(), wanted, [], NOON)
    words = [answer.sentence for answer in found.alternatives]
    assert (
        "without the restriction 'certification ISO27001': elastx in Sweden at 0.05 €/DTU" in words
    )


def test_where_no_single_part_helps_all_are_named():
    wanted = asking(a="1", b="2")
    found = outlook(book(), wanted, [], NOON)
    assert found.alternatives[0].sentence.startswith("without the restriction 'a 1 and b 2'")


def test_equal_meanings_are_one_class_and_pay_one_price():
    one = asking("one", anyOf=[{"disk": "ssd"}, {"disk": "hdd"}])
    two = asking("two", disk=["hdd", "ssd"])
    assert one.eligibility == two.eligibility
    _, found = outcome(one, two)
    assert len({price.eligibility for price in found.prices}) == 1


def test_a_clearing_with_expressions_can_be_worked_out_again():
    orders = [
        asking("a", certification="ISO27001"),
        asking("b", anyOf=[{"attribute": "gen", "above": 3}, {"region": "Germany"}]),
        asking("c", attribute="isolation", atLeast="machine"),
    ]
    status = clearing_to_json(book(), orders, clear(book(), orders, NOON))
    assert recompute(json.loads(json.dumps(status))) == status
    assert replay("c", status).verdict is Verdict.AGREES


def test_an_expression_that_was_tampered_with_is_found_out():
    orders = [asking("a", certification="ISO27001")]
    status = clearing_to_json(book(), orders, clear(book(), orders, NOON))
    status["orders"][0]["where"] = {"attribute": "certification", "in": ["SOC2"]}
    assert replay("c", status).verdict is Verdict.DISAGREES


def test_an_order_that_asks_for_nothing_publishes_nothing_of_it():
    status = clearing_to_json(book(), [order("a")], clear(book(), [order("a")], NOON))
    assert "where" not in status["orders"][0]


@pytest.mark.parametrize("value", ["", "high", "1.2.3", "-"])
def test_what_is_no_number_compares_with_none(value):
    wanted = read_expression({"attribute": "a", "above": -5}, "x")
    now = When(NOON, NOON + 1)
    assert not holds(wanted, Facts((value,)), now)
    assert holds(wanted._replace(negated=True), Facts((value,)), now)


def test_a_bad_expression_is_refused_with_its_path():
    found = parse_order(pod("p", restrictions='{"allOf": [{"attribute": "a"}]}'), None)
    assert found.path == "metadata.annotations[busbar.dev/restrictions].allOf[0]"
