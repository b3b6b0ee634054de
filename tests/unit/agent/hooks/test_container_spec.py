"""What a runtime is asked for, put together from the Pod and its image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.unit.agent.conftest import UID, FakeImage, pod

from busbar.agent.hooks.containers import container_spec
from busbar.agent.hooks.prepare import Prepared
from busbar.agent.hooks.references import Sources
from busbar.agent.refusals import PodRefused
from busbar.agent.runtimes.contract import ContainerSpec, Mount, PodSandbox

IMAGE = {
    "Entrypoint": ["entry"],
    "Cmd": ["cmd"],
    "Env": ["PATH=/bin", "A=image"],
    "User": "app",
    "WorkingDir": "/work",
}


def made(
    image: dict[str, Any] | None = None, beside: Any = None, **container: Any
) -> ContainerSpec:
    whole = {"name": "main", "image": "i", **container}
    config = IMAGE if image is None else image
    sandbox = PodSandbox(UID, "10.88.0.7", "", 1 << 20, 1 << 20)
    prepared = Prepared(
        sandbox,
        {"i": FakeImage((Path("/l1"), Path("/l2")), config)},
        {"v": Path("/volumes/v")},
        Sources({}),
        Path("/pod"),
        {"podIP": "10.88.0.7", "hostIP": "192.0.2.1"},
    )
    return container_spec(
        pod(containers=[whole, *([beside] if beside else [])]), whole, 2, prepared
    )


def test_the_image_says_what_the_pod_does_not() -> None:
    spec = made()
    assert spec.arguments == ("entry", "cmd")
    assert spec.environment == {"PATH": "/bin", "A": "image"}
    assert (spec.user, spec.working_directory) == ("app", "/work")
    assert spec.layers == (Path("/l1"), Path("/l2"))
    assert spec.log_file == Path("/pod/logs/main/2.log")
    assert spec.hostname == "p"


def test_the_pod_wins_over_the_image() -> None:
    spec = made(
        command=["own"],
        workingDir="/own",
        env=[{"name": "A", "value": "own"}],
        securityContext={"runAsUser": 0, "readOnlyRootFilesystem": True},
    )
    assert spec.arguments == ("own",)
    assert spec.environment["A"] == "own"
    assert (spec.user, spec.working_directory, spec.read_only_root) == ("0", "/own", True)


def test_limits_are_the_pods() -> None:
    spec = made(resources={"limits": {"cpu": "1500m", "memory": "1Gi"}, "requests": {"cpu": "1"}})
    assert (spec.cpu_milli, spec.cpu_limit_milli, spec.memory_limit_bytes) == (1000, 1500, 1 << 30)


@pytest.mark.parametrize(
    ("resources", "limit"),
    [
        ({"requests": {"memory": "1Gi"}}, 1 << 30),
        ({"requests": {"memory": "1Gi"}, "limits": {"memory": "4Gi"}}, 1 << 30),
        ({}, 128 << 20),
    ],
)
def test_nobody_has_more_memory_than_was_bought(resources: Any, limit: int) -> None:
    assert made(resources=resources).memory_limit_bytes == limit


def test_a_container_may_have_what_was_bought_for_all() -> None:
    side = {"name": "side", "image": "i", "resources": {"requests": {"memory": "1Gi"}}}
    assert made(beside=side, resources={"limits": {"memory": "2Gi"}}).memory_limit_bytes == 2 << 30
    asked = {"requests": {"memory": "2Gi"}}
    assert made(beside=side, resources=asked).memory_limit_bytes == 3 << 30


def test_an_amount_that_is_none_is_refused() -> None:
    with pytest.raises(PodRefused, match="memory"):
        made(resources={"requests": {"memory": "much"}})


def test_without_requests_the_limits_count() -> None:
    assert made(resources={"limits": {"cpu": "2"}}).cpu_milli == 2000


def test_the_nodes_address_is_known_to_variables() -> None:
    field = {"fieldRef": {"fieldPath": "status.hostIP"}}
    assert made(env=[{"name": "H", "valueFrom": field}]).environment["H"] == "192.0.2.1"


def test_volumes_are_mounted_where_the_container_wants_them() -> None:
    spec = made(volumeMounts=[{"name": "v", "mountPath": "/data", "readOnly": True}])
    assert spec.mounts == (Mount(Path("/volumes/v"), "/data", True),)


def test_a_volume_that_is_not_there_is_refused() -> None:
    with pytest.raises(PodRefused, match="there is no volume 'nosuch'"):
        made(volumeMounts=[{"name": "nosuch", "mountPath": "/data"}])


def test_nothing_to_run_is_refused() -> None:
    with pytest.raises(PodRefused, match="give it a command"):
        made(image={})
