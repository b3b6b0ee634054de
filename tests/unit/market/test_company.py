"""Required company: read from the Pod's spec, turned into groups, heeded where work is placed."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.market.world import NOON, make_book, node, offer, pod

from busbar.market.clearing import clear
from busbar.market.company import NO_RULES, Resident, in_company
from busbar.market.orders import Order, OrderRefused, parse_order
from busbar.market.reasons import Reason

HOST, REGION = "kubernetes.io/hostname", "topology.kubernetes.io/region"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
WEB = {"matchLabels": {"app": "web"}}
NODES = [
    node("a1", "v", "A"),
    node("a2", "v", "A"),
    node("b1", "v", "B"),
]
OFFERS = [offer("o", "v", "0.05")]


def near(kind: str, key: str, selector: Any = None, **more: Any) -> dict[str, Any]:
    term = {"topologyKey": key, "labelSelector": WEB if selector is None else selector, **more}
    return {"affinity": {kind: {REQUIRED: [term]}}}


def spread(skew: int = 1, **more: Any) -> dict[str, Any]:
    rule = {"maxSkew": skew, "topologyKey": REGION, "labelSelector": WEB}
    return {"topologySpreadConstraints": [{**rule, "whenUnsatisfiable": "DoNotSchedule", **more}]}


def workload(name: str, rules: dict[str, Any], app: str = "web", **terms: str) -> dict[str, Any]:
    found = pod(name, **terms)
    found["metadata"]["labels"] = {"app": app}
    return {**found, "spec": {**found["spec"], **rules}}


def read(obj: dict[str, Any]) -> Order:
    found = parse_order(obj, None)
    assert isinstance(found, Order), found
    return found


def refused(rules: dict[str, Any]) -> OrderRefused:
    found = parse_order(workload("p", rules), None)
    assert isinstance(found, OrderRefused), found
    return found


def cleared(pods, residents=()):
    orders, companions = in_company([read(obj) for obj in pods], residents)
    return clear(make_book(NODES, OFFERS).among(companions), orders, NOON)


def resident(where: str, app: str = "web", rules: dict[str, Any] | None = None) -> Resident:
    order = read(workload("there", rules or {}, app))
    return Resident(where, "xyz", {"app": app}, order.rules)


def nodes_of(clearing) -> list[str]:
    return sorted(match.node for match in clearing.matches)


def test_replicas_kept_apart_by_host_go_to_nodes_of_their_own():
    rules = near("podAntiAffinity", HOST)
    clearing = cleared([workload(f"p{i}", rules) for i in range(4)])
    assert nodes_of(clearing) == ["a1", "a2", "b1"]
    assert [refusal.reason for refusal in clearing.refusals] == [Reason.POD_ANTI_AFFINITY]
    assert "kept apart" in clearing.refusals[0].sentence


def test_replicas_kept_apart_by_region_go_to_regions_of_their_own():
    rules = near("podAntiAffinity", REGION)
    clearing = cleared([workload(f"p{i}", rules) for i in range(3)])
    assert {match.zone for match in clearing.matches} == {"A", "B"}
    assert len(clearing.matches) == 2


def test_somebody_there_who_keeps_others_away_is_heeded():
    keeper = resident("b1", "db", near("podAntiAffinity", REGION))
    clearing = cleared([workload(f"p{i}", {}) for i in range(3)], [keeper])
    assert {match.zone for match in clearing.matches} == {"A"}


def test_affinity_goes_where_its_company_is():
    rules = near("podAffinity", HOST)
    clearing = cleared([workload("p", rules, "client")], [resident("b1")])
    assert nodes_of(clearing) == ["b1"]


def test_affinity_to_nobody_waits_with_its_reason():
    clearing = cleared([workload("p", near("podAffinity", REGION), "client")])
    assert [refusal.reason for refusal in clearing.refusals] == [Reason.POD_AFFINITY]


def test_the_first_of_its_own_kind_may_go_anywhere_and_the_others_follow():
    rules = near("podAffinity", REGION)
    clearing = cleared([workload(f"p{i}", rules) for i in range(4)])
    assert len(clearing.matches) == 4
    assert len({match.zone for match in clearing.matches}) == 1


def test_whoever_needs_company_that_comes_later_in_the_batch_finds_it():
    client = workload("client", near("podAffinity", HOST), "client", max_euro_per_dtu="90")
    late = workload("late", {}, max_euro_per_dtu="20", region="B")
    assert nodes_of(cleared([client, late])) == ["b1", "b1"]


def test_a_spread_over_regions_stays_level():
    clearing = cleared([workload(f"p{i}", spread()) for i in range(6)])
    zones = [match.zone for match in clearing.matches]
    assert (zones.count("A"), zones.count("B")) == (3, 3)


def test_a_spread_counts_those_who_are_there_already():
    there = [resident("a1"), resident("a2"), resident("b1")]
    assert nodes_of(cleared([workload("p", spread())], there)) == ["b1"]


def test_fewer_regions_than_asked_for_count_as_if_one_were_empty():
    clearing = cleared([workload(f"p{i}", spread(minDomains=3)) for i in range(4)])
    assert len(clearing.matches) == 2
    assert {refusal.reason for refusal in clearing.refusals} == {Reason.TOPOLOGY_SPREAD}


def test_other_namespaces_are_no_company_unless_they_are_named():
    stranger = Resident("b1", "other", {"app": "web"}, NO_RULES)
    own, named = near("podAffinity", HOST), near("podAffinity", HOST, namespaces=["other"])
    assert not cleared([workload("p", own, "client")], [stranger]).matches
    assert nodes_of(cleared([workload("p", named, "client")], [stranger])) == ["b1"]
    every = near("podAffinity", HOST, namespaceSelector={})
    assert nodes_of(cleared([workload("p", every, "client")], [stranger])) == ["b1"]


@pytest.mark.parametrize(
    ("expression", "fits"),
    [
        ({"operator": "In", "values": ["web", "api"]}, True),
        ({"operator": "In", "values": ["api"]}, False),
        ({"operator": "NotIn", "values": ["api"]}, True),
        ({"operator": "NotIn", "values": ["web"]}, False),
        ({"operator": "Exists"}, True),
        ({"operator": "DoesNotExist"}, False),
    ],
)
def test_label_expressions_mean_what_kubernetes_says(expression, fits):
    selector = {"matchExpressions": [{"key": "app", **expression}]}
    rules = near("podAffinity", HOST, selector, namespaces=["other"])
    there = Resident("b1", "other", {"app": "web"}, NO_RULES)
    found = nodes_of(cleared([workload("p", rules, "client")], [there]))
    assert found == (["b1"] if fits else [])


def test_no_selector_at_all_selects_nobody():
    rules = {"affinity": {"podAntiAffinity": {REQUIRED: [{"topologyKey": HOST}]}}}
    assert len(cleared([workload(f"p{i}", rules) for i in range(6)]).matches) == 6


@pytest.mark.parametrize(
    ("rules", "path"),
    [
        (near("podAffinity", "rack"), f"spec.affinity.podAffinity.{REQUIRED}[0].topologyKey"),
        (
            near("podAntiAffinity", HOST, namespaceSelector={"matchLabels": {"a": "b"}}),
            f"spec.affinity.podAntiAffinity.{REQUIRED}[0].namespaceSelector",
        ),
        (
            near("podAffinity", HOST, {"matchExpressions": [{"key": "a", "operator": "Gt"}]}),
            f"spec.affinity.podAffinity.{REQUIRED}[0].labelSelector.matchExpressions[0].operator",
        ),
        (spread(0), "spec.topologySpreadConstraints[0].maxSkew"),
        (
            spread(nodeTaintsPolicy="Honor"),
            "spec.topologySpreadConstraints[0].nodeTaintsPolicy",
        ),
    ],
)
def test_what_cannot_be_promised_is_refused_by_its_field(rules, path):
    assert refused(rules).path == path
