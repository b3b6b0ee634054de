"""A driver with places for the Pods that it makes, applied with kubectl, from quote to receipt.

The second Pod is made here as Spark makes an executor: with the driver's Pod for its owner. A Spark
driver cannot make any itself in this cloud yet, for its executors find it by a Service.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e.cloud.conftest import Cloud

NAMESPACE = "driving"
DRIVER = """
apiVersion: v1
kind: Pod
metadata:
  name: driver
  namespace: driving
  annotations:
    busbar.dev/gang-places: '{"count": COUNT, "cpu": "750m", "memory": "512Mi"}'
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 2
  containers:
  - name: main
    image: busybox
    command: [sh, -c, "trap 'exit 0' TERM; while :; do sleep 1; done"]
    resources: {requests: {cpu: 250m, memory: 256Mi}}
"""


def executor(uid: str) -> str:
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "driver", "uid": uid, "controller": True}
    container = {
        "name": "main",
        "image": "busybox",
        "command": ["sh", "-c", "echo executed"],
        "resources": {"requests": {"cpu": "750m", "memory": "256Mi"}},
    }
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "executor", "namespace": NAMESPACE, "ownerReferences": [owner]},
        "spec": {"restartPolicy": "Never", "containers": [container]},
    }
    return json.dumps(manifest)


@pytest.fixture(scope="module")
def driving(cloud: Cloud) -> Iterator[Cloud]:
    """A namespace with a driver that runs; it goes with all that it has."""
    cloud.kubectl("create", "namespace", NAMESPACE)
    cloud.busbar("account", "-n", NAMESPACE, "--top-up", "5")
    cloud.kubectl("apply", "-f", "-", text=DRIVER.replace("COUNT", "3"))
    cloud.eventually("-n", NAMESPACE, "pod", "driver", field="phase", is_="Running")
    yield cloud
    cloud.kubectl("delete", "namespace", NAMESPACE)


def contracts(cloud: Cloud) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cloud.get("-n", NAMESPACE, "contracts")["items"]
    return found


def places(cloud: Cloud) -> list[dict[str, Any]]:
    return [c for c in contracts(cloud) if c["spec"].get("procurement")]


def test_driver_and_places_are_matched_together_in_one_zone(driving: Cloud) -> None:
    mine = contracts(driving)
    assert len(mine) == 4
    # Germany has two cpus: only the two machines in Sweden hold all of it.
    assert {c["spec"]["zone"] for c in mine} == {"Sweden"}
    assert len({(c["spec"]["clearing"], c["status"]["starts"]) for c in mine}) == 1
    described = driving.kubectl("-n", NAMESPACE, "describe", "pod", "driver")
    assert "keeps 3 places for the Pods that it makes" in " ".join(described.split())
    head, row = driving.kubectl("-n", NAMESPACE, "get", "procurements").splitlines()
    assert "HELD NOW" in head
    assert row.split()[0].startswith("driver-")
    assert row.split()[1] == "Held"
    said = driving.busbar("market", "why", f"{NAMESPACE}/driver").stdout
    assert "keeps 3 places of 750m cpu and 512Mi memory" in " ".join(said.split())


def test_the_clearing_can_be_worked_out_again(driving: Cloud) -> None:
    name = contracts(driving)[0]["spec"]["clearing"]
    assert "agrees" in driving.busbar("market", "replay", name).stdout


def test_a_pod_that_the_driver_owns_draws_on_a_place_and_pays_nothing(driving: Cloud) -> None:
    driver = driving.get("-n", NAMESPACE, "pod", "driver")
    driving.kubectl("apply", "-f", "-", text=executor(driver["metadata"]["uid"]))
    driving.eventually("-n", NAMESPACE, "pod", "executor", field="phase", is_="Succeeded")
    assert driving.kubectl("-n", NAMESPACE, "logs", "executor").strip() == "executed"
    (mine,) = (c for c in contracts(driving) if c["spec"]["order"]["name"] == "executor")
    (keeper,) = driving.get("-n", NAMESPACE, "procurements")["items"]
    assert mine["spec"]["reservation"] == keeper["metadata"]["name"]
    assert mine["spec"]["node"] in {c["spec"]["node"] for c in places(driving)}
    assert {slot["priceNano"] for slot in mine["spec"]["slots"]} == {0}


def test_a_driver_whose_places_fit_nowhere_waits_and_is_told_how_many_would(
    driving: Cloud,
) -> None:
    large = DRIVER.replace("name: driver", "name: large").replace("COUNT", "40")
    file = driving.data / "large.yaml"
    file.write_text(large)
    quoted = driving.busbar("quote", str(file)).stdout
    assert "1 pod and 40 places for what it makes" in quoted
    driving.kubectl("apply", "-f", str(file))
    told = ("wait", "--for=condition=PodScheduled=false", "pod/large", "--timeout=30s")
    driving.kubectl("-n", NAMESPACE, *told)
    said = " ".join(driving.busbar("market", "why", f"{NAMESPACE}/large").stdout.split())
    assert "With 40 places of 750m cpu" in said
    assert "no more than" in said
    driving.kubectl("-n", NAMESPACE, "delete", "pod", "large")


def test_what_cannot_be_read_is_refused_by_its_field(driving: Cloud) -> None:
    wrong = DRIVER.replace("name: driver", "name: wrong").replace("COUNT", "0")
    said = driving.kubectl("apply", "-f", "-", text=wrong, code=1)
    assert "count" in said
    assert "must be a whole number from 1 to 100" in said


def test_with_the_driver_goes_what_it_made_and_its_places_are_given_back(driving: Cloud) -> None:
    driving.kubectl("-n", NAMESPACE, "delete", "pod", "driver")
    end = time.monotonic() + 60
    while any(c["status"]["phase"] != "Closed" for c in contracts(driving)):
        assert time.monotonic() < end, contracts(driving)
    assert {c["status"]["reason"] for c in places(driving)} == {"DriverEnded"}
    while driving.get("-n", NAMESPACE, "procurements,pods")["items"]:
        assert time.monotonic() < end
    receipt = json.loads(driving.busbar("receipt", "driver", "-n", NAMESPACE, "-o", "json").stdout)
    # The driver, its places, and the executor, which drew and cost nothing.
    assert len(receipt["contracts"]) == 5
    assert receipt["total"]["agrees"]
    driving.busbar("verify-ledger")
