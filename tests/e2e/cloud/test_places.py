"""Where work may go and when it may leave: a Job's tolerations, a service's hours of moving."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.e2e.cloud.conftest import Cloud

NODE = "hansecloud-1"
TAINT = {"key": "kept", "value": "batch", "effect": "NoSchedule"}
MOVE_HOURS = "busbar.dev/move-hours"
NIGHT = {"timeZone": "Europe/Stockholm", "rules": [{"from": "01:00", "until": "05:00"}]}
MOVING = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "moving", "namespace": "xyz"},
    "spec": {
        "replicas": 0,
        "selector": {"matchLabels": {"app": "moving"}},
        "template": {
            "metadata": {"labels": {"app": "moving"}},
            "spec": {"containers": [{"name": "main", "image": "busybox"}]},
        },
    },
}


@pytest.fixture
def kept(cloud: Cloud) -> Iterator[Cloud]:
    """Germany's only node keeps away whoever does not tolerate its taint."""
    taint = f"{TAINT['key']}={TAINT['value']}:{TAINT['effect']}"
    cloud.kubectl("taint", "node", NODE, taint)
    yield cloud
    cloud.kubectl("taint", "node", NODE, f"{TAINT['key']}-")
    cloud.kubectl(
        "-n", "xyz", "delete", "jobs.busbar.dev", "--ignore-not-found", "kept-out", "let-in"
    )


def test_a_job_runs_on_a_tainted_node_only_where_it_tolerates_the_taint(kept: Cloud) -> None:
    ask = {"command": ["true"], "restrictions": {"region": "Germany"}}
    kept.job("kept-out", **ask)
    kept.job("let-in", **ask, tolerations=[TAINT])
    kept.until("let-in", "phase", "Succeeded")
    contracts = [one["spec"] for one in kept.get("-n", "xyz", "contracts")["items"]]
    nodes = {one["node"] for one in contracts if "let-in" in json.dumps(one["order"])}
    assert nodes == {NODE}
    status = kept.status("kept-out")
    assert "taint" in " ".join(status["funnel"])
    assert "tolerating kept=batch:NoSchedule" in kept.busbar("market", "why", "xyz/kept-out").stdout


def test_a_toleration_that_cannot_be_one_is_refused_with_its_field(cloud: Cloud) -> None:
    manifest = {
        "apiVersion": "busbar.dev/v1alpha1",
        "kind": "Job",
        "metadata": {"name": "half", "namespace": "xyz"},
        "spec": {
            "image": "busybox",
            "resources": {"cpu": "500m", "memory": "256Mi"},
            "maxEuroPerDTU": "1",
            "tolerations": [{"operator": "Equal", "value": "batch"}],
        },
    }
    said = cloud.kubectl("apply", "-f", "-", text=json.dumps(manifest), code=1)
    assert "spec.tolerations[0]" in said


def test_hours_of_moving_are_kept_where_they_can_be_read_and_refused_where_not(
    cloud: Cloud,
) -> None:
    cloud.kubectl("apply", "-f", "-", text=json.dumps(MOVING))
    note = ("-n", "xyz", "annotate", "--overwrite", "deployment/moving")
    cloud.kubectl(*note, f"{MOVE_HOURS}={json.dumps(NIGHT)}")
    nowhere = NIGHT | {"timeZone": "Europe/Nowhere"}
    said = cloud.kubectl(*note, f"{MOVE_HOURS}={json.dumps(nowhere)}", code=1)
    assert f"metadata.annotations[{MOVE_HOURS}]" in said
    assert "Europe/Nowhere" in said
    notes = cloud.get("-n", "xyz", "deployment", "moving")["metadata"]["annotations"]
    assert json.loads(notes[MOVE_HOURS]) == NIGHT
    cloud.kubectl("-n", "xyz", "delete", "deployment", "moving")
