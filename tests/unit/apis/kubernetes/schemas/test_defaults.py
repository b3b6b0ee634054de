"""Defaults: what the API server fills in, and that filling in twice changes nothing more."""

from __future__ import annotations

from base64 import b64encode
from copy import deepcopy
from typing import Any

import pytest

from busbar.apis.kubernetes.schemas.defaults import apply_defaults
from busbar.apis.kubernetes.schemas.defaults.job import select_own_pods
from busbar.apis.kubernetes.schemas.defaults.pod import pull_policy, qos_class
from busbar.apis.kubernetes.schemas.registry import registry


def filled(obj: dict[str, Any], kind: str, group: str = "", version: str = "v1") -> dict[str, Any]:
    served = registry().by_kind(group, version, kind)
    assert served is not None
    obj = deepcopy(obj)
    apply_defaults(served.resource, served.shape, obj)
    again = deepcopy(obj)
    apply_defaults(served.resource, served.shape, again)
    assert again == obj
    return obj


def pod(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"spec": {"containers": list(containers) or [{"name": "c", "image": "i"}], **spec}}


def test_a_pod() -> None:
    assert filled(pod(), "Pod") == {
        "spec": {
            "containers": [
                {
                    "name": "c",
                    "image": "i",
                    "imagePullPolicy": "Always",
                    "resources": {},
                    "terminationMessagePath": "/dev/termination-log",
                    "terminationMessagePolicy": "File",
                }
            ],
            "dnsPolicy": "ClusterFirst",
            "enableServiceLinks": True,
            "restartPolicy": "Always",
            "schedulerName": "default-scheduler",
            "securityContext": {},
            "terminationGracePeriodSeconds": 30,
        },
        "status": {"phase": "Pending", "qosClass": "BestEffort"},
    }


def test_what_the_user_wrote_stays() -> None:
    spec = filled(pod(restartPolicy="Never", terminationGracePeriodSeconds=0), "Pod")["spec"]
    assert (spec["restartPolicy"], spec["terminationGracePeriodSeconds"]) == ("Never", 0)


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("debian", "Always"),
        ("debian:latest", "Always"),
        ("debian:12", "IfNotPresent"),
        ("localhost:5000/debian", "Always"),
        ("localhost:5000/debian:12", "IfNotPresent"),
        ("debian@sha256:00", "IfNotPresent"),
        ("", "Always"),
    ],
)
def test_the_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    assert pull_policy(image) == policy


def test_what_is_limited_is_requested() -> None:
    resources = {"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}
    spec = filled(pod({"name": "c", "resources": resources}), "Pod")["spec"]
    assert spec["containers"][0]["resources"]["requests"] == {"cpu": "500m", "memory": "1Gi"}


def test_ports_probes_hooks_and_field_references() -> None:
    container = {
        "name": "c",
        "ports": [{"containerPort": 80}],
        "livenessProbe": {"httpGet": {"port": 80}},
        "readinessProbe": {"grpc": {"port": 1}, "periodSeconds": 1},
        "lifecycle": {"preStop": {"httpGet": {"port": 80}}, "stopSignal": "SIGINT"},
        "env": [
            {"name": "A", "value": "b"},
            {"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        ],
    }
    found = filled(pod(container, hostNetwork=True), "Pod")["spec"]["containers"][0]
    assert found["ports"] == [{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}]
    assert found["livenessProbe"] == {
        "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    }
    assert found["readinessProbe"]["periodSeconds"] == 1
    assert found["readinessProbe"]["grpc"] == {"port": 1, "service": ""}
    assert found["lifecycle"]["preStop"]["httpGet"]["scheme"] == "HTTP"
    assert found["env"][1]["valueFrom"]["fieldRef"]["apiVersion"] == "v1"


def test_volumes() -> None:
    reference = {"path": "n", "fieldRef": {"fieldPath": "metadata.name"}}
    volumes = [
        {"name": "nothing"},
        {"name": "config", "configMap": {"name": "c"}},
        {"name": "host", "hostPath": {"path": "/"}},
        {"name": "down", "downwardAPI": {"items": [reference]}},
        {
            "name": "all",
            "projected": {
                "sources": [
                    {"serviceAccountToken": {"path": "t"}},
                    {"downwardAPI": {"items": [deepcopy(reference)]}},
                ]
            },
        },
    ]
    found = {v["name"]: v for v in filled(pod(volumes=volumes), "Pod")["spec"]["volumes"]}
    assert found["nothing"]["emptyDir"] == {}
    assert found["config"]["configMap"] == {"name": "c", "defaultMode": 420}
    assert found["host"]["hostPath"] == {"path": "/", "type": ""}
    assert found["down"]["downwardAPI"]["items"][0]["fieldRef"]["apiVersion"] == "v1"
    token, down = found["all"]["projected"]["sources"]
    assert token["serviceAccountToken"]["expirationSeconds"] == 3600
    assert down["downwardAPI"]["items"][0]["fieldRef"]["apiVersion"] == "v1"


def test_the_service_account_has_two_names() -> None:
    spec = filled(pod(serviceAccountName="robot"), "Pod")["spec"]
    assert spec["serviceAccount"] == "robot"


@pytest.mark.parametrize(
    ("resources", "quality"),
    [
        ([{}], "BestEffort"),
        ([{"requests": {"cpu": "1"}}], "Burstable"),
        (
            [{"limits": {"cpu": "1", "memory": "1"}, "requests": {"cpu": "1", "memory": "1"}}],
            "Guaranteed",
        ),
        (
            [{"limits": {"cpu": "1", "memory": "1"}, "requests": {"cpu": "1", "memory": "1"}}, {}],
            "Burstable",
        ),
    ],
)
def test_quality_of_service(resources: list[dict[str, Any]], quality: str) -> None:
    assert qos_class({"containers": [{"resources": r} for r in resources]}) == quality


def job(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "j", "uid": "u"}, "spec": {"template": {"spec": {}}, **spec}}


def test_a_job() -> None:
    spec = filled(job(), "Job", "batch")["spec"]
    template = spec.pop("template")
    assert spec == {
        "backoffLimit": 6,
        "completionMode": "NonIndexed",
        "completions": 1,
        "manualSelector": False,
        "parallelism": 1,
        "podReplacementPolicy": "TerminatingOrFailed",
        "suspend": False,
    }
    assert template["spec"]["dnsPolicy"] == "ClusterFirst"


def test_a_work_queue_has_no_completions() -> None:
    spec = filled(job(parallelism=3), "Job", "batch")["spec"]
    assert "completions" not in spec


def test_retries_counted_per_index_are_not_counted_in_all() -> None:
    spec = filled(job(backoffLimitPerIndex=1), "Job", "batch")["spec"]
    assert spec["backoffLimit"] == 2**31 - 1


def test_a_failure_policy_replaces_only_what_has_failed() -> None:
    spec = filled(job(podFailurePolicy={"rules": []}), "Job", "batch")["spec"]
    assert spec["podReplacementPolicy"] == "Failed"


def test_a_new_job_selects_its_own_pods() -> None:
    obj = filled(job(), "Job", "batch")
    select_own_pods(obj)
    assert obj["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}}
    labels = obj["spec"]["template"]["metadata"]["labels"]
    assert labels == {
        "batch.kubernetes.io/controller-uid": "u",
        "batch.kubernetes.io/job-name": "j",
        "controller-uid": "u",
        "job-name": "j",
    }
    assert obj["metadata"]["labels"] == labels
    assert filled(obj, "Job", "batch") == obj


def test_a_job_with_a_selector_of_its_own_keeps_it() -> None:
    selector = {"matchLabels": {"a": "b"}}
    obj = filled(job(manualSelector=True, selector=selector), "Job", "batch")
    select_own_pods(obj)
    assert obj["spec"]["selector"] == selector


def test_plain_text_of_a_secret_is_folded_into_its_data() -> None:
    obj = filled({"data": {"a": "QQ==", "b": "Qg=="}, "stringData": {"b": "ä"}}, "Secret")
    text = b64encode("ä".encode()).decode()
    assert obj == {"type": "Opaque", "data": {"a": "QQ==", "b": text}}


def test_a_namespace_can_be_selected_by_its_name() -> None:
    obj = filled({"metadata": {"name": "xyz"}}, "Namespace")
    assert obj["metadata"]["labels"] == {"kubernetes.io/metadata.name": "xyz"}
    assert obj["status"] == {"phase": "Active"}


def test_own_kinds_take_the_defaults_of_their_schema() -> None:
    obj = filled(
        {"spec": {"image": "i", "resources": {}}, "status": {}}, "Job", "busbar.dev", "v1alpha1"
    )
    assert obj["spec"] == {"image": "i", "resources": {"cpu": "2", "memory": "4Gi"}}
    assert obj["status"] == {}


def test_defaults_reach_into_lists() -> None:
    spec = {"vendor": "v", "pricePerDTU": "1", "calendar": {"rules": [{"weekdays": ["Mon"]}]}}
    rule = filled({"spec": spec}, "Offer", "busbar.dev", "v1alpha1")["spec"]["calendar"]["rules"][0]
    assert rule == {"weekdays": ["Mon"], "from": "00:00", "until": "24:00", "available": True}


def test_a_job_without_labels_takes_those_of_its_pods() -> None:
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {}}
    assert filled(job(template=template), "Job", "batch")["metadata"]["labels"] == {"app": "x"}
    named = job(template=template)
    named["metadata"]["labels"] = {"mine": "1"}
    assert filled(named, "Job", "batch")["metadata"]["labels"] == {"mine": "1"}
