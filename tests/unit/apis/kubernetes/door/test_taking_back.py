"""Taking capacity back through the door: vendors their nodes, operators by eviction."""

from __future__ import annotations

from typing import Any

import pytest

from busbar.model.objects import Key, Object

NODES = "/api/v1/nodes"
OWN = "/apis/busbar.dev/v1alpha1"
PODS = "/api/v1/namespaces/alpha/pods"
RECLAIM = "busbar.dev/reclaim"
CONTRACT = Key("busbar.dev", "contracts", "alpha", "c1")


@pytest.fixture
def world(cloud: Any) -> Any:
    """Two vendors with a node each; a Pod with a contract on the first."""
    operator = cloud.client()
    for vendor, node in (("elastx", "n1"), ("safespring", "n2")):
        operator.post(f"{OWN}/vendors", {"metadata": {"name": vendor}, "spec": {}})
        body = {"metadata": {"name": node, "labels": {"busbar.dev/vendor": vendor}}}
        assert operator.post(NODES, body).status == 201
    contract = {
        "apiVersion": "busbar.dev/v1alpha1",
        "kind": "Contract",
        "metadata": {"name": "c1", "namespace": "alpha", "uid": "c1"},
        "spec": {"vendor": "elastx", "node": "n1"},
        "status": {"phase": "Running"},
    }
    cloud.put(contract, CONTRACT)
    pod: Object = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "p1",
            "namespace": "alpha",
            "uid": "p1",
            "labels": {"app": "web"},
            "annotations": {"busbar.dev/contract": "c1"},
        },
        "spec": {
            "nodeName": "n1",
            "containers": [{"name": "c", "image": "i"}],
        },
        "status": {"phase": "Running"},
    }
    cloud.put(pod, Key("", "pods", "alpha", "p1"))
    return cloud


def evict(client: Any, dry_run: bool = False) -> Any:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p1"}}
    query = {"dryRun": "All"} if dry_run else {}
    return client.post(f"{PODS}/p1/eviction", body, **query)


def drained(how: str | None) -> Object:
    return {"metadata": {"annotations": {RECLAIM: how}}, "spec": {"unschedulable": True}}


def test_a_vendor_takes_its_own_node_back_and_nobody_elses(world: Any) -> None:
    elastx = world.client("elastx")
    done = elastx.merge(f"{NODES}/n1", drained("with-notice"))
    assert done.status == 200, done.body
    assert done.json["metadata"]["annotations"][RECLAIM] == "with-notice"
    assert elastx.merge(f"{NODES}/n2", drained("with-notice")).status == 403


@pytest.mark.parametrize(
    "patch",
    [
        {"metadata": {"labels": {"busbar.dev/vendor": "safespring"}}},
        {"metadata": {"labels": {"topology.kubernetes.io/zone": "elsewhere"}}},
        {"metadata": {"annotations": {"busbar.dev/speed-rating-micro": "9000000"}}},
        {"metadata": {"annotations": {"busbar.dev/silence": ""}}},
        {"metadata": {"finalizers": ["mine.example/stay"]}},
        {"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}},
    ],
)
def test_a_vendor_changes_nothing_else_of_its_node(world: Any, patch: Object) -> None:
    refused = world.client("elastx").merge(f"{NODES}/n1", patch)
    assert refused.status == 403
    assert "may change only spec.unschedulable" in refused.json["message"]


def test_how_it_is_taken_back_is_one_of_two_words(world: Any) -> None:
    refused = world.client("elastx").merge(f"{NODES}/n1", drained("soon"))
    assert refused.status == 422
    assert f"metadata.annotations[{RECLAIM}]" in refused.json["message"]


def test_an_operators_eviction_is_too_early_and_gives_the_contract_its_notice(world: Any) -> None:
    operator = world.client()
    refused = evict(operator)
    assert refused.status == 429
    assert "c1 has a notice as agreed" in refused.json["message"]
    pod = operator.get(f"{PODS}/p1").json
    assert pod["metadata"]["annotations"][RECLAIM] == "with-notice"
    assert "deletionTimestamp" not in pod["metadata"]
    assert evict(operator).status == 429


def test_an_eviction_of_a_pod_that_is_ending_is_done(world: Any) -> None:
    world.client().delete(f"{PODS}/p1")
    assert evict(world.client()).status == 201


def test_whose_pod_it_is_may_evict_it(world: Any) -> None:
    assert evict(world.client("alice"), dry_run=True).status == 201
    assert "deletionTimestamp" not in world.client().get(f"{PODS}/p1").json["metadata"]
    assert evict(world.client("alice")).status == 201
    assert world.client().get(f"{PODS}/p1").json["metadata"]["deletionTimestamp"]


def test_a_member_may_not_mark_a_pod_as_taken_back(world: Any) -> None:
    alice = world.client("alice")
    spec = {"containers": [{"name": "c", "image": "i"}]}
    assert alice.post(PODS, {"metadata": {"name": "p2"}, "spec": spec}).status == 201
    patch = {"metadata": {"annotations": {RECLAIM: "at-once"}}}
    assert alice.merge(f"{PODS}/p2", patch).status == 403


@pytest.mark.parametrize(("allowed", "status"), [(0, 429), (1, 201)])
def test_a_members_eviction_keeps_to_disruption_budgets(
    world: Any, allowed: int, status: int
) -> None:
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web", "namespace": "alpha", "uid": "b"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        "status": {"disruptionsAllowed": allowed},
    }
    key = Key("policy", "poddisruptionbudgets", "alpha", "web")
    world.put(budget, key)
    assert evict(world.client("alice")).status == status
    path = "/apis/policy/v1/namespaces/alpha/poddisruptionbudgets/web"
    left = world.client().get(path).json["status"]
    assert left["disruptionsAllowed"] == 0
    assert ("disruptedPods" in left) == (status == 201)
