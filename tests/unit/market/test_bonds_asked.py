"""Orders that ask for a bond: what counts is what is in the vendor's, and the funnel says so."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from tests.unit.market.world import NODES, NOON, OFFERS, order

from busbar.market.attested import Claims
from busbar.market.book import Book
from busbar.market.clearing import clear
from busbar.market.counterfactual import Change, outlook
from busbar.market.offers import parse_offer, supply_rows
from busbar.market.publish import clearing_to_json, recompute
from busbar.market.reasons import Reason
from busbar.market.restrictions import divided
from busbar.model.errors import InvalidField
from busbar.model.expressions import read_attributes
from busbar.model.objects import labels_of
from busbar.model.wellknown import LABEL_BOND
from busbar.replay.compare import Verdict, replay

IN_BONDS = {"elastx": "100", "safespring": "0.5"}


def book(bonds=None, nodes=NODES):
    stated = {vendor: ((LABEL_BOND, nano),) for vendor, nano in (bonds or IN_BONDS).items()}
    rows = supply_rows([parse_offer(o) for o in OFFERS], nodes, lambda _: True, Claims(stated, {}))
    return Book.build(rows, (), ["elastx", "safespring", "hansecloud"])


def asking(**how):
    return order("p", restrictions=json.dumps({"allOf": [{"attribute": "bond", **how}]}))


def vendor(found):
    return found.matches[0].vendor if found.matches else None


def test_without_a_bond_asked_for_the_cheapest_is_taken():
    assert vendor(clear(book(), [order("p")], NOON)) == "hansecloud"


@pytest.mark.parametrize(
    ("how", "taken"),
    [
        ({"atLeast": 1}, "elastx"),
        ({"atLeast": 100}, "elastx"),
        ({"atLeast": "100.000000001"}, None),
        ({"above": 100}, None),
        ({"atLeast": "0.000000001"}, "safespring"),
        ({"exists": False}, "hansecloud"),
    ],
)
def test_what_is_in_the_bond_counts(how, taken):
    cheap = book({"elastx": "100", "safespring": "0.5"})
    found = clear(cheap, [asking(**how)], NOON)
    if taken == "safespring":  # Both have as much: the cheaper one of them is taken.
        assert vendor(found) in ("elastx", "safespring")
    else:
        assert vendor(found) == taken


def test_the_funnel_has_a_reason_of_its_own():
    refusal = clear(book(), [asking(atLeast=200)], NOON).refusals[0]
    assert refusal.reason is Reason.BOND_TOO_LOW
    (count,) = refusal.funnel.counts
    assert count.clause == "3 whose vendor has no bond at least 200 €"


def test_what_else_is_asked_for_is_asked_first():
    wanted = {"certification": "ISO27001", "allOf": [{"attribute": "bond", "atLeast": 200}]}
    refusal = clear(book(), [order("p", restrictions=json.dumps(wanted))], NOON).refusals[0]
    assert {count.reason for count in refusal.funnel.counts} == {Reason.RESTRICTION_NOT_MET}


def test_beside_something_else_under_any_of_it_is_part_of_that():
    bond = {"attribute": "bond", "atLeast": 200}
    wanted = {"anyOf": [bond, {"certification": "ISO27001"}]}
    refusal = clear(book(), [order("p", restrictions=json.dumps(wanted))], NOON).refusals[0]
    assert refusal.reason is Reason.RESTRICTION_NOT_MET


@pytest.mark.parametrize(
    "wanted",
    [
        {"allOf": [{"attribute": "bond", "atLeast": 200}]},
        {"not": {"attribute": "bond", "atLeast": "0.1"}},
        {"attribute": "bond", "atLeast": 1, "not": {"attribute": "bond", "above": 50}},
        {"attribute": "bond", "atLeast": 1, "certification": "ISO27001", "signedBy": "tuv"},
        {
            "allOf": [
                {"certification": "ISO27001", "signedBy": "tuv"},
                {"attribute": "bond", "atLeast": 1},
            ]
        },
    ],
)
def test_record_and_replay_agree(wanted):
    has = book()
    orders = [order("p", restrictions=json.dumps(wanted)), order("q")]
    status = clearing_to_json(has, orders, clear(has, orders, NOON))
    assert recompute(status) == status
    assert replay("c", status).verdict is Verdict.AGREES


def test_an_expression_is_divided_into_what_it_asks_of_the_bond_and_the_rest():
    where = asking(atLeast=1).eligibility.where
    assert divided(where) == ("", where)
    assert divided("") == ("", "")


@pytest.mark.parametrize("name", ["bond", LABEL_BOND])
def test_nobody_states_a_bond_of_their_own(name):
    with pytest.raises(InvalidField, match="the ledger says"):
        read_attributes({name: "1000000"}, "spec.attributes")


def test_a_label_of_a_node_is_no_bond():
    said = [
        {**n, "metadata": {**n["metadata"], "labels": {**labels_of(n), LABEL_BOND: "9999"}}}
        for n in NODES
    ]
    assert clear(book(nodes=said), [asking(atLeast=200)], NOON).refusals


def test_the_largest_bond_that_could_be_asked_for_is_named():
    found = outlook(book(), asking(atLeast=200), [], NOON)
    (bond,) = (one for one in found.alternatives if one.change is Change.BOND)
    assert bond.advice == "asking for a bond of 100 €"
    assert Decimal(IN_BONDS[bond.match.vendor]) >= 100
