"""The official Python client: typed objects, watches, dynamic kinds, logs' refusals."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client, config, dynamic, watch
from kubernetes.client.exceptions import ApiException


@pytest.fixture(scope="module")
def api(served: Any) -> Iterator[client.ApiClient]:
    made = config.new_client_from_config(str(served.kubeconfig("operator")))
    body = client.V1Namespace(metadata=client.V1ObjectMeta(name="alpha"))
    client.CoreV1Api(made).create_namespace(body)
    yield made
    made.close()


@pytest.fixture
def core(api: client.ApiClient) -> client.CoreV1Api:
    return client.CoreV1Api(api)


def config_map(name: str, **data: str) -> client.V1ConfigMap:
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name), data=data or None)


def test_objects_come_change_and_go(core: client.CoreV1Api) -> None:
    made = core.create_namespaced_config_map("alpha", config_map("c", a="1"))
    made.data = {"a": "2"}
    replaced = core.replace_namespaced_config_map("c", "alpha", made)
    assert replaced.data == {"a": "2"}
    with pytest.raises(ApiException) as stale:
        core.replace_namespaced_config_map("c", "alpha", made)
    assert stale.value.status == 409
    patched = core.patch_namespaced_config_map("c", "alpha", {"data": {"b": "3"}})
    assert patched.data == {"a": "2", "b": "3"}
    status = core.delete_namespaced_config_map("c", "alpha")
    assert status["status"] == "Success"
    with pytest.raises(ApiException) as gone:
        core.read_namespaced_config_map("c", "alpha")
    assert gone.value.status == 404


def test_pods_and_jobs_have_their_types(api: client.ApiClient, core: client.CoreV1Api) -> None:
    container = client.V1Container(name="c", image="busybox", command=["true"])
    spec = client.V1PodSpec(containers=[container], restart_policy="Never")
    pod = client.V1Pod(metadata=client.V1ObjectMeta(name="p"), spec=spec)
    assert core.create_namespaced_pod("alpha", pod).status.phase == "Pending"
    template = client.V1PodTemplateSpec(spec=spec)
    job = client.V1Job(
        metadata=client.V1ObjectMeta(name="j"), spec=client.V1JobSpec(template=template)
    )
    batch = client.BatchV1Api(api)
    assert batch.create_namespaced_job("alpha", job).spec.parallelism == 1
    with pytest.raises(ApiException) as waiting:
        core.read_namespaced_pod_log("p", "alpha")
    assert waiting.value.status == 400
    core.delete_collection_namespaced_pod("alpha")
    assert core.list_namespaced_pod("alpha").items == []


def test_a_watch_hears_of_every_change(core: client.CoreV1Api) -> None:
    start = core.list_namespaced_config_map("alpha").metadata.resource_version
    stream = watch.Watch().stream(
        core.list_namespaced_config_map, "alpha", resource_version=start, timeout_seconds=30
    )

    def change() -> None:
        core.create_namespaced_config_map("alpha", config_map("w", a="1"))
        core.patch_namespaced_config_map("w", "alpha", {"data": {"a": "2"}})
        core.delete_namespaced_config_map("w", "alpha")

    thread = threading.Thread(target=change)
    thread.start()
    seen = []
    for event in stream:
        seen.append((event["type"], event["object"].data["a"]))
        if event["type"] == "DELETED":
            break
    thread.join()
    assert seen == [("ADDED", "1"), ("MODIFIED", "2"), ("DELETED", "2")]


def test_long_lists_come_in_pages(core: client.CoreV1Api) -> None:
    for index in range(7):
        core.create_namespaced_config_map("alpha", config_map(f"page-{index}"))
    found: list[str] = []
    token = None
    while True:
        page = core.list_namespaced_config_map("alpha", limit=3, _continue=token)
        found += [item.metadata.name for item in page.items]
        token = page.metadata._continue
        if not token:
            break
    assert [name for name in found if name.startswith("page-")] == [f"page-{i}" for i in range(7)]


def test_own_kinds_are_found_by_discovery(api: client.ApiClient) -> None:
    found = dynamic.DynamicClient(api).resources.get(
        api_version="busbar.dev/v1alpha1", kind="Offer"
    )
    body = {
        "apiVersion": "busbar.dev/v1alpha1",
        "kind": "Offer",
        "metadata": {"name": "o"},
        "spec": {"vendor": "elastx", "pricePerDTU": "0.035"},
    }
    assert found.create(body=body).metadata.generation == 1
    applied = found.server_side_apply(body=body, name="o", field_manager="test")
    assert applied.spec.vendor == "elastx"
    assert found.delete(name="o").status == "Success"


def test_a_member_is_held_to_its_namespace(served: Any, api: client.ApiClient) -> None:
    alice = client.CoreV1Api(config.new_client_from_config(str(served.kubeconfig("alice"))))
    alice.create_namespaced_config_map("alpha", config_map("mine"))
    with pytest.raises(ApiException) as refused:
        alice.list_namespaced_secret("kube-system")
    assert refused.value.status == 403
