"""Create, get, update, delete through the door."""

from __future__ import annotations

from typing import Any

import pytest

CMS = "/api/v1/namespaces/alpha/configmaps"


def config_map(name: str = "", **more: Any) -> dict[str, Any]:
    meta = {"name": name} if name else {}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, **more}


def test_a_created_object_has_the_servers_metadata(operator: Any) -> None:
    made = operator.post(CMS, config_map("a", data={"k": "v"}))
    assert made.status == 201
    meta = made.json["metadata"]
    assert meta["namespace"] == "alpha"
    assert meta["uid"]
    assert meta["creationTimestamp"] == "2026-11-22T12:00:00Z"
    assert int(meta["resourceVersion"]) > 0
    assert operator.get(f"{CMS}/a").json == made.json


def test_creating_the_same_name_twice_is_refused(operator: Any) -> None:
    operator.post(CMS, config_map("a"))
    again = operator.post(CMS, config_map("a"))
    assert (again.status, again.json["reason"]) == (409, "AlreadyExists")
    assert again.json["message"] == 'configmaps "a" already exists'


def test_generate_name_gives_each_object_a_name_of_its_own(operator: Any) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "run-"}}
    names = {operator.post(CMS, body).json["metadata"]["name"] for _ in range(20)}
    assert len(names) == 20
    assert all(name.startswith("run-") and len(name) == 9 for name in names)


def test_nothing_is_stored_by_a_dry_run(operator: Any) -> None:
    assert operator.post(CMS, config_map("a"), dryRun="All").status == 201
    assert operator.get(f"{CMS}/a").status == 404
    operator.post(CMS, config_map("a"))
    assert operator.merge(f"{CMS}/a", {"data": {"x": "1"}}, dryRun="All").json["data"] == {"x": "1"}
    assert operator.delete(f"{CMS}/a", dryRun="All").status == 200
    assert "data" not in operator.get(f"{CMS}/a").json


def test_a_missing_namespace_is_named(operator: Any) -> None:
    reply = operator.post("/api/v1/namespaces/nowhere/configmaps", config_map("a"))
    assert (reply.status, reply.json["message"]) == (404, 'namespaces "nowhere" not found')


def test_an_unknown_field_warns_or_refuses_as_asked(operator: Any) -> None:
    warned = operator.post(CMS, config_map("a", extra=1))
    assert warned.status == 201
    assert 'unknown field \\"extra\\"' in warned.warnings[0]
    strict = operator.post(CMS, config_map("b", extra=1), fieldValidation="Strict")
    assert strict.status == 400
    assert 'unknown field "extra"' in strict.json["message"]


def test_what_would_not_do_as_it_says_is_taken_with_a_warning(operator: Any) -> None:
    hook = {"preStop": {"exec": {"command": ["x"]}}}
    containers = [{"name": "c", "image": "i", "lifecycle": hook}]
    body = {"metadata": {"name": "hooked"}, "spec": {"containers": containers}}
    reply = operator.post("/api/v1/namespaces/alpha/pods", body)
    assert reply.status == 201
    assert reply.warnings == ('299 - "spec.containers[0].lifecycle.preStop: is not run here"',)


def test_a_write_with_an_old_revision_loses(operator: Any) -> None:
    first = operator.post(CMS, config_map("a")).json
    operator.put(f"{CMS}/a", {**first, "data": {"x": "1"}})
    stale = operator.put(f"{CMS}/a", {**first, "data": {"x": "2"}})
    assert (stale.status, stale.json["reason"]) == (409, "Conflict")
    assert operator.get(f"{CMS}/a").json["data"] == {"x": "1"}


def test_a_write_that_changes_nothing_has_no_revision(operator: Any) -> None:
    first = operator.post(CMS, config_map("a", data={"x": "1"})).json
    same = operator.merge(f"{CMS}/a", {"data": {"x": "1"}}).json
    assert same["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        ("application/merge-patch+json", {"data": {"x": "2"}}),
        ("application/strategic-merge-patch+json", {"data": {"x": "2"}}),
        ("application/json-patch+json", [{"op": "replace", "path": "/data/x", "value": "2"}]),
        (
            "application/apply-patch+yaml",
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "a"},
                "data": {"x": "2"},
            },
        ),
    ],
)
def test_each_kind_of_patch_is_taken(operator: Any, kind: str, patch: Any) -> None:
    operator.post(CMS, config_map("a", data={"x": "1"}))
    query = {"fieldManager": "t", "force": "true"} if "apply" in kind else {}
    reply = operator.request("PATCH", f"{CMS}/a", patch, headers={"content-type": kind}, **query)
    assert (reply.status, reply.json["data"]) == (200, {"x": "2"})


def test_a_server_side_apply_creates(operator: Any) -> None:
    reply = operator.request(
        "PATCH",
        f"{CMS}/new",
        config_map("new", data={"x": "1"}),
        headers={"content-type": "application/apply-patch+yaml"},
        fieldManager="t",
    )
    assert reply.status == 201
    assert reply.json["metadata"]["managedFields"][0]["manager"] == "t"


def test_a_deleted_object_is_gone_and_told_with_its_uid(operator: Any) -> None:
    uid = operator.post(CMS, config_map("a")).json["metadata"]["uid"]
    reply = operator.delete(f"{CMS}/a")
    assert (reply.status, reply.json["status"], reply.json["details"]["uid"]) == (
        200,
        "Success",
        uid,
    )
    assert operator.get(f"{CMS}/a").status == 404


def test_preconditions_of_a_delete_must_hold(operator: Any) -> None:
    made = operator.post(CMS, config_map("a")).json["metadata"]
    wrong = operator.delete(f"{CMS}/a", {"preconditions": {"uid": "other"}})
    assert (wrong.status, wrong.json["reason"]) == (409, "Conflict")
    right = {"preconditions": {"uid": made["uid"], "resourceVersion": made["resourceVersion"]}}
    assert operator.delete(f"{CMS}/a", right).status == 200


def test_a_finalizer_holds_an_object_until_it_is_taken_off(operator: Any) -> None:
    operator.post(
        CMS,
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "a", "finalizers": ["example.org/hold"]},
        },
    )
    marked = operator.delete(f"{CMS}/a").json
    assert marked["metadata"]["deletionTimestamp"] == "2026-11-22T12:00:00Z"
    assert operator.merge(f"{CMS}/a", {"metadata": {"finalizers": None}}).status == 200
    assert operator.get(f"{CMS}/a").status == 404


@pytest.mark.parametrize(
    ("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")]
)
def test_a_propagation_policy_is_left_to_the_garbage_collector(
    operator: Any, policy: str, finalizer: str
) -> None:
    operator.post(CMS, config_map("a"))
    marked = operator.delete(f"{CMS}/a", {"propagationPolicy": policy}).json
    assert marked["metadata"]["finalizers"] == [finalizer]
    assert operator.delete(f"{CMS}/a", {"propagationPolicy": "Background"}).status == 200
    assert operator.get(f"{CMS}/a").status == 404


def test_delete_collection_takes_what_the_selector_chooses(operator: Any) -> None:
    for name, tier in (("a", "x"), ("b", "x"), ("c", "y")):
        body = config_map(name)
        body["metadata"]["labels"] = {"tier": tier}
        operator.post(CMS, body)
    assert operator.delete(CMS, labelSelector="tier=x").status == 200
    left = [item["metadata"]["name"] for item in operator.get(CMS).json["items"]]
    assert left == ["c"]


def test_a_namespace_ends_by_its_controller_and_takes_nothing_new(operator: Any) -> None:
    ended = operator.delete("/api/v1/namespaces/alpha").json
    assert ended["status"]["phase"] == "Terminating"
    refused = operator.post(CMS, config_map("late"))
    assert refused.status == 403
    assert "being terminated" in refused.json["message"]
    assert operator.get("/api/v1/namespaces/alpha").status == 200


def test_the_standing_namespaces_stay(operator: Any) -> None:
    names = {i["metadata"]["name"] for i in operator.get("/api/v1/namespaces").json["items"]}
    assert {"default", "kube-system", "kube-node-lease", "busbar-system"} <= names
    assert operator.delete("/api/v1/namespaces/default").status == 403
