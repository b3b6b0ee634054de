"""`kubectl top`, unmodified, over what a node's agent reported with its own certificate."""

from __future__ import annotations

from typing import Any

import pytest

from busbar.model.objects import Key

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "busy", "namespace": "alpha", "uid": "u1", "labels": {"app": "web"}},
    "spec": {
        "nodeName": "n1",
        "containers": [
            {"name": "main", "image": "i", "resources": {"requests": {"memory": "1Gi"}}},
            {"name": "side", "image": "i"},
        ],
    },
    "status": {"phase": "Running"},
}
NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "n1", "uid": "n1", "labels": {"busbar.dev/vendor": "elastx"}},
    "status": {
        "capacity": {"cpu": "4", "memory": "8Gi"},
        "allocatable": {"cpu": "4", "memory": "8Gi"},
    },
}
MIB = 1024**2


def report(at_ms: int, cpu_ms: int) -> dict[str, Any]:
    containers = [
        {"name": "main", "run": "a", "cpuMs": cpu_ms, "memoryBytes": 200 * MIB},
        {"name": "side", "run": "b", "cpuMs": cpu_ms // 10, "memoryBytes": 10 * MIB},
    ]
    pods = [{"namespace": "alpha", "name": "busy", "uid": "u1", "containers": containers}]
    machine = {"cpuMs": cpu_ms * 2, "memoryBytes": 2048 * MIB}
    return {"atMs": at_ms, "boot": "b", "node": machine, "pods": pods}


@pytest.fixture(params=["1.32", "1.20"])
def top(request: pytest.FixtureRequest, served: Any, kubectl: Any, kubectl_1_20: Any) -> Any:
    """A kubectl, after a node has reported twice through the door."""
    used = kubectl if request.param == "1.32" else kubectl_1_20
    served.put(POD, Key("", "pods", "alpha", "busy"))
    served.put(NODE, Key("", "nodes", "", "n1"))
    for said in (report(1_000, 0), report(11_000, 5_000)):
        served.post_as("n1", "/agent/v1/nodes/n1/use", said)
    return used


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_top_pod_shows_cpu_and_working_set(top: Any) -> None:
    assert rows(top.as_("alice").ok("-n", "alpha", "top", "pod")) == [
        ["NAME", "CPU(cores)", "MEMORY(bytes)"],
        ["busy", "550m", "210Mi"],
    ]


def test_top_pod_by_name_label_and_container(top: Any) -> None:
    alice = top.as_("alice")
    assert rows(alice.ok("-n", "alpha", "top", "pod", "busy", "--no-headers")) == [
        ["busy", "550m", "210Mi"]
    ]
    assert rows(alice.ok("-n", "alpha", "top", "pod", "-l", "app=web", "--no-headers"))
    shown = alice.ok("-n", "alpha", "top", "pod", "--containers", "--no-headers")
    assert sorted(rows(shown)) == [
        ["busy", "main", "500m", "200Mi"],
        ["busy", "side", "50m", "10Mi"],
    ]


def test_top_node_shows_shares_of_the_machine(top: Any) -> None:
    for who in ("operator", "elastx"):
        shown = rows(top.as_(who).ok("top", "node", "--no-headers"))
        assert shown == [["n1", "1000m", "25%", "2048Mi", "25%"]]


def test_members_get_nobody_elses(top: Any) -> None:
    refused = top.as_("alice")("-n", "beta", "top", "pod")
    assert refused.code == 1
    assert "members may touch only their own namespaces" in refused.text
