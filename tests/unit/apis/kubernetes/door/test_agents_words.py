"""The words that an agent speaks with the door, as it speaks them."""

from __future__ import annotations

from typing import Any

import pytest

from busbar.model.objects import Key
from busbar.model.time import format_micro_time

STRATEGIC = {"content-type": "application/strategic-merge-patch+json"}
STATUS = "/api/v1/namespaces/alpha/pods/p/status"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"


@pytest.fixture
def node(cloud: Any) -> Any:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "alpha", "uid": "u"},
        "spec": {"nodeName": "n1", "containers": [{"name": "main", "image": "i"}]},
        "status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "True"}]},
    }
    cloud.put(pod, Key("", "pods", "alpha", "p"))
    return cloud.client("n1")


def report(uid: str = "u", **status: Any) -> dict[str, Any]:
    return {"metadata": {"uid": uid}, "status": status}


def test_a_report_is_taken_with_what_the_meter_reads(node: Any) -> None:
    meter = {"epoch": 3, "startedMs": 1_795_000_000_000, "observedMs": 1_795_000_001_000}
    container = {
        "name": "main",
        "image": "i",
        "imageID": "sha256:1",
        "containerID": "runc://1",
        "restartCount": 0,
        "ready": True,
        "started": True,
        "state": {"running": {"startedAt": "2026-11-22T12:00:00Z"}},
    }
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-11-22T12:00:00Z"}
    body = report(
        phase="Running",
        busbar=meter,
        conditions=[ready],
        containerStatuses=[container],
        podIP="10.0.0.2",
        podIPs=[{"ip": "10.0.0.2"}],
        startTime="2026-11-22T12:00:00Z",
        reason=None,
        message=None,
    )
    reply = node.request("PATCH", STATUS, body, headers=STRATEGIC)
    assert reply.status == 200, reply.body
    status = reply.json["status"]
    assert (status["phase"], status["busbar"]) == ("Running", meter)
    assert {one["type"] for one in status["conditions"]} == {"PodScheduled", "Ready"}
    finished = report(phase="Succeeded", busbar={"finishedMs": 1_795_000_002_000})
    ended = node.request("PATCH", STATUS, finished, headers=STRATEGIC).json["status"]
    assert ended["busbar"] == {**meter, "finishedMs": 1_795_000_002_000}


def test_a_report_on_an_earlier_pod_of_the_name_is_refused(node: Any) -> None:
    stale = report("older", phase="Failed")
    assert node.request("PATCH", STATUS, stale, headers=STRATEGIC).status == 409


def test_a_pods_last_phase_is_final_whatever_a_late_report_says(node: Any) -> None:
    lost = report(phase="Failed", reason="NodeLost", busbar={"epoch": 2})
    node.request("PATCH", STATUS, lost, headers=STRATEGIC)
    late = report(phase="Running", busbar={"epoch": 2, "observedMs": 9})
    reply = node.request("PATCH", STATUS, late, headers=STRATEGIC)
    assert reply.status == 200
    assert reply.json["status"]["phase"] == "Failed"
    assert reply.json["status"]["busbar"] == {"epoch": 2}


def test_a_report_under_an_older_epoch_changes_nothing(node: Any) -> None:
    node.request("PATCH", STATUS, report(phase="Pending", busbar={"epoch": 3}), headers=STRATEGIC)
    stale = report(phase="Succeeded", busbar={"epoch": 2})
    reply = node.request("PATCH", STATUS, stale, headers=STRATEGIC)
    assert reply.json["status"]["phase"] == "Pending"


def test_a_report_on_a_pod_that_is_gone_is_told_so(node: Any) -> None:
    path = "/api/v1/namespaces/alpha/pods/gone/status"
    reply = node.request("PATCH", path, report(phase="Failed"), headers=STRATEGIC)
    assert reply.status == 404


def test_a_lease_is_renewed_or_made(node: Any) -> None:
    renewed = {"spec": {"renewTime": "2026-11-22T12:00:02.123456Z", "leaseDurationSeconds": 10}}
    assert node.merge(f"{LEASES}/n1", renewed).status == 404
    assert node.post(LEASES, {"metadata": {"name": "n1"}, **renewed}).status == 201
    again = {"spec": {"renewTime": "2026-11-22T12:00:04.123456Z"}}
    assert node.merge(f"{LEASES}/n1", again).json["spec"]["leaseDurationSeconds"] == 10


@pytest.mark.parametrize("said", ["2031-01-01T00:00:00.000000Z", "1999-01-01T00:00:00.000000Z"])
def test_a_lease_is_renewed_by_the_exchanges_clock_not_by_the_nodes(
    cloud: Any, node: Any, said: str
) -> None:
    body = {"metadata": {"name": "n1"}, "spec": {"renewTime": said, "leaseDurationSeconds": 10}}
    made = node.post(LEASES, body).json["spec"]["renewTime"]
    assert made == format_micro_time(cloud.now)
    cloud.now += 2000
    again = node.merge(f"{LEASES}/n1", {"spec": {"renewTime": said}}).json["spec"]["renewTime"]
    assert again in (made, format_micro_time(cloud.now))
    assert again != said


def test_a_stopped_pod_is_removed_by_its_uid(cloud: Any, node: Any) -> None:
    cloud.client("alice").delete("/api/v1/namespaces/alpha/pods/p")
    options = {"gracePeriodSeconds": 0, "preconditions": {"uid": "u"}}
    assert node.delete("/api/v1/namespaces/alpha/pods/p", options).status == 200


def test_the_nodes_pods_are_listed_and_watched(cloud: Any, node: Any) -> None:
    mine = {"fieldSelector": "spec.nodeName=n1"}
    listed = node.get("/api/v1/pods", **mine).json
    assert [item["metadata"]["name"] for item in listed["items"]] == ["p"]
    version = listed["metadata"]["resourceVersion"]
    watch = node.watch("/api/v1/pods", resourceVersion=version, allowWatchBookmarks="true", **mine)
    pod = cloud.run(cloud.store.get(Key("", "pods", "alpha", "p")))
    cloud.put({**pod, "spec": {**pod["spec"], "nodeName": "n2"}}, Key("", "pods", "alpha", "p"))
    assert watch.event() == ("DELETED", "p")
    watch.hang_up()
