"""Use as agents report it, and as `kubectl top` asks for it."""

from __future__ import annotations

from typing import Any

import pytest

from busbar.model.objects import Key, Object

USE = "/agent/v1/nodes/{}/use"
PODS = "/apis/metrics.k8s.io/v1beta1/namespaces/alpha/pods"
ALL_PODS = "/apis/metrics.k8s.io/v1beta1/pods"
NODES = "/apis/metrics.k8s.io/v1beta1/nodes"
MIB = 1024**2


def pod(name: str, uid: str, node: str = "n1", **labels: str) -> Object:
    requests = {"cpu": "500m", "memory": "100Mi"}
    container = {"name": "main", "image": "i", "resources": {"requests": requests}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "alpha", "uid": uid, "labels": labels},
        "spec": {"nodeName": node, "containers": [container]},
        "status": {"phase": "Running"},
    }


def node(name: str, vendor: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "uid": name, "labels": {"busbar.dev/vendor": vendor}},
        "status": {"capacity": {"cpu": "2", "memory": "4Gi"}},
    }


@pytest.fixture
def busy(cloud: Any) -> Any:
    for name, uid, labels in (("p", "u", {"app": "web"}), ("q", "v", {})):
        cloud.put(pod(name, uid, **labels), Key("", "pods", "alpha", name))
    for name, vendor in (("n1", "elastx"), ("n2", "safespring")):
        cloud.put(node(name, vendor), Key("", "nodes", "", name))
    return cloud


def say(cloud: Any, at_s: int, cpu_ms: int, memory: int, *, who: str = "n1", **more: Any) -> Any:
    """A node reports on Pods p and q (or those given)."""
    named = more.pop("pods", (("p", "u"), ("q", "v")))
    containers = [{"name": "main", "cpuMs": cpu_ms, "memoryBytes": memory, "run": "r"}]
    pods = [
        {"namespace": "alpha", "name": name, "uid": uid, "containers": containers}
        for name, uid in named
    ]
    machine = {"cpuMs": 2 * cpu_ms, "memoryBytes": 2 * memory}
    report = {"atMs": at_s * 1000, "boot": "b", "node": machine, "pods": pods, **more}
    return cloud.client(who).post(USE.format(who), report)


def say_twice(cloud: Any, **more: Any) -> None:
    assert say(cloud, 100, 1000, 50 * MIB, **more).status == 200
    assert say(cloud, 110, 3500, 60 * MIB, **more).status == 200


def test_a_pods_use_is_a_rate_over_the_window(busy):
    say_twice(busy)
    told = busy.client("alice").get(f"{PODS}/p").json
    assert told["kind"] == "PodMetrics"
    assert told["window"] == "10s"
    assert told["timestamp"] == "2026-11-22T12:00:00Z"
    assert told["containers"] == [
        {"name": "main", "usage": {"cpu": "250000000n", "memory": "61440Ki"}}
    ]


def test_one_report_is_no_rate_yet(busy):
    say(busy, 100, 1000, MIB)
    assert busy.client("alice").get(f"{PODS}/p").status == 404
    assert busy.client("alice").get(PODS).json["items"] == []


def test_lists_are_selected_by_labels(busy):
    say_twice(busy)
    listed = busy.client("alice").get(PODS, labelSelector="app=web").json
    assert listed["kind"] == "PodMetricsList"
    assert [one["metadata"]["name"] for one in listed["items"]] == ["p"]


def test_nodes_are_told_to_the_operator_and_each_vendor_its_own(busy):
    say_twice(busy)
    say_twice(busy, who="n2", pods=())
    names = [one["metadata"]["name"] for one in busy.client().get(NODES).json["items"]]
    assert names == ["n1", "n2"]
    own = busy.client("elastx").get(NODES).json["items"]
    assert [one["metadata"]["name"] for one in own] == ["n1"]
    assert own[0]["usage"] == {"cpu": "500000000n", "memory": "122880Ki"}
    assert busy.client("elastx").get(f"{NODES}/n2").status == 404
    assert busy.client("alice").get(NODES).status == 403


def test_members_see_their_namespace_alone(busy):
    say_twice(busy)
    assert busy.client("bob").get(PODS).status == 403
    assert busy.client("bob").get(f"{PODS}/p").status == 403
    assert busy.client("bob").get(ALL_PODS).status == 403
    assert len(busy.client().get(ALL_PODS).json["items"]) == 2


def test_a_node_is_not_believed_about_pods_of_others(busy):
    busy.put(pod("r", "w", node="n2"), Key("", "pods", "alpha", "r"))
    say_twice(busy, pods=(("r", "w"), ("p", "another")))
    assert busy.client("alice").get(PODS).json["items"] == []


def test_a_node_is_not_believed_beyond_what_there_is(busy):
    say(busy, 100, 0, 0)
    say(busy, 110, 10**9, 10**15)
    usage = busy.client("alice").get(f"{PODS}/p").json["containers"][0]["usage"]
    assert usage == {"cpu": "2000000000n", "memory": f"{100 * 1024}Ki"}


def test_a_silent_node_is_soon_unknown(busy):
    say_twice(busy)
    busy.now += 61_000
    assert busy.client("alice").get(f"{PODS}/p").status == 404
    assert busy.client().get(NODES).json["items"] == []


def test_nobody_else_reports_for_a_node(busy):
    for who in ("n2", "alice", "operator"):
        assert busy.client(who).post(USE.format("n1"), {"atMs": 1, "boot": "b"}).status == 403


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"atMs":-1,"boot":"b"}', b'{"atMs":1.5,"boot":"b"}', b'{"atMs":1}'],
)
def test_a_report_that_cannot_be_read_gets_a_sentence(busy, body):
    reply = busy.client("n1").request("POST", USE.format("n1"), body)
    assert reply.status == 400
    assert reply.json["message"].startswith("the report of use cannot be read: ")


def test_metrics_are_read_and_neither_watched_nor_written(busy):
    alice = busy.client("alice")
    assert alice.get(PODS, watch="1").status == 400
    assert alice.post(PODS, {}).status == 405
    assert alice.get(PODS, fieldSelector="a=b").status == 400
    assert alice.get(f"{PODS}/p/status").status == 404


def test_discovery_names_the_group(busy):
    groups = [g["name"] for g in busy.client("alice").get("/apis").json["groups"]]
    assert "metrics.k8s.io" in groups
    listed = busy.client("alice").get("/apis/metrics.k8s.io/v1beta1").json["resources"]
    assert [(r["name"], r["kind"]) for r in listed] == [
        ("nodes", "NodeMetrics"),
        ("pods", "PodMetrics"),
    ]
