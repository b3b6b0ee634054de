"""Deployments as people use them: kubectl create, scale, rollout, undo, set image, delete."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e.kubernetes.conftest import Kubectl, Served
from tests.e2e.kubernetes.working import Working

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
      annotations: {busbar.dev/max-euro-per-dtu: "1", busbar.dev/region: Sweden}
    spec:
      containers:
      - {name: main, image: "web:1", resources: {requests: {cpu: 100m, memory: 64Mi}}}
"""
BUDGET = """
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}
"""


@pytest.fixture(scope="module")
def working(served: Served) -> Iterator[Working]:
    found = Working(served)
    found.start()
    yield found
    found.stop()


@pytest.fixture
def k(working: Working, kubectl: Kubectl, request: pytest.FixtureRequest) -> Any:
    namespace = f"d{abs(hash(request.node.nodeid)) % 10**8}"
    kubectl.ok("create", "namespace", namespace)
    working.pay(namespace, 100)

    class Here:
        def ok(self, *args: str, stdin: str = "") -> str:
            return kubectl.ok("-n", namespace, *args, stdin=stdin)

        def refused(self, *args: str, stdin: str = "") -> str:
            done = kubectl("-n", namespace, *args, stdin=stdin)
            assert done.code != 0, done.out
            return done.text

        def get(self, *args: str) -> Any:
            return json.loads(self.ok("get", *args, "-o", "json"))

        def rolled_out(self) -> str:
            return self.ok("rollout", "status", "deployment/web", "--timeout=50s")

    return Here()


def images(k: Any) -> set[str]:
    pods = k.get("pods", "-l", "app=web")["items"]
    live = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
    return {pod["spec"]["containers"][0]["image"] for pod in live}


def test_apply_scale_set_image_restart_history_and_undo(k: Any) -> None:
    k.ok("apply", "-f", "-", stdin=WEB)
    assert "successfully rolled out" in k.rolled_out()
    row = k.ok("get", "deployments").splitlines()
    assert row[0].split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert row[1].split()[:4] == ["web", "3/3", "3", "3"]
    contracts = k.get("contracts.busbar.dev")["items"]
    assert {one["status"]["phase"] for one in contracts} == {"Running"}
    assert len(contracts) == 3

    assert "scaled" in k.ok("scale", "deployment/web", "--replicas=2")
    assert "scaled" in k.ok("scale", "deploy/web", "--current-replicas=2", "--replicas=4")
    k.rolled_out()
    assert k.get("deployment", "web", "--subresource=scale")["status"]["replicas"] == 4

    k.ok("set", "image", "deployment/web", "main=web:2")
    k.rolled_out()
    assert images(k) == {"web:2"}
    k.ok("rollout", "restart", "deployment/web")
    k.rolled_out()
    history = k.ok("rollout", "history", "deployment/web")
    assert [line.split()[0] for line in history.splitlines()[2:] if line] == ["1", "2", "3"]
    assert "web:1" in k.ok("rollout", "history", "deployment/web", "--revision=1")

    k.ok("rollout", "undo", "deployment/web", "--to-revision=1")
    k.rolled_out()
    assert images(k) == {"web:1"}
    assert "4" in k.ok("get", "rs", "-o", "wide")
    said = k.ok("describe", "deployment", "web")
    assert "ScalingReplicaSet" in said
    assert "NewReplicaSet:" in said


def test_pause_resume_and_wait(k: Any) -> None:
    k.ok("apply", "-f", "-", stdin=WEB)
    k.ok("wait", "--for=condition=Available", "deployment/web", "--timeout=50s")
    k.ok("rollout", "pause", "deployment/web")
    k.ok("set", "image", "deployment/web", "main=web:2")
    k.ok("wait", "--for=jsonpath={.status.observedGeneration}=3", "deployment/web")
    assert images(k) == {"web:1"}
    k.ok("rollout", "resume", "deployment/web")
    k.rolled_out()
    assert images(k) == {"web:2"}


def test_create_deployment_comes_as_protobuf_and_delete_takes_all_with_it(k: Any) -> None:
    k.ok("create", "deployment", "web", "--image=web:1", "--replicas=2")
    k.rolled_out()
    k.ok("delete", "deployment", "web", "--cascade=foreground", "--timeout=50s")
    assert k.ok("get", "rs,pods", "-o", "name") == ""
    assert {c["status"]["phase"] for c in k.get("contracts.busbar.dev")["items"]} == {"Closed"}


def test_orphaned_sets_are_taken_up_again(k: Any) -> None:
    k.ok("apply", "-f", "-", stdin=WEB)
    k.rolled_out()
    before = k.ok("get", "pods", "-o", "name")
    k.ok("delete", "deployment", "web", "--cascade=orphan")
    k.ok("apply", "-f", "-", stdin=WEB)
    k.rolled_out()
    assert k.ok("get", "pods", "-o", "name") == before


def test_a_budget_tells_what_it_allows(k: Any) -> None:
    k.ok("apply", "-f", "-", stdin=WEB)
    k.ok("create", "-f", "-", stdin=BUDGET)
    k.rolled_out()
    k.ok("wait", "--for=jsonpath={.status.disruptionsAllowed}=1", "pdb/web", "--timeout=50s")
    assert k.ok("get", "pdb").splitlines()[1].split()[:4] == ["web", "2", "N/A", "1"]
    k.ok("create", "pdb", "other", "--selector=app=x", "--max-unavailable=50%")


def test_a_service_with_hours_has_no_pods_outside_of_them(k: Any) -> None:
    days = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
    far = days[int(time.strftime("%w", time.gmtime())) - 4]
    hours = {"rules": [{"weekdays": [far], "from": "00:00", "until": "24:00"}]}
    k.ok("apply", "-f", "-", stdin=WEB)
    k.rolled_out()
    k.ok("annotate", "deployment", "web", f"busbar.dev/hours={json.dumps(hours)}")
    k.ok("wait", "--for=condition=InHours=false", "deployment/web", "--timeout=50s")
    k.ok("wait", "--for=jsonpath={.spec.replicas}=0", "rs", "-l", "app=web", "--timeout=50s")
    assert "0/3" in k.ok("get", "deployment", "web")
    assert "OutsideHours" in k.ok("describe", "deployment", "web")
    wrong = k.refused("annotate", "--overwrite", "deployment", "web", "busbar.dev/hours=always")
    assert "metadata.annotations[busbar.dev/hours]" in wrong
    k.ok("annotate", "deployment", "web", "busbar.dev/hours-")
    assert "successfully rolled out" in k.rolled_out()


def test_what_is_wrong_is_refused_with_its_field(k: Any) -> None:
    for old, new, said in (
        ("app: web}}", "app: other}}", "spec.template.metadata.labels"),
        ("replicas: 3", "replicas: -1", "spec.replicas"),
        ('dtu: "1"', 'dtu: "cheap"', "busbar.dev/max-euro-per-dtu"),
        ("    spec:", "    spec:\n      restartPolicy: Never", "spec.template.spec.restartPolicy"),
    ):
        assert old in WEB
        assert said in k.refused("apply", "-f", "-", stdin=WEB.replace(old, new, 1))
    k.ok("apply", "-f", "-", stdin=WEB)
    assert "spec.replicas" in k.refused("scale", "deployment/web", "--replicas=2147483648")
    moved = WEB.replace("app: web}", "app: new}").replace(
        "labels: {app: web}", "labels: {app: new}"
    )
    assert "field is immutable" in k.refused("apply", "-f", "-", stdin=moved)
