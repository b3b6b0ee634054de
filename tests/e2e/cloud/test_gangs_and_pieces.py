"""Work that starts together or runs in pieces, as other tools write it and as kubectl shows it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client, config
from tests.e2e.cloud.conftest import Cloud

from busbar.model.money import format_euro
from busbar.model.quantities import milli
from busbar.model.time import HOUR, format_instant, slot_of
from busbar.model.wellknown import (
    ANN_GANG_SIZE,
    ANN_KUEUE_COUNT,
    LABEL_KUEUE_GROUP,
    LABEL_POD_GROUP,
)

NAMESPACE = "xyz"
OFFER = "elastx-standard"


@pytest.fixture
def core(cloud: Cloud) -> Iterator[client.CoreV1Api]:
    """The official Python client, as a Spark driver or an operator would use it."""
    with config.new_client_from_config(str(cloud.data / "kubeconfig")) as api:
        yield client.CoreV1Api(api)


def member(name: str, cpu: str, labels: dict[str, str], notes: dict[str, str]) -> client.V1Pod:
    return client.V1Pod(
        metadata=client.V1ObjectMeta(name=name, labels=labels, annotations=notes),
        spec=client.V1PodSpec(
            restart_policy="Never",
            containers=[
                client.V1Container(
                    name="main",
                    image="busybox",
                    command=["true"],
                    resources=client.V1ResourceRequirements(
                        requests={"cpu": cpu, "memory": "64Mi"}
                    ),
                )
            ],
        ),
    )


def scheduled(pod: client.V1Pod) -> client.V1PodCondition | None:
    conditions = pod.status.conditions or []
    return next((c for c in conditions if c.type == "PodScheduled"), None)


def until_told(core: client.CoreV1Api, name: str, reason: str) -> client.V1PodCondition:
    end = time.monotonic() + 60
    while True:
        said = scheduled(core.read_namespaced_pod(name, NAMESPACE))
        if said is not None and said.reason == reason:
            return said
        assert time.monotonic() < end, f"{name}: {said}"


def test_a_gang_of_the_coscheduling_plugin_starts_with_its_last_member(
    cloud: Cloud, core: client.CoreV1Api
) -> None:
    labels, notes = {LABEL_POD_GROUP: "workers"}, {ANN_GANG_SIZE: "3"}
    names = ["worker-0", "worker-1", "worker-2"]
    for name in names[:2]:
        core.create_namespaced_pod(NAMESPACE, member(name, "1", labels, notes))
    for name in names[:2]:
        said = until_told(core, name, "GangIncomplete")
        assert "Create the other members" in said.message
        assert core.read_namespaced_pod(name, NAMESPACE).spec.node_name is None
    core.create_namespaced_pod(NAMESPACE, member(names[2], "1", labels, notes))
    for name in names:
        cloud.eventually("-n", NAMESPACE, "pod", name, field="phase", is_="Succeeded")
    mine = [
        c
        for c in cloud.get("-n", NAMESPACE, "contracts")["items"]
        if c["spec"]["order"]["name"] in names
    ]
    assert len(mine) == 3
    together = {(c["spec"]["clearing"], c["spec"]["zone"], c["status"]["starts"]) for c in mine}
    assert len(together) == 1
    selector = f"{LABEL_POD_GROUP}=workers"
    cloud.kubectl("-n", NAMESPACE, "delete", "pods", "-l", selector)


def test_a_gang_of_kueue_that_finds_no_room_for_all_takes_none_and_says_why(
    cloud: Cloud, core: client.CoreV1Api
) -> None:
    """No region has three machines, and each member needs the whole of one."""
    labels, notes = {LABEL_KUEUE_GROUP: "large"}, {ANN_KUEUE_COUNT: "3"}
    names = ["large-0", "large-1", "large-2"]
    nodes = core.list_node().items
    whole = max(milli(node.status.allocatable["cpu"], "cpu") for node in nodes)
    for name in names:
        core.create_namespaced_pod(NAMESPACE, member(name, f"{whole}m", labels, notes))
    for name in names:
        said = until_told(core, name, "GangNotPlaced")
        assert "of 3" in said.message
    pods = core.list_namespaced_pod(NAMESPACE, label_selector=f"{LABEL_KUEUE_GROUP}=large").items
    assert [pod.spec.node_name for pod in pods] == [None] * 3
    told = cloud.kubectl("-n", NAMESPACE, "describe", "pod", "large-0")
    assert "FailedScheduling" in told
    assert "GangNotPlaced" in cloud.busbar("market", "why", f"{NAMESPACE}/large-0").stdout
    contracts = cloud.get("-n", NAMESPACE, "contracts")["items"]
    assert not [c for c in contracts if c["spec"]["order"]["name"] in names]
    cloud.kubectl("-n", NAMESPACE, "delete", "pods", "-l", f"{LABEL_KUEUE_GROUP}=large")


@pytest.fixture
def two_cheap_hours(cloud: Cloud) -> Iterator[tuple[str, str]]:
    """elastx is cheap in the third and in the sixth hour from now; when they begin."""
    now = int(time.time() * 1000)
    starts = [slot_of(now).end + ahead * HOUR for ahead in (2, 5)]
    before = cloud.get("offer", OFFER)["spec"]["calendar"]
    rules = [
        {
            "from": format_instant(start)[11:16],
            "until": format_instant(start + HOUR)[11:16],
            "pricePerDTU": "0.01",
        }
        for start in starts
    ]
    rules = [{**rule, "until": rule["until"].replace("00:00", "24:00")} for rule in rules]
    _price(cloud, {"timeZone": "UTC", "rules": rules})
    yield format_instant(starts[0]), format_instant(starts[1])
    _price(cloud, before)


def _price(cloud: Cloud, calendar: dict[str, Any]) -> None:
    patch = json.dumps([{"op": "replace", "path": "/spec/calendar", "value": calendar}])
    cloud.kubectl("patch", "offer", OFFER, "--type=json", "-p", patch)


def test_work_in_pieces_has_all_its_hours_before_the_first_begins(
    cloud: Cloud, two_cheap_hours: tuple[str, str]
) -> None:
    cloud.job(
        "pieces",
        command=["true"],
        restrictions={"vendor": "elastx"},
        mayWait=True,
        mayBeInterrupted=True,
        expectedDuration="2h",
        notAfter=format_instant(int(time.time() * 1000) + 20 * HOUR),
    )
    status = cloud.until("pieces", "phase", "Waiting")
    first, second = two_cheap_hours
    assert status["message"].startswith(f"Piece 1 of 2 starts at {first}")
    described = cloud.kubectl("-n", NAMESPACE, "describe", "jobs.busbar.dev", "pieces")
    assert f"1 of 2: from {first} until" in described
    assert f"2 of 2: from {second} until" in described
    rows = cloud.kubectl("-n", NAMESPACE, "get", "contracts", "-o", "wide").splitlines()
    mine = [row for row in rows if row.startswith("pieces-")]
    assert len(mine) == 2
    for start in two_cheap_hours:
        (row,) = (row for row in mine if f"{start} " in row.split("0.01")[1][:60])
        assert "Reserved" in row
    contracts = cloud.get("-n", NAMESPACE, "contracts")["items"]
    held = [
        c["status"]["heldNano"] for c in contracts if c["metadata"]["name"].startswith("pieces-")
    ]
    assert min(held) > 0
    account = "-n", NAMESPACE, "accounts", "account"
    cloud.eventually(*account, field="held", is_=format_euro(sum(held)))
    cloud.kubectl("-n", NAMESPACE, "delete", "jobs.busbar.dev", "pieces")
    cloud.eventually(*account, field="held", is_="0")
