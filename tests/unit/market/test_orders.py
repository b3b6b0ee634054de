"""Orders: what a Pod asks for, on which terms, and what is refused."""

from __future__ import annotations

import pytest
from tests.unit.market.world import order, pod

from busbar.market.orders import Order, OrderRefused, parse_order
from busbar.model.dtu import Resources
from busbar.model.time import MINUTE, parse_instant

MIB = 1024**2
GIB = 1024**3


def containers(*requests, init=(), **spec):
    made = pod("p")
    made["spec"] = {
        "containers": [{"name": f"c{i}", "resources": r} for i, r in enumerate(requests)],
        "initContainers": list(init),
        **spec,
    }
    return made


def parsed(made, namespace=None) -> Order:
    found = parse_order(made, namespace)
    assert isinstance(found, Order), found
    return found


def refused(made, namespace=None) -> OrderRefused:
    found = parse_order(made, namespace)
    assert isinstance(found, OrderRefused), found
    return found


def test_the_annotations_are_the_terms():
    found = order(
        "p",
        max_euro_per_dtu="50",
        region="Sweden",
        vendor="safespring, elastx",
        not_after="2027-03-25T08:25:58Z",
        may_wait="true",
        expected_duration="1h30m",
        avoid_nodes="e7",
    )
    assert found.cap_nano == 50_000_000_000
    assert found.eligibility.regions == ("Sweden",)
    assert found.eligibility.vendors == ("elastx", "safespring")
    assert found.deadline == parse_instant("2027-03-25T08:25:58Z", "x")
    assert (found.may_wait, found.duration) == (True, 90 * MINUTE)
    assert found.avoid == {"e7"}
    assert (found.id, found.namespace, found.name) == ("p", "xyz", "p")


def test_a_plain_pod_may_go_anywhere_at_the_namespaces_cap():
    namespace = {"metadata": {"name": "xyz", "annotations": {"busbar.dev/max-euro-per-dtu": "7"}}}
    assert parsed(pod("p"), namespace).cap_nano == 7_000_000_000
    assert parsed(pod("p"), {"metadata": {"name": "xyz"}}).cap_nano == 100_000_000_000
    assert order("p").eligibility == ((), (), (), (), "")


def test_a_pods_own_cap_wins_over_the_namespaces():
    namespace = {"metadata": {"name": "xyz", "annotations": {"busbar.dev/max-euro-per-dtu": "7"}}}
    assert parsed(pod("p", max_euro_per_dtu="9"), namespace).cap_nano == 9_000_000_000


def test_containers_add_up():
    one = {"requests": {"cpu": "250m", "memory": "1Gi"}}
    two = {"requests": {"cpu": "1", "memory": "512Mi", "nvidia.com/gpu": "1"}}
    assert parsed(containers(one, two)).requests == Resources(1250, 1536 * MIB, 1)


def test_a_limit_without_a_request_is_the_request():
    some = {"limits": {"cpu": "2", "memory": "4Gi"}, "requests": {"cpu": "500m"}}
    assert parsed(containers(some)).requests == Resources(500, 4 * GIB)


def test_an_init_container_counts_where_it_needs_more_than_all_others_together():
    small = {"requests": {"cpu": "500m", "memory": "1Gi"}}
    init = {"name": "i", "resources": {"requests": {"cpu": "2", "memory": "256Mi"}}}
    assert parsed(containers(small, init=[init])).requests == Resources(2000, GIB)


def test_a_sidecar_counts_with_the_containers_and_with_later_init_containers():
    small = {"requests": {"cpu": "500m", "memory": "1Gi"}}
    sidecar = {
        "name": "s",
        "restartPolicy": "Always",
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
    }
    init = {"name": "i", "resources": {"requests": {"cpu": "2", "memory": "1Gi"}}}
    found = parsed(containers(small, init=[sidecar, init]))
    assert found.requests == Resources(3000, 2 * GIB)


def test_overhead_is_added():
    small = {"requests": {"cpu": "500m", "memory": "1Gi"}}
    found = parsed(containers(small, overhead={"cpu": "250m", "memory": "64Mi"}))
    assert found.requests == Resources(750, 1024 * MIB + 64 * MIB)


@pytest.mark.parametrize("resources", [{}, {"requests": {}}, {"requests": {"cpu": "0"}}])
def test_who_asks_for_nothing_reserves_a_little_for_nothing_runs_for_free(resources):
    assert parsed(containers(resources)).requests == Resources(100, 128 * MIB)


def test_tolerations_and_selectors_do_not_depend_on_how_they_were_written():
    a, b = {"key": "a", "operator": "Exists"}, {"key": "b", "value": "1", "effect": "NoSchedule"}
    one = parsed(containers({}, tolerations=[a, b], nodeSelector={"x": "1", "y": "2"}))
    two = parsed(containers({}, tolerations=[b, a, a], nodeSelector={"y": "2", "x": "1"}))
    assert one.eligibility == two.eligibility


@pytest.mark.parametrize(
    ("terms", "annotation"),
    [
        ({"max_euro_per_dtu": "NaN"}, "max-euro-per-dtu"),
        ({"max_euro_per_dtu": "-0"}, "max-euro-per-dtu"),
        ({"max_euro_per_dtu": "1e400"}, "max-euro-per-dtu"),
        ({"max_euro_per_dtu": str(2**63)}, "max-euro-per-dtu"),
        ({"max_euro_per_dtu": "1." + "0" * 31}, "max-euro-per-dtu"),
        ({"max_euro_per_dtu": "1." + "9" * 30}, "max-euro-per-dtu"),
        ({"max_euro_per_dtu": ""}, "max-euro-per-dtu"),
        ({"region": ""}, "region"),
        ({"region": "Sweden,"}, "region"),
        ({"vendor": " , "}, "vendor"),
        ({"not_after": "tomorrow"}, "not-after"),
        ({"not_before": "tomorrow"}, "not-before"),
        ({"not_after": "2027-03-25T08:25:58"}, "not-after"),
        ({"not_after": "2027-02-30T08:25:58Z"}, "not-after"),
        ({"may_wait": "yes"}, "may-wait"),
        ({"expected_duration": "0s"}, "expected-duration"),
        ({"expected_duration": "-5m"}, "expected-duration"),
        ({"expected_duration": "quick"}, "expected-duration"),
    ],
)
def test_a_bad_term_is_refused_with_the_annotations_path(terms, annotation):
    found = refused(pod("p", **terms))
    assert found.path == f"metadata.annotations[busbar.dev/{annotation}]"
    assert found.sentence.startswith(found.path)


def test_a_bad_cap_of_the_namespace_names_the_namespace():
    namespace = {"metadata": {"name": "xyz", "annotations": {"busbar.dev/max-euro-per-dtu": "x"}}}
    assert refused(pod("p"), namespace).path.startswith("namespace xyz: ")


@pytest.mark.parametrize(
    ("requests", "path"),
    [
        ({"cpu": "-1"}, "spec.containers[0].resources.requests.cpu"),
        ({"cpu": "NaN"}, "spec.containers[0].resources.requests.cpu"),
        ({"memory": "1e99"}, "spec.containers[0].resources.requests.memory"),
        ({"nvidia.com/gpu": "x"}, "spec.containers[0].resources.requests[nvidia.com/gpu]"),
    ],
)
def test_a_bad_request_is_refused_with_its_path(requests, path):
    assert refused(containers({"requests": requests})).path == path


@pytest.mark.parametrize(
    "requests", [{"cpu": "9e18"}, {"memory": "7Ei"}, {"nvidia.com/gpu": "9223372036854775807"}]
)
def test_more_than_any_machine_has_is_refused_before_it_overflows(requests):
    assert refused(containers({"requests": requests})).path == "spec.containers"


@pytest.mark.parametrize("kind", ["podAffinity", "podAntiAffinity"])
def test_a_placement_rule_that_would_be_broken_silently_is_refused(kind):
    rule = {"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "x"}]}
    assert kind in refused(containers({}, affinity={kind: rule})).path


def test_a_preference_may_go_unmet():
    rule = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1}]}
    spread = {"topologyKey": "x", "whenUnsatisfiable": "ScheduleAnyway"}
    parsed(containers({}, affinity={"podAffinity": rule}, topologySpreadConstraints=[spread]))


def test_a_hard_spread_is_refused():
    spread = {"topologyKey": "x", "maxSkew": 1}
    found = refused(containers({}, topologySpreadConstraints=[spread]))
    assert found.path == "spec.topologySpreadConstraints[0].topologyKey"


def test_an_order_may_run_at_once_even_where_the_clock_was_put_back_after_its_pod_was_made():
    made = pod("p")
    made["metadata"]["creationTimestamp"] = "2027-03-10T11:20:00Z"
    found = parsed(made)
    assert found.submitted == parse_instant("2027-03-10T11:20:00Z", "x")
    assert found.earliest == 0
