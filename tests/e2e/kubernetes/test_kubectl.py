"""What people type, with kubectl 1.32 and with Debian's 1.20."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from busbar.model.objects import Key

MANIFEST = """
apiVersion: strongmoose.dsoderlund.consulting/v1alpha1
kind: job
metadata:
    name: my-first-sparkjob
    namespace: {namespace}
spec:
    image: apache/spark
    notAfter: {not_after}
    maxEuroPerDTU: 50
    scriptPath: /myjobs/spark/script.py
    env:
        INPUT: /myjobs/data
    restrictions:
        region: Sweden
        vendor: [elastx, safespring]
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {name: sleeper, labels: {app: sleep}}
spec:
  containers: [{name: main, image: busybox, command: [sleep, "100"]}]
"""


@pytest.fixture(params=["1.32", "1.20"])
def any_kubectl(request: pytest.FixtureRequest, kubectl: Any, kubectl_1_20: Any) -> Any:
    return kubectl if request.param == "1.32" else kubectl_1_20


@pytest.fixture
def namespace(any_kubectl: Any, request: pytest.FixtureRequest) -> str:
    name = f"t{abs(hash(request.node.nodeid)) % 10**8}"
    any_kubectl.ok("create", "namespace", name)
    return name


@pytest.fixture
def k(any_kubectl: Any, namespace: str) -> Any:
    """kubectl in a namespace of the test's own."""

    class Here:
        def ok(self, *args: str, stdin: str = "") -> str:
            return str(any_kubectl.ok("-n", namespace, *args, stdin=stdin))

        def refused(self, *args: str, stdin: str = "") -> str:
            result = any_kubectl("-n", namespace, *args, stdin=stdin)
            assert result.code != 0, result.text
            return str(result.err)

        def __getattr__(self, name: str) -> Any:
            return getattr(any_kubectl, name)

    return Here()


def test_what_is_served_is_shown(any_kubectl: Any) -> None:
    listed = any_kubectl.ok("api-resources", "--no-headers")
    kinds = {line.split()[-1] for line in listed.splitlines()}
    assert {"Pod", "Node", "Lease", "Job", "job", "Offer", "Vendor", "Contract", "Bucket"} <= kinds
    versions = any_kubectl.ok("api-versions").split()
    assert {"v1", "batch/v1", "busbar.dev/v1alpha1"} <= set(versions)
    assert "Server Version" in any_kubectl.ok("version")


@pytest.mark.parametrize("what", ["pod.spec.containers", "offers.spec", "bj.spec", "lease.spec"])
def test_kinds_are_explained(any_kubectl: Any, what: str) -> None:
    assert "FIELDS" in any_kubectl.ok("explain", what)


def test_the_manifest_word_for_word_is_refused_by_its_deadline(k: Any, namespace: str) -> None:
    manifest = MANIFEST.format(namespace=namespace, not_after="2025-03-25T08:25:58Z")
    error = k.refused("apply", "-f", "-", stdin=manifest)
    assert "spec.notAfter" in error
    assert "lies in the past" in error
    assert "choose a later time" in error


def test_the_manifest_with_a_later_deadline_is_applied(k: Any, namespace: str) -> None:
    manifest = MANIFEST.format(namespace=namespace, not_after="2035-03-25T08:25:58Z")
    assert "created" in k.ok("apply", "-f", "-", stdin=manifest)
    assert "unchanged" in k.ok("apply", "-f", "-", stdin=manifest)
    cheaper = manifest.replace("maxEuroPerDTU: 50", "maxEuroPerDTU: 40")
    assert "configured" in k.ok("apply", "-f", "-", stdin=cheaper)
    shown = k.ok("get", "job.strongmoose.dsoderlund.consulting", "-o", "json")
    (job,) = json.loads(shown)["items"]
    assert (job["kind"], job["spec"]["maxEuroPerDTU"]) == ("job", 40)
    assert "my-first-sparkjob" in k.ok("get", "bj")
    assert "deleted" in k.ok("delete", "-f", "-", stdin=manifest)


def test_a_typing_error_in_a_manifest_is_named(k: Any, namespace: str) -> None:
    manifest = MANIFEST.format(namespace=namespace, not_after="2035-03-25T08:25:58Z")
    error = k.refused("apply", "-f", "-", stdin=manifest.replace("scriptPath", "skriptPath"))
    assert "skriptPath" in error


def test_objects_come_change_and_go(k: Any) -> None:
    k.ok("create", "configmap", "c", "--from-literal=a=1")
    k.ok("create", "secret", "generic", "s", "--from-literal=p=w")
    k.ok("create", "serviceaccount", "robot")
    k.ok("label", "configmap", "c", "tier=web")
    k.ok("annotate", "configmap", "c", "note=x")
    k.ok("patch", "configmap", "c", "--type=merge", "-p", '{"data":{"b":"2"}}')
    k.ok("patch", "configmap", "c", "-p", '{"data":{"c":"3"}}')
    operations = '[{"op":"remove","path":"/data/a"}]'
    k.ok("patch", "configmap", "c", "--type=json", "-p", operations)
    assert json.loads(k.ok("get", "cm", "c", "-o", "json"))["data"] == {"b": "2", "c": "3"}
    assert "c" in k.ok("get", "cm", "-l", "tier in (web)", "-o", "name")
    assert k.ok("get", "secret", "s", "-o", "jsonpath={.data.p}") == "dw=="
    assert "deleted" in k.ok("delete", "cm", "c")
    assert "not found" in k.refused("get", "cm", "c")
    assert "already exists" in k.refused("create", "serviceaccount", "robot")


def test_an_object_is_replaced_and_edited(k: Any, tmp_path: Path) -> None:
    k.ok("create", "configmap", "c", "--from-literal=a=1")
    held = json.loads(k.ok("get", "cm", "c", "-o", "json"))
    k.ok("replace", "-f", "-", stdin=json.dumps({**held, "data": {"a": "2"}}))
    error = k.refused("replace", "-f", "-", stdin=json.dumps({**held, "data": {"a": "3"}}))
    assert "the object has been modified" in error
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i s/\\"2\\"/\\"4\\"/ "$1"\n')
    editor.chmod(0o755)
    os.environ["KUBE_EDITOR"] = str(editor)
    try:
        k.ok("edit", "cm", "c")
    finally:
        del os.environ["KUBE_EDITOR"]
    assert k.ok("get", "cm", "c", "-o", "jsonpath={.data.a}") == "4"


def test_server_side_apply_tells_conflicts(k: Any) -> None:
    def body(value: str) -> str:
        meta = {"name": "c"}
        obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": value}}
        return json.dumps(obj)

    apply = ("apply", "--server-side", "-f", "-")
    k.ok(*apply, "--field-manager=first", stdin=body("1"))
    error = k.refused(*apply, "--field-manager=second", stdin=body("2"))
    assert 'conflict with "first"' in error
    k.ok(*apply, "--field-manager=second", "--force-conflicts", stdin=body("2"))
    assert k.ok("get", "cm", "c", "-o", "jsonpath={.data.a}") == "2"


def test_a_pod_is_shown_as_kubectl_shows_pods(k: Any, served: Any, namespace: str) -> None:
    k.ok("create", "-f", "-", stdin=POD)
    line = k.ok("get", "pods", "--no-headers").split()
    assert line[:4] == ["sleeper", "0/1", "Pending", "0"]
    key = Key("", "pods", namespace, "sleeper")
    pod = served.get(key)
    state = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
    container = {"name": "main", "ready": True, "restartCount": 2, "state": state}
    container |= {"image": "busybox", "imageID": ""}
    status = {"phase": "Running", "podIP": "10.0.0.7", "containerStatuses": [container]}
    status["conditions"] = [{"type": "Ready", "status": "True"}]
    spec = {**pod["spec"], "nodeName": "n1"}
    served.put({**pod, "spec": spec, "status": status}, key)
    line = k.ok("get", "pods", "-o", "wide", "--no-headers").split()
    assert line[:4] == ["sleeper", "1/1", "Running", "2"]
    assert line[5:7] == ["10.0.0.7", "n1"]
    k.ok("wait", "--for=condition=Ready", "pod/sleeper", "--timeout=20s")
    assert "sleeper" in k.ok("get", "pods", "--field-selector=spec.nodeName=n1", "-o", "name")
    assert "Labels:" in k.ok("describe", "pod", "sleeper")


def test_events_are_told_with_what_they_are_about(k: Any, namespace: str) -> None:
    k.ok("create", "-f", "-", stdin=POD)
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "e1", "namespace": namespace},
        "involvedObject": {"kind": "Pod", "namespace": namespace, "name": "sleeper"},
        "reason": "NoOffer",
        "message": "of 12 nodes: 7 outside Sweden",
        "type": "Warning",
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:00Z",
    }
    k.ok("create", "-f", "-", stdin=json.dumps(event))
    assert "pod/sleeper" in k.ok("get", "events")


def test_apply_with_kubectl_run_and_dry_run(k: Any) -> None:
    k.ok("run", "once", "--image=busybox", "--restart=Never", "--", "true")
    assert k.ok("get", "pod", "once", "-o", "jsonpath={.spec.restartPolicy}") == "Never"
    dry = k.ok("run", "never", "--image=busybox", "--dry-run=server", "-o", "name")
    assert dry.strip() == "pod/never"
    assert "not found" in k.refused("get", "pod", "never")
    k.ok("create", "job", "batch", "--image=busybox", "--", "true")
    assert "batch" in k.ok("get", "jobs.batch", "-o", "wide")
    k.ok("delete", "pods", "--all")
    assert k.ok("get", "pods", "-o", "name") == ""
    cascade = ("--cascade=orphan",) if not _is_old(k) else ("--cascade=false",)
    k.ok("delete", "job", "batch", *cascade, "--wait=false")


def _is_old(k: Any) -> bool:
    return "1.20" in k.binary


def test_long_lists_come_in_pages(k: Any) -> None:
    items = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"c{i:03}"}}
        for i in range(25)
    ]
    k.ok(
        "create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
    )
    assert len(k.ok("get", "cm", "--chunk-size=10", "-o", "name").split()) == 25
