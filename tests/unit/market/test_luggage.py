"""What an order brings along, and what that weighs against what is known of buckets and images."""

from __future__ import annotations

import pytest
from tests.unit.market.world import pod

from busbar.market.burden import GIB, NO_BURDEN, Data, Delay, Lost
from busbar.market.luggage import (
    CARRY_BYTES_PER_S,
    PULL_BYTES_PER_S,
    RESTART_MS,
    Held,
    Place,
    Stock,
    burden_of,
    image_name,
)
from busbar.market.orders import Order, OrderRefused, parse_order
from busbar.model.time import HOUR

PLACE = Place("Sweden", "elastx")
NODES = frozenset({"n1", "n2"})


def luggage(*, buckets=("data",), image="spark", **terms):
    made = pod("job", **terms)
    made["spec"]["containers"][0]["image"] = image
    made["spec"]["volumes"] = [
        {"name": b, "csi": {"driver": "bucket.busbar.dev", "volumeAttributes": {"bucket": b}}}
        for b in buckets
    ] + [{"name": "tmp", "emptyDir": {}}]
    found = parse_order(made, None)
    assert isinstance(found, Order), found
    return found.luggage


def stock(images=None, priced=True):
    return Stock(PLACE, images or {}, NODES, priced)


def test_buckets_and_images_are_read_from_the_pod():
    found = luggage(buckets=("b", "a", "b"), image="apache/spark")
    assert (found.buckets, found.images) == (("a", "b"), ("apache/spark:latest",))


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("spark", "spark:latest"),
        ("spark:3", "spark:3"),
        ("host:5000/a/spark", "host:5000/a/spark:latest"),
        ("spark@sha256:00", "spark@sha256:00"),
    ],
)
def test_an_image_without_a_tag_is_the_latest(reference, name):
    assert image_name(reference) == name


def test_unless_stated_all_of_its_buckets_is_read_once_and_nothing_written():
    assert burden_of(luggage(), 3 * GIB, HOUR, stock()).data == Data("Sweden", "elastx", 3 * GIB)


def test_what_is_stated_counts():
    stated = luggage(expected_read="1Gi", expected_write="2Gi", max_egress_euro="0.5")
    found = burden_of(stated, 3 * GIB, HOUR, stock())
    assert found.data == Data("Sweden", "elastx", GIB, 2 * GIB)
    assert found.cap_nano == 500_000_000


def test_nobody_is_expected_to_carry_more_than_the_term_allows():
    found = burden_of(luggage(expected_write="1Ti"), 2**50, 60_000, stock()).data
    assert found == Data("Sweden", "elastx", CARRY_BYTES_PER_S * 60, CARRY_BYTES_PER_S * 60)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("expected_read", "much", "must be a quantity"),
        ("expected_read", "-1", "must not be negative"),
        ("expected_write", "2Pi", "is more than a pebibyte"),
        ("max_egress_euro", "1e3", "is not a price"),
    ],
)
def test_a_wrong_statement_is_refused_with_its_path(field, value, words):
    refused = parse_order(pod("job", **{field: value}), None)
    assert isinstance(refused, OrderRefused)
    assert field.replace("_", "-") in refused.path
    assert words in refused.message


def test_where_nobody_charges_for_data_there_is_no_burden():
    assert burden_of(luggage(), 3 * GIB, HOUR, stock(priced=False)) is NO_BURDEN
    assert burden_of(luggage(buckets=()), 0, HOUR, stock()) is NO_BURDEN


def test_an_image_takes_its_size_at_the_stated_rate_where_it_is_not_held():
    held = Held(10 * PULL_BYTES_PER_S, frozenset({"n1"}))
    found = burden_of(luggage(buckets=()), 0, HOUR, stock({"spark:latest": held}))
    assert found.lost == (Lost(Delay.PULL, 10_000, frozenset({"n1"})),)


@pytest.mark.parametrize(
    "held",
    [Held(10 * PULL_BYTES_PER_S, NODES), Held(PULL_BYTES_PER_S // 2, frozenset({"n1"}))],
    ids=["everybody holds it", "it is small"],
)
def test_an_image_that_decides_nothing_is_no_burden(held):
    assert burden_of(luggage(buckets=()), 0, HOUR, stock({"spark:latest": held})) is NO_BURDEN


def test_work_that_ran_before_loses_its_warmth_elsewhere():
    found = burden_of(luggage(buckets=(), ran_on="n1"), 0, HOUR, stock())
    assert found.lost == (Lost(Delay.RESTART, RESTART_MS, frozenset({"n1"})),)
