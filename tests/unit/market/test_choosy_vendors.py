"""What vendors hold back: a limit for each consumer, and work that they will not run."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.unit.market.world import NODES, NOON, node, offer, order

from busbar.market.book import Book
from busbar.market.clearing import clear
from busbar.market.dealings import Counter, Holding, consumer_of
from busbar.market.offers import parse_offer, supply_rows
from busbar.market.orders import DEFAULT_DURATION
from busbar.market.publish import clearing_to_json, recompute
from busbar.market.reasons import Reason
from busbar.model.choosiness import Feature, Limit, read_limit, read_refuses, traits_of
from busbar.model.dtu import Resources
from busbar.model.errors import InvalidField
from busbar.model.time import HOUR
from busbar.replay.compare import Verdict, replay

GIB = 1024**3
TWO = [node("e1", "elastx", "Sweden"), node("e2", "elastx", "Sweden")]


def market(nodes, *offers, holdings=()):
    parsed = [parse_offer(one) for one in offers]
    rows = supply_rows(parsed, nodes, lambda _: True)
    return Book.build(rows, (), (), (), holdings), Counter(parsed, DEFAULT_DURATION)


def limited(**most):
    return offer("elastx", "elastx", "0.05", limits={"perNamespace": most})


def wanting(dealers, name="p", namespace="xyz", spec=None, **terms):
    return dealers.served(replace(order(name, **terms), namespace=namespace), spec or {})


def test_a_consumer_has_no_more_than_its_share_and_others_have_the_rest():
    book, dealers = market(TWO, limited(share="25%"))
    mine = [wanting(dealers, f"mine-{i}") for i in range(4)]
    theirs = [wanting(dealers, f"theirs-{i}", "abc") for i in range(4)]
    found = clear(book, [*mine, *theirs], NOON)
    names = [match.order for match in found.matches]
    assert sum(name.startswith("mine") for name in names) == 2
    assert sum(name.startswith("theirs") for name in names) == 2
    assert {refusal.reason for refusal in found.refusals} == {Reason.VENDOR_LIMIT}
    clauses = [count.clause for count in found.refusals[0].funnel.counts]
    assert clauses == ["2 where this namespace has all that the vendor sells to one"]


def test_ephemeral_storage_is_limited_as_well_and_binds_only_who_asks_for_it():
    nodes = [node(name, "elastx", "Sweden") for name in ("e1", "e2")]
    for one in nodes:
        one["status"]["allocatable"]["ephemeral-storage"] = "100Gi"
    taken = Holding("elastx", consumer_of("xyz"), Resources(100, GIB, 0, 9 * GIB), 0, None)
    book, dealers = market(nodes, limited(ephemeralStorage="8Gi"), holdings=[taken])
    asking = wanting(dealers, "asking")
    asking = replace(asking, requests=asking.requests._replace(ephemeral_bytes=GIB))
    found = clear(book, [asking, wanting(dealers, "other")], NOON)
    assert [match.order for match in found.matches] == ["other"]
    assert [refusal.reason for refusal in found.refusals] == [Reason.VENDOR_LIMIT]
    status = clearing_to_json(book, [asking], clear(book, [asking], NOON))
    assert status["supply"][0]["limit"] == {"ephemeralBytes": 8 * GIB}
    assert status["holdings"][0]["ephemeralBytes"] == 9 * GIB
    assert replay("c", json.loads(json.dumps(status))).verdict is Verdict.AGREES
    assert recompute(status) == status


def test_amounts_limit_as_well_and_the_least_counts():
    book, dealers = market(TWO, limited(share="50%", cpu="3", memory="4Gi"))
    found = clear(book, [wanting(dealers, f"p{i}") for i in range(4)], NOON)
    assert len(found.matches) == 2


def test_what_a_consumer_has_already_counts():
    mine, theirs = (
        Holding("elastx", consumer_of(name), Resources(1000, 2 * GIB), NOON - HOUR, None)
        for name in ("xyz", "abc")
    )
    for holdings, count in (((mine,), 1), ((theirs,), 2), ((mine, mine), 0)):
        book, dealers = market(TWO, limited(cpu=2), holdings=holdings)
        found = clear(book, [wanting(dealers, f"p{i}") for i in range(3)], NOON)
        assert len(found.matches) == count


def test_a_limit_holds_in_every_slot_of_a_term():
    later = Holding("elastx", consumer_of("xyz"), Resources(2000, 2 * GIB), NOON + HOUR, None)
    book, dealers = market(TWO, limited(cpu=2), holdings=(later,))
    short = wanting(dealers, expected_duration="30m")
    long = wanting(dealers, expected_duration="90m")
    assert clear(book, [short], NOON).matches
    assert not clear(book, [long], NOON).matches


def test_a_dearer_offer_is_taken_where_the_cheap_one_is_used_up():
    dear = offer("safespring", "safespring", "0.06")
    book, dealers = market([*TWO, NODES[1]], limited(cpu=1), dear)
    found = clear(book, [wanting(dealers, f"p{i}") for i in range(2)], NOON)
    assert sorted(match.vendor for match in found.matches) == ["elastx", "safespring"]


def test_an_offer_without_limits_asks_nobody_who_they_are():
    _, dealers = market(TWO, offer("elastx", "elastx", "0.05"))
    plain = order("p")
    assert dealers.served(plain, {}) is plain


@pytest.mark.parametrize(
    ("refuses", "spec", "declined"),
    [
        ({"namespaces": ["x*"]}, {}, True),
        ({"namespaces": ["abc"]}, {}, False),
        ({"images": ["docker.io/*"]}, {"containers": [{"image": "docker.io/a/b:1"}]}, True),
        ({"images": ["docker.io/*"]}, {"containers": [{"image": "apache/spark"}]}, False),
        ({"images": ["*miner*"]}, {"initContainers": [{"image": "x/miner"}]}, True),
        ({"features": ["Root"]}, {"securityContext": {"runAsUser": 0}, "containers": [{}]}, True),
        ({"features": ["Root"]}, {"containers": [{}]}, False),
        ({"features": ["SharedProcesses"]}, {"shareProcessNamespace": True}, True),
        ({"longerThan": "30m"}, {}, True),
        ({"longerThan": "1h"}, {}, False),
    ],
)
def test_what_a_vendor_will_not_run_goes_elsewhere(refuses, spec, declined):
    cheap = offer("elastx", "elastx", "0.05", refuses=refuses)
    book, dealers = market(NODES, cheap, offer("safespring", "safespring", "0.06"))
    found = clear(book, [wanting(dealers, spec=spec)], NOON)
    assert found.matches[0].vendor == ("safespring" if declined else "elastx")
    if declined:
        said = "elastx at 0.05 €/DTU: whose vendor will not run such work"
        assert found.cheaper("p") == (said,)


def test_who_is_declined_everywhere_is_told_so():
    book, dealers = market(TWO, offer("elastx", "elastx", "0.05", refuses={"namespaces": ["*"]}))
    refusal = clear(book, [wanting(dealers)], NOON).refusals[0]
    assert refusal.reason is Reason.DECLINED_BY_VENDOR


def test_a_workloads_features_are_a_closed_list():
    container = {
        "image": "a",
        "securityContext": {
            "privileged": True,
            "runAsUser": 0,
            "capabilities": {"add": ["NET_ADMIN"]},
        },
    }
    spec = {"containers": [container], "shareProcessNamespace": True}
    assert set(traits_of(spec, "n", 1, 0).features) == set(Feature)


def test_a_clearing_with_choosy_vendors_can_be_worked_out_again_and_names_nobody():
    holding = Holding("elastx", consumer_of("xyz"), Resources(1000, GIB), NOON - HOUR, None)
    book, dealers = market(
        [*TWO, *NODES[1:]],
        limited(share="25%", cpu=3),
        offer("safespring", "safespring", "0.06", refuses={"namespaces": ["secret-*"]}),
        holdings=(holding,),
    )
    orders = [
        wanting(dealers, f"{space}-{i}", space)
        for space in ("xyz", "abc", "secret-one")
        for i in range(3)
    ]
    status = clearing_to_json(book, orders, clear(book, orders, NOON))
    assert recompute(json.loads(json.dumps(status))) == status
    assert replay("c", status).verdict is Verdict.AGREES
    assert "secret" not in json.dumps([order["dealings"] for order in status["orders"]])


@pytest.mark.parametrize(
    ("said", "path"),
    [
        (7, "l"),
        ({"perNamespace": 7}, "l.perNamespace"),
        ({"perNamespace": {"disk": 1}}, "l.perNamespace.disk"),
        ({"perNamespace": {"share": "0%"}}, "l.perNamespace.share"),
        ({"perNamespace": {"share": "101%"}}, "l.perNamespace.share"),
        ({"perNamespace": {"share": "NaN"}}, "l.perNamespace.share"),
        ({"perNamespace": {"share": "0.00000001"}}, "l.perNamespace.share"),
        ({"perNamespace": {"cpu": "-1"}}, "l.perNamespace.cpu"),
    ],
)
def test_a_limit_that_cannot_be_read_is_named(said, path):
    with pytest.raises(InvalidField) as caught:
        read_limit(said, "l")
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ([], "r"),
        ({"colours": []}, "r.colours"),
        ({"images": "all"}, "r.images"),
        ({"images": [""]}, "r.images[0]"),
        ({"features": ["Fun"]}, "r.features[0]"),
        ({"longerThan": "long"}, "r.longerThan"),
    ],
)
def test_a_refusal_that_cannot_be_read_is_named(said, path):
    with pytest.raises(InvalidField) as caught:
        read_refuses(said, "r")
    assert caught.value.path == path


def test_shares_are_read_exactly():
    assert read_limit({"perNamespace": {"share": "12.5%"}}, "l") == Limit(share_ppm=125_000)
    assert read_limit({"perNamespace": {"share": 0.25}}, "l") == Limit(share_ppm=250_000)
