"""Drivers: what they say of their places, and the orders that these are."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.market.world import NOON, make_book, node, offer, pod

from busbar.market.clearing import clear
from busbar.market.drivers import with_places
from busbar.market.orders import Order, OrderRefused, parse_order
from busbar.market.publish import clearing_to_json, recompute
from busbar.market.reasons import Reason
from busbar.model.dtu import Resources
from busbar.model.errors import InvalidField
from busbar.model.places import Places, places_name, read_places, stated_places
from busbar.replay.compare import replay

GIB = 2**30
NODES = [
    node("a1", "near", "A", cpu="2"),
    node("a2", "near", "A", cpu="2"),
    node("b1", "far", "B", cpu="8", memory="32Gi"),
]
BOOK = make_book(NODES, [offer("near", "near", "0.02"), offer("far", "far", "0.05")])


def said(**places: Any) -> str:
    return json.dumps({"count": 3, "cpu": "1", "memory": "2Gi", **places})


def driver(name: str = "d", places: str | None = None, **terms: str) -> Order:
    found = parse_order(pod(name, gang_places=places or said(), **terms), None)
    assert isinstance(found, Order), found
    return found


def cleared(*orders: Order):
    batch = with_places(orders)
    clearing = clear(BOOK, batch, NOON)
    status = clearing_to_json(BOOK, batch, clearing)
    assert replay("c", status).findings == ()
    assert recompute(status) == status
    return clearing


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("3", "must be a JSON object"),
        ("{", "must be a JSON object"),
        ("[]", "must be a JSON object"),
        (said(count=0), "count: must be a whole number from 1 to 100"),
        (said(count=101), "count: must be a whole number from 1 to 100"),
        (said(count="3"), "count: must be a whole number from 1 to 100"),
        (said(count=True), "count: must be a whole number from 1 to 100"),
        (said(cpu="0"), "cpu: must be stated, and more than zero"),
        ('{"count": 1, "cpu": "1"}', "memory: must be stated, and more than zero"),
        (said(cpu="-1"), "cpu: must not be negative"),
        (said(memory="much"), "memory: must be a quantity"),
        (said(size=3), "size: is not known; there are count, cpu"),
        (said(cpu="99999999"), "is more than any machine has"),
    ],
)
def test_what_is_wrong_with_places_is_said_in_one_sentence(value: str, sentence: str):
    refused = parse_order(pod("d", gang_places=value), None)
    assert isinstance(refused, OrderRefused)
    assert refused.path.startswith("metadata.annotations[busbar.dev/gang-places]")
    assert sentence in refused.sentence


def test_places_are_read_with_gpus_and_disk():
    unit = Resources(500, GIB, 2, 3 * GIB)
    stated = {"count": 2, "cpu": 0.5, "memory": "1Gi", "gpus": 2, "ephemeralStorage": "3Gi"}
    assert stated_places(stated, "p") == Places(2, unit)
    assert read_places(json.dumps(stated), "p") == Places(2, unit)
    with pytest.raises(InvalidField):
        stated_places(None, "p")


def test_a_driver_that_draws_on_what_is_held_buys_no_places():
    refused = parse_order(pod("d", gang_places=said(), reservation="web"), None)
    assert isinstance(refused, OrderRefused)
    assert "bought together" in refused.sentence
    assert isinstance(parse_order(pod("d", gang_places=said(), reservation="none"), None), Order)


def test_the_name_of_its_procurement_is_another_for_each_driver():
    one, two = pod("d"), pod("d")
    two["metadata"]["uid"] = "another"
    assert places_name(one) != places_name(two)
    assert places_name(one).startswith("d-")
    assert len(places_name(pod("d" * 253))) <= 253


def test_places_are_orders_on_the_driver_s_terms_without_what_is_the_pod_s_own():
    order = driver(max_euro_per_dtu="0.5", region="A", expected_duration="2h")
    order = replace(order, labels=(("app", "spark"),))
    first, *units = with_places([order])
    assert first.id == order.id
    assert len(units) == 3
    for unit in units:
        assert unit.requests == Resources(1000, 2 * GIB)
        assert (unit.cap_nano, unit.eligibility, unit.duration) == (
            order.cap_nano,
            order.eligibility,
            order.duration,
        )
        assert (unit.labels, unit.places, unit.gang) == ((), None, first.gang)
    assert first.gang is not None
    assert first.gang.size == 4


def test_orders_without_places_are_as_they_were():
    orders = [driver(), replace(driver("e"), places=None, gang=None)]
    assert with_places(orders)[-1] is orders[-1]
    assert with_places(orders[1:]) == orders[1:]


def test_two_drivers_alone_are_two_gangs():
    one, two = driver("one"), driver("two")
    assert one.gang is not None
    assert two.gang is not None
    assert one.gang.name != two.gang.name


def test_driver_and_places_go_where_all_of_them_fit():
    matches = cleared(driver()).matches
    assert {match.zone for match in matches} == {"A"}
    matches = cleared(driver(places=said(count=4))).matches
    assert {match.zone for match in matches} == {"B"}
    assert len(matches) == 5


def test_where_they_fit_nowhere_nobody_has_a_place_and_the_driver_is_told_how_many_would():
    clearing = cleared(driver(places=said(count=8)))
    assert clearing.matches == ()
    (refusal,) = (r for r in clearing.refusals if r.order == "d")
    assert refusal.reason is Reason.GANG_NOT_PLACED
    assert "8 of 9 members" in refusal.sentence
