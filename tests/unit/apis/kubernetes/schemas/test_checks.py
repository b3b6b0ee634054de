"""Validation beyond the schema, as users run into it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from busbar.apis.kubernetes.schemas.checks import validate
from busbar.apis.kubernetes.schemas.defaults import apply_defaults
from busbar.apis.kubernetes.schemas.registry import Served, registry


def served(kind: str, group: str = "", version: str = "v1") -> Served:
    found = registry().by_kind(group, version, kind)
    assert found is not None
    return found


def errors(of: Served, obj: dict[str, Any], old: dict[str, Any] | None = None) -> list[str]:
    obj = deepcopy(obj)
    obj.setdefault("metadata", {"name": "x", "namespace": "d"})
    apply_defaults(of.resource, of.shape, obj)
    if old is not None:
        old = deepcopy(old)
        old.setdefault("metadata", {"name": "x", "namespace": "d"})
        apply_defaults(of.resource, of.shape, old)
    return [str(error) for error in validate(of.resource, obj, old)]


def container(**fields: Any) -> dict[str, Any]:
    return {"name": "c", "image": "debian", **fields}


def pod(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"spec": {"containers": list(containers) or [container()], **spec}}


def pod_errors(*containers: dict[str, Any], **spec: Any) -> list[str]:
    return errors(served("Pod"), pod(*containers, **spec))


def test_a_plain_pod_is_valid() -> None:
    assert pod_errors() == []


def test_a_pod_without_containers() -> None:
    assert errors(served("Pod"), {"spec": {}}) == ["spec.containers: Required value"]


def test_a_container_without_name_or_image() -> None:
    assert pod_errors({}) == [
        "spec.containers[0].name: Required value",
        "spec.containers[0].image: Required value",
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "C"}, "spec.containers[0].name: Invalid value"),
        ({"image": " debian"}, "must not have leading or trailing whitespace"),
        ({"imagePullPolicy": "Sometimes"}, 'supported values: "Always", "IfNotPresent", "Never"'),
        ({"ports": [{"containerPort": 0}]}, "must be between 1 and 65535"),
        ({"ports": [{"containerPort": 1, "protocol": "ICMP"}]}, "spec.containers[0].ports[0]"),
        ({"ports": [{"containerPort": 1, "name": "n" * 16}]}, "no more than 15 characters"),
        (
            {"ports": [{"containerPort": n, "name": "web"} for n in (1, 2)]},
            'spec.containers[0].ports[1].name: Duplicate value: "web"',
        ),
        ({"env": [{"name": ""}]}, "spec.containers[0].env[0].name: Required value"),
        ({"env": [{"name": "A=B"}]}, "characters other than '='"),
        ({"env": [{"name": "A", "valueFrom": {}}]}, "must specify exactly one source"),
        (
            {"env": [{"name": "A", "value": "b", "valueFrom": {"fieldRef": {}}}]},
            "may not be specified when `value` is not empty",
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s"}}}]},
            "env[0].valueFrom.secretKeyRef.key: Required value",
        ),
        ({"volumeMounts": [{"name": "v", "mountPath": "/v"}]}, 'Not found: "v"'),
        (
            {"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1500m"}}},
            "must be less than or equal to cpu limit of 1500m",
        ),
        ({"resources": {"requests": {"cpu": "-1"}}}, "must not be negative"),
        ({"livenessProbe": {}}, "must specify a handler type"),
        (
            {"livenessProbe": {"exec": {}, "tcpSocket": {"port": 1}}},
            "may not specify more than 1 handler type",
        ),
        ({"livenessProbe": {"exec": {}, "periodSeconds": -1}}, "livenessProbe.periodSeconds"),
        ({"livenessProbe": {"grpc": {"port": 1}}}, "livenessProbe.grpc: Forbidden"),
        ({"readinessProbe": {"tcpSocket": {"port": 1, "host": "x"}}}, "tcpSocket.host: Forbidden"),
    ],
)
def test_containers(fields: dict[str, Any], said: str) -> None:
    found = pod_errors(container(**fields))
    assert len(found) == 1
    assert said in found[0]


def test_containers_share_one_set_of_names() -> None:
    found = pod_errors(container(), initContainers=[container()])
    assert found == ['spec.initContainers[0].name: Duplicate value: "c"']


def test_probes_are_not_for_init_containers_unless_they_are_sidecars() -> None:
    probe = {"exec": {"command": ["true"]}}
    first = container(name="i", livenessProbe=probe)
    assert (
        "spec.initContainers[0].livenessProbe: Forbidden" in pod_errors(initContainers=[first])[0]
    )
    assert pod_errors(initContainers=[{**first, "restartPolicy": "Always"}]) == []


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"restartPolicy": "Maybe"}, "spec.restartPolicy: Unsupported value"),
        ({"ephemeralContainers": [{"name": "e"}]}, "spec.ephemeralContainers: Forbidden"),
        ({"dnsPolicy": "Mine"}, "spec.dnsPolicy: Unsupported value"),
        ({"terminationGracePeriodSeconds": -1}, "greater than or equal to 0"),
        ({"activeDeadlineSeconds": 0}, "must be between 1 and 2147483647"),
        ({"nodeSelector": {"a b": "c"}}, "spec.nodeSelector: Invalid value"),
        ({"nodeName": "a_b"}, "spec.nodeName: Invalid value"),
        ({"hostname": "a.b"}, "spec.hostname: Invalid value"),
        ({"tolerations": [{"operator": "In", "key": "a"}]}, 'supported values: "Exists", "Equal"'),
        ({"tolerations": [{"value": "a"}]}, "operator must be Exists when `key` is empty"),
        ({"tolerations": [{"operator": "Exists", "effect": "No"}]}, "spec.tolerations[0].effect"),
        (
            {"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]},
            "value must be empty when `operator` is 'Exists'",
        ),
        ({"volumes": [{"name": "A"}]}, "spec.volumes[0].name: Invalid value"),
        ({"volumes": [{"name": "v"}, {"name": "v"}]}, 'spec.volumes[1].name: Duplicate value: "v"'),
        (
            {"volumes": [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}]},
            "may not specify more than 1 volume type",
        ),
        ({"volumes": [{"name": "v", "secret": {}}]}, "secret.secretName: Required value"),
        (
            {"volumes": [{"name": "v", "configMap": {"name": "c", "defaultMode": 0o1000}}]},
            "must be a number between 0 and 0777 (octal)",
        ),
    ],
)
def test_pods(spec: dict[str, Any], said: str) -> None:
    found = pod_errors(**spec)
    assert len(found) == 1
    assert said in found[0]


def test_mounts_are_checked() -> None:
    mounts = [
        {"name": "v", "mountPath": "/a"},
        {"name": "v", "mountPath": "/a", "subPath": "../b"},
        {"name": "v", "subPath": "/c"},
        {"mountPath": "/d"},
    ]
    found = pod_errors(container(volumeMounts=mounts), volumes=[{"name": "v"}])
    paths = [error.split(":")[0].removeprefix("spec.containers[0].volumeMounts") for error in found]
    assert paths == ["[1].mountPath", "[1].subPath", "[2].mountPath", "[2].subPath", "[3].name"]


def test_a_pod_may_change_its_image_and_shorten_its_deadline() -> None:
    old = pod(activeDeadlineSeconds=60)
    new = pod(container(image="debian:12", imagePullPolicy="Always"), activeDeadlineSeconds=30)
    assert errors(served("Pod"), new, old) == []


def test_a_pod_may_get_more_tolerations_but_not_lose_one() -> None:
    toleration = {"key": "a", "operator": "Exists"}
    assert errors(served("Pod"), pod(tolerations=[toleration]), pod()) == []
    lost = errors(served("Pod"), pod(), pod(tolerations=[toleration]))
    assert lost == [
        "spec.tolerations: Forbidden: existing toleration can not be modified except its "
        "tolerationSeconds"
    ]


@pytest.mark.parametrize(
    "new",
    [
        pod(container(command=["true"])),
        pod(container(), container(name="d")),
        pod(nodeName="node-1"),
        pod(restartPolicy="Never"),
    ],
)
def test_the_rest_of_a_pod_is_immutable(new: dict[str, Any]) -> None:
    assert "pod updates may not change fields other than" in errors(served("Pod"), new, pod())[0]


def test_a_deadline_is_not_prolonged() -> None:
    found = errors(served("Pod"), pod(activeDeadlineSeconds=60), pod(activeDeadlineSeconds=30))
    assert found[0].startswith("spec.activeDeadlineSeconds: Invalid value: 60")


def job(template: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    whole = template or {"spec": {"containers": [container()], "restartPolicy": "Never"}}
    return {"spec": {"template": whole, **spec}}


def job_errors(obj: dict[str, Any], old: dict[str, Any] | None = None) -> list[str]:
    return errors(served("Job", "batch"), obj, old)


def test_a_plain_job_is_valid() -> None:
    assert job_errors(job()) == []


def test_a_job_must_not_restart_its_pods_forever() -> None:
    assert job_errors(job({"spec": {"containers": [container()]}})) == [
        'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'
    ]


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"parallelism": -1}, "spec.parallelism: Invalid value: -1"),
        ({"completions": -1}, "spec.completions: Invalid value: -1"),
        ({"backoffLimit": -1}, "spec.backoffLimit: Invalid value: -1"),
        ({"completionMode": "Some"}, "spec.completionMode: Unsupported value"),
        ({"completionMode": "Indexed", "parallelism": 2}, "spec.completions: Required value"),
        (
            {"completionMode": "Indexed", "completions": 1, "parallelism": 100_001},
            "spec.parallelism: Too many",
        ),
        ({"selector": {"matchLabels": {"a": "b"}}}, "`selector` does not match"),
    ],
)
def test_jobs(spec: dict[str, Any], said: str) -> None:
    found = job_errors(job(**spec))
    assert len(found) == 1
    assert said in found[0]


def test_the_template_of_a_job_is_immutable() -> None:
    other = {"spec": {"containers": [container(image="other")], "restartPolicy": "Never"}}
    assert job_errors(job(other), job()) == [
        "spec.template: Invalid value: object: field is immutable"
    ]


def test_a_suspended_job_may_be_sent_elsewhere() -> None:
    spec = {"containers": [container()], "restartPolicy": "Never", "nodeSelector": {"a": "b"}}
    assert job_errors(job({"spec": spec}, suspend=True), job(suspend=True)) == []
    assert job_errors(job({"spec": spec}), job()) != []


def test_the_completions_of_a_job_are_immutable_and_its_parallelism_is_not() -> None:
    assert job_errors(job(parallelism=2, completions=1), job(parallelism=1, completions=1)) == []
    assert job_errors(job(completions=2), job(completions=1)) == [
        "spec.completions: Invalid value: 2: field is immutable"
    ]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"data": {"a/b": ""}}, "data[a/b]: Invalid value"),
        ({"data": {"..": ""}}, "data[..]: Invalid value"),
        ({"data": {"..a": ""}}, "must not start with '..'"),
        ({"data": {"a" * 254: ""}}, "must be no more than 253 characters"),
        ({"data": {"a": ""}, "binaryData": {"a": ""}}, "duplicate of key present in binaryData"),
        ({"data": {"a": "x" * (2**20 + 1)}}, "Too long: may not be more than 1048576 bytes"),
    ],
)
def test_config_maps(data: dict[str, Any], said: str) -> None:
    found = errors(served("ConfigMap"), data)
    assert len(found) == 1
    assert said in found[0]


@pytest.mark.parametrize("key", [".dockerconfigjson", "a", "A_b-c.d", "-x", "0"])
def test_keys_that_are_fine(key: str) -> None:
    assert errors(served("ConfigMap"), {"data": {key: "v"}}) == []


def test_an_immutable_config_map_stays() -> None:
    old = {"data": {"a": "b"}, "immutable": True}
    assert errors(served("ConfigMap"), old, old) == []
    found = errors(served("ConfigMap"), {"data": {"a": "c"}}, old)
    assert [error.split(":")[0] for error in found] == ["data", "immutable"]


def test_a_tls_secret_needs_both_halves() -> None:
    found = errors(served("Secret"), {"type": "kubernetes.io/tls", "data": {"tls.key": ""}})
    assert found == ["data[tls.crt]: Required value"]


def test_the_type_of_a_secret_is_immutable() -> None:
    found = errors(served("Secret"), {"type": "a/b"}, {"type": "Opaque"})
    assert found == ['type: Invalid value: "a/b": field is immutable']


def test_a_large_secret() -> None:
    assert "Too long" in errors(served("Secret"), {"data": {"a": "AAAA" * 2**19}})[0]


def test_a_name_is_needed() -> None:
    found = errors(served("ConfigMap"), {"metadata": {"namespace": "d"}})
    assert found == ["metadata.name: Required value: name or generateName is required"]


def test_a_namespace_is_named_by_a_label() -> None:
    assert errors(served("Namespace"), {"metadata": {"name": "a.b"}})[0].startswith("metadata.name")


def test_an_event_lies_where_its_object_is() -> None:
    found = errors(served("Event"), {"involvedObject": {"namespace": "other"}})
    assert "does not match event.namespace" in found[0]


def test_a_lease_has_a_duration() -> None:
    lease = served("Lease", "coordination.k8s.io")
    found = errors(lease, {"spec": {"leaseDurationSeconds": 0, "leaseTransitions": -1}})
    assert [error.split(":")[0] for error in found] == [
        "spec.leaseDurationSeconds",
        "spec.leaseTransitions",
    ]


def test_the_taints_of_a_node() -> None:
    taints = [{"effect": "NoSchedule"}, {"key": "a b", "effect": "NoSchedule"}, {"key": "a"}]
    found = errors(served("Node"), {"metadata": {"name": "n"}, "spec": {"taints": taints}})
    assert [error.split(":")[0] for error in found] == [
        "spec.taints[0].key",
        "spec.taints[1].key",
        "spec.taints[2].effect",
    ]


@pytest.mark.parametrize("field", ["name", "namespace", "uid", "creationTimestamp"])
def test_identity_is_immutable(field: str) -> None:
    meta = {"name": "x", "namespace": "d", "uid": "u", "creationTimestamp": "t"}
    new = {"metadata": {**meta, field: "other"}}
    found = errors(served("ConfigMap"), new, {"metadata": meta})
    assert found == [f'metadata.{field}: Invalid value: "other": field is immutable']


def test_no_finalizer_is_added_to_what_is_being_deleted() -> None:
    old = {"metadata": {"name": "x", "deletionTimestamp": "t", "finalizers": ["a/b"]}}
    new = {"metadata": {"name": "x", "deletionTimestamp": "t", "finalizers": ["a/b", "a/c"]}}
    assert "no new finalizers can be added" in errors(served("ConfigMap"), new, old)[0]
    assert errors(served("ConfigMap"), old, new) == []
