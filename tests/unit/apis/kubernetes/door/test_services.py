"""Deployments at the door: what is refused, who may, the scale subresource, what nobody may set."""

from __future__ import annotations

from typing import Any

import pytest

DEPLOYMENTS = "/apis/apps/v1/namespaces/alpha/deployments"
SETS = "/apis/apps/v1/namespaces/alpha/replicasets"
BUDGETS = "/apis/policy/v1/namespaces/alpha/poddisruptionbudgets"
TEMPLATE = "spec.template.metadata.annotations"
JSON_PATCH = "application/json-patch+json"


def deployment(name: str = "web", notes: Any = None, **spec: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "web"}
    meta = {"labels": {"app": "web"}, **({"annotations": notes} if notes else {})}
    whole = {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": meta, "spec": {"containers": [container]}},
        **spec,
    }
    return {"metadata": {"name": name}, "spec": whole}


def test_defaults_are_those_of_kubernetes(operator: Any) -> None:
    made = operator.post(DEPLOYMENTS, deployment())
    assert made.status == 201
    spec = made.json["spec"]
    rolling = {"maxSurge": "25%", "maxUnavailable": "25%"}
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": rolling}
    assert (spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (10, 600)
    assert spec["template"]["spec"]["restartPolicy"] == "Always"
    assert made.json["metadata"]["generation"] == 1


@pytest.mark.parametrize(
    ("manifest", "field"),
    [
        (deployment(replicas=-1), "spec.replicas"),
        (deployment(selector={}), "spec.selector"),
        (deployment(selector={"matchLabels": {"app": "x"}}), "spec.template.metadata.labels"),
        (deployment(minReadySeconds=-1), "spec.minReadySeconds"),
        (deployment(minReadySeconds=700), "spec.progressDeadlineSeconds"),
        (deployment(strategy={"type": "Swap"}), "spec.strategy.type"),
        (
            deployment(strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}}),
            "spec.strategy.rollingUpdate",
        ),
        (
            deployment(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}),
            "spec.strategy.rollingUpdate.maxUnavailable",
        ),
        (
            deployment(strategy={"rollingUpdate": {"maxSurge": "many"}}),
            "spec.strategy.rollingUpdate.maxSurge",
        ),
        (
            deployment(strategy={"rollingUpdate": {"maxUnavailable": "101%"}}),
            "spec.strategy.rollingUpdate.maxUnavailable",
        ),
        (deployment(notes={"busbar.dev/may-move": "maybe"}), f"{TEMPLATE}[busbar.dev/may-move]"),
        (
            deployment(notes={"busbar.dev/may-move": "true"}, strategy={"type": "Recreate"}),
            f"{TEMPLATE}[busbar.dev/may-move]",
        ),
        (deployment(notes={"busbar.dev/gang-size": "2"}), f"{TEMPLATE}[busbar.dev/gang-size]"),
        (
            deployment(notes={"busbar.dev/max-euro-per-dtu": "-1"}),
            f"{TEMPLATE}[busbar.dev/max-euro-per-dtu]",
        ),
    ],
)
def test_what_is_wrong_is_named(operator: Any, manifest: Any, field: str) -> None:
    refused = operator.post(DEPLOYMENTS, manifest)
    assert refused.status == 422, refused.json
    assert field in [cause["field"] for cause in refused.json["details"]["causes"]]


def test_only_the_exchange_writes_what_belongs_to_moves_and_contracts(cloud: Any) -> None:
    alice = cloud.client("alice")
    for note in ("replaces", "moved", "stays-until", "contract", "epoch", "avoid-nodes"):
        refused = alice.post(DEPLOYMENTS, deployment(notes={f"busbar.dev/{note}": "1"}))
        assert refused.status == 403
        assert f"busbar.dev/{note}" in refused.json["message"]
    host = deployment()
    host["spec"]["template"]["spec"]["hostNetwork"] = True
    assert alice.post(DEPLOYMENTS, host).status == 403
    assert alice.post(SETS, deployment()).status == 201


@pytest.mark.parametrize("note", ["busbar.dev/hours", "busbar.dev/move-hours"])
@pytest.mark.parametrize(
    ("hours", "words"),
    [
        ("always", "metadata.annotations[{}]: Invalid value"),
        ('{"rules": [{"from": "8"}]}', "metadata.annotations[{}].rules[0].from"),
        ('{"rules": [{}], "timeZone": "Mars"}', "{}].timeZone"),
    ],
)
def test_hours_that_cannot_be_read_are_refused(
    operator: Any, note: str, hours: str, words: str
) -> None:
    manifest = deployment()
    manifest["metadata"]["annotations"] = {note: hours}
    refused = operator.post(DEPLOYMENTS, manifest)
    assert refused.status == 422
    assert words.format(note) in refused.json["message"]
    manifest["metadata"]["annotations"] = {note: '{"rules": [{}]}'}
    assert operator.post(DEPLOYMENTS, manifest).status == 201


def test_a_replica_set_alone_may_say_when_it_is_moved(operator: Any) -> None:
    manifest = {**deployment(), "kind": "ReplicaSet"}
    for hours, status in (("nights", 422), ('{"rules": [{}]}', 201)):
        notes = {"busbar.dev/move-hours": hours}
        manifest["metadata"] = {"name": "web", "annotations": notes}
        assert operator.post(SETS, manifest).status == status


def test_hours_of_a_replica_set_alone_are_refused_since_nobody_would_keep_them(
    operator: Any,
) -> None:
    manifest = {**deployment(), "kind": "ReplicaSet"}
    manifest["metadata"] = {"name": "web", "annotations": {"busbar.dev/hours": '{"rules": [{}]}'}}
    refused = operator.post(SETS, manifest)
    assert refused.status == 422
    assert "state them on a Deployment" in refused.json["message"]
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "u"}
    manifest["metadata"]["ownerReferences"] = [{**owner, "controller": True}]
    assert operator.post(SETS, manifest).status == 201


def test_a_selector_may_not_change(operator: Any) -> None:
    operator.post(DEPLOYMENTS, deployment())
    labels = {"app": "web", "tier": "front"}
    other = deployment(selector={"matchLabels": labels})
    other["spec"]["template"]["metadata"]["labels"] = labels
    refused = operator.put(f"{DEPLOYMENTS}/web", other)
    assert refused.status == 422
    assert "spec.selector" in refused.json["message"]


def test_scale_is_read_and_written_on_its_own(operator: Any, cloud: Any) -> None:
    alice = cloud.client("alice")
    operator.post(DEPLOYMENTS, deployment())
    at = f"{DEPLOYMENTS}/web/scale"
    scale = alice.get(at).json
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert scale["spec"] == {"replicas": 1}
    assert scale["status"] == {"replicas": 0, "selector": "app=web"}
    scale["spec"]["replicas"] = 3
    assert alice.put(at, scale).json["spec"] == {"replicas": 3}
    assert alice.put(at, scale).status == 409
    patched = alice.merge(at, {"spec": {"replicas": 4}})
    assert patched.json["spec"] == {"replicas": 4}
    change = [{"op": "replace", "path": "/spec/replicas", "value": 5}]
    assert alice.request("PATCH", at, change, headers={"content-type": JSON_PATCH}).json[
        "spec"
    ] == {"replicas": 5}
    whole = operator.get(f"{DEPLOYMENTS}/web").json
    assert whole["spec"]["replicas"] == 5
    assert whole["metadata"]["generation"] == 4


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"spec": {"replicas": -1}}, 422),
        ({"spec": {"replicas": "many"}}, 422),
        ({"spec": {"replicas": 2**31}}, 422),
        ({"kind": "Pod"}, 400),
        ({"metadata": {"name": "other"}}, 400),
        ({"metadata": {"uid": "other"}}, 400),
        ([1], 400),
    ],
)
def test_a_scale_that_cannot_be_is_refused(operator: Any, body: Any, status: int) -> None:
    operator.post(DEPLOYMENTS, deployment())
    before = operator.get(f"{DEPLOYMENTS}/web").json
    refused = operator.put(f"{DEPLOYMENTS}/web/scale", body)
    assert refused.status in (status, 400, 422), refused.json
    assert operator.get(f"{DEPLOYMENTS}/web").json == before


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"minAvailable": 1, "maxUnavailable": 1}, "spec"),
        ({"minAvailable": "200%"}, "spec.minAvailable"),
        ({"maxUnavailable": -1}, "spec.maxUnavailable"),
        ({"unhealthyPodEvictionPolicy": "Never"}, "spec.unhealthyPodEvictionPolicy"),
    ],
)
def test_a_budget_that_cannot_be_is_refused(operator: Any, spec: Any, field: str) -> None:
    selector = {"matchLabels": {"app": "web"}}
    manifest = {"metadata": {"name": "b"}, "spec": {"selector": selector, **spec}}
    refused = operator.post(BUDGETS, manifest)
    assert refused.status == 422
    assert field in [cause["field"] for cause in refused.json["details"]["causes"]]
