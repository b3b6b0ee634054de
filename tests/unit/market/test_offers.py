"""Offers: what is refused, and which rows they put on the market."""

from __future__ import annotations

import pytest
from tests.unit.market.world import node, offer

from busbar.market.offers import NOT_OFFERED, parse_offer, supply_rows, validate_offer
from busbar.model.dtu import Resources
from busbar.model.errors import InvalidField
from busbar.model.time import MINUTE

GIB = 1024**3


def rows(offers, nodes, ready=lambda _: True):
    return supply_rows([parse_offer(o) for o in offers], nodes, ready)


def test_a_good_offer_is_accepted():
    good = offer(
        "o",
        "elastx",
        0.05,
        reclaimNotice="10m",
        minimumTerm="5m",
        attributes={"iso27001": "yes"},
        nodeSelector={"disk": "ssd"},
    )
    assert validate_offer(good) == []
    found = parse_offer(good)
    assert (found.name, found.vendor, found.version) == ("o", "elastx", 1)
    assert (found.reclaim_notice_ms, found.minimum_term_ms) == (10 * MINUTE, 5 * MINUTE)
    assert found.attributes == (("iso27001", "yes"),)
    assert found.calendar.ask_at(0) == 50_000_000


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"vendor": ""}, "spec.vendor"),
        ({"vendor": 7}, "spec.vendor"),
        ({"pricePerDTU": None}, "spec.pricePerDTU"),
        ({"pricePerDTU": "NaN"}, "spec.pricePerDTU"),
        ({"pricePerDTU": float("nan")}, "spec.pricePerDTU"),
        ({"pricePerDTU": float("inf")}, "spec.pricePerDTU"),
        ({"pricePerDTU": "-0"}, "spec.pricePerDTU"),
        ({"pricePerDTU": -0.0}, "spec.pricePerDTU"),
        ({"pricePerDTU": "1e400"}, "spec.pricePerDTU"),
        ({"pricePerDTU": 2**63}, "spec.pricePerDTU"),
        ({"pricePerDTU": "0." + "1" * 30}, "spec.pricePerDTU"),
        ({"pricePerDTU": True}, "spec.pricePerDTU"),
        ({"pricePerDTU": []}, "spec.pricePerDTU"),
        ({"calendar": {"timeZone": "Mars/Olympus"}}, "spec.calendar.timeZone"),
        ({"nodeSelector": ["a"]}, "spec.nodeSelector"),
        ({"nodeSelector": {"a": 1}}, "spec.nodeSelector.a"),
        ({"attributes": {"a": None}}, "spec.attributes.a"),
        ({"reclaimNotice": "soon"}, "spec.reclaimNotice"),
        ({"minimumTerm": -1}, "spec.minimumTerm"),
        ({"paused": "yes"}, "spec.paused"),
    ],
)
def test_a_bad_offer_is_refused_with_the_fields_path(spec, path):
    bad = offer("o", "elastx", "0.05")
    bad["spec"].update(spec)
    found = validate_offer(bad)
    assert [where for where, _ in found] == [path]
    assert all(message for _, message in found)
    with pytest.raises(InvalidField) as refused:
        parse_offer(bad)
    assert refused.value.path == path


def test_every_fault_is_reported_at_once():
    bad = offer("o", "", "free", calendar={"timeZone": "x"}, minimumTerm="long", paused=1)
    assert [path for path, _ in validate_offer(bad)] == [
        "spec.vendor",
        "spec.pricePerDTU",
        "spec.calendar.timeZone",
        "spec.minimumTerm",
        "spec.paused",
    ]


def test_an_empty_object_is_refused_not_crashed_on():
    assert [path for path, _ in validate_offer({})] == ["spec.vendor", "spec.pricePerDTU"]


@pytest.mark.parametrize("spec", [[1], "x", 7, True])
def test_a_spec_that_is_no_object_is_refused(spec):
    assert validate_offer({"spec": spec}) == [("spec", "must be an object")]


def test_a_row_says_what_node_and_offer_say():
    tainted = node("e1", "elastx", "Sweden", cpu="3500m", memory="16Gi")
    tainted["metadata"]["annotations"]["busbar.dev/speed-rating-micro"] = "1250000"
    tainted["status"]["allocatable"]["nvidia.com/gpu"] = "2"
    tainted["spec"]["taints"] = [
        {"key": "gpu", "effect": "NoSchedule"},
        {"key": "soft", "effect": "PreferNoSchedule"},
    ]
    (row,) = rows([offer("o", "elastx", "0.05")], [tainted])
    assert (row.node, row.vendor, row.zone, row.offer) == ("e1", "elastx", "Sweden", "o")
    assert row.capacity == Resources(3500, 16 * GIB, 2)
    assert row.rating_micro == 1_250_000
    assert [taint.key for taint in row.taints] == ["gpu"]


def test_an_offer_sells_only_its_vendors_nodes_that_carry_its_labels():
    ssd = node("ssd", "elastx", "Sweden")
    ssd["metadata"]["labels"]["disk"] = "ssd"
    nodes = [ssd, node("hdd", "elastx", "Sweden"), node("other", "safespring", "Sweden")]
    found = rows([offer("fast", "elastx", "0.05", nodeSelector={"disk": "ssd"})], nodes)
    assert {row.node: row.offer for row in found} == {"ssd": "fast", "hdd": "", "other": ""}
    assert {row.calendar for row in found if not row.offer} == {NOT_OFFERED}


def test_a_node_under_two_offers_has_two_rows():
    offers = [offer("a", "elastx", "0.05"), offer("b", "elastx", "0.04")]
    assert [row.offer for row in rows(offers, [node("e1", "elastx", "Sweden")])] == ["a", "b"]


def test_a_node_that_is_leaving_or_cordoned_or_silent_says_so():
    leaving, cordoned = node("a", "elastx", "Sweden"), node("b", "elastx", "Sweden")
    leaving["metadata"]["deletionTimestamp"] = "2027-01-01T00:00:00Z"
    cordoned["spec"]["unschedulable"] = True
    found = rows([offer("o", "elastx", "1")], [leaving, cordoned], {"b"}.__contains__)
    assert [(row.node, row.cordoned, row.ready) for row in found] == [
        ("a", True, False),
        ("b", True, True),
    ]


def test_an_offer_being_deleted_sells_nothing_new():
    going = offer("o", "elastx", "1")
    going["metadata"]["deletionTimestamp"] = "2027-01-01T00:00:00Z"
    assert parse_offer(going).paused


@pytest.mark.parametrize("value", ["", "fast", "-5", "0", "1e6", "٣", "9" * 10])
def test_a_rating_that_cannot_be_read_counts_as_the_reference(value):
    odd = node("e1", "elastx", "Sweden")
    odd["metadata"]["annotations"]["busbar.dev/speed-rating-micro"] = value
    (row,) = rows([offer("o", "elastx", "1")], [odd])
    assert row.rating_micro == 1_000_000


@pytest.mark.parametrize("cpu", ["lots", "-4", "9e18"])
def test_a_node_whose_capacity_cannot_be_has_none(cpu):
    odd = node("e1", "elastx", "Sweden", cpu=cpu)
    (row,) = rows([offer("o", "elastx", "1")], [odd])
    assert row.capacity == Resources()
