"""Creates, updates and patches as the HTTP half calls them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from busbar.apis.kubernetes.patches import writes
from busbar.apis.kubernetes.patches.writes import Fresh, Prepared, Request, create, patch, update
from busbar.apis.kubernetes.schemas.refusals import Refusal
from busbar.apis.kubernetes.schemas.registry import Served, registry
from busbar.model.objects import Object

NOW = 1_790_000_000_000
BY = Request("tester", NOW)
FRESH = Fresh("d", "6ea0f3a4-0000-4000-8000-000000000000", "x7z4k")
POD = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
JOB = {"metadata": {"name": "j"}, "spec": {"image": "i"}}


def served(kind: str, group: str = "", version: str = "v1") -> Served:
    found = registry().by_kind(group, version, kind)
    assert found is not None
    return found


OWN = ("Job", "busbar.dev", "v1alpha1")


def done(result: Prepared | Refusal) -> Prepared:
    assert isinstance(result, Prepared), result
    return result


def refused(result: Prepared | Refusal) -> Refusal:
    assert isinstance(result, Refusal), result
    return result


def made(of: Served, body: dict[str, Any]) -> Object:
    obj = done(create(of, deepcopy(body), FRESH, BY)).obj
    obj["metadata"]["resourceVersion"] = "7"
    return obj


def patched(
    of: Served, kind: str, body: Any, old: Object | None, **more: Any
) -> Prepared | Refusal:
    frozen = deepcopy(old)
    result = patch(of, kind, body, old, BY, name="p", fresh=FRESH, **more)
    assert old == frozen
    return result


def test_a_new_object_gets_the_server_s_metadata() -> None:
    meta = made(served("ConfigMap"), {"metadata": {"name": "c", "selfLink": "/x"}})["metadata"]
    assert meta == {
        "name": "c",
        "namespace": "d",
        "uid": FRESH.uid,
        "creationTimestamp": "2026-09-21T14:13:20Z",
        "resourceVersion": "7",
    }


def test_a_name_is_generated_and_stays_a_label() -> None:
    body = {"metadata": {"generateName": "a" * 80 + "-"}}
    name = made(served("ConfigMap"), body)["metadata"]["name"]
    assert name == "a" * 58 + "x7z4k"


def test_cluster_wide_objects_have_no_namespace() -> None:
    body = {"metadata": {"name": "n", "namespace": "d"}}
    assert "namespace" not in made(served("Namespace"), body)["metadata"]


def test_the_creator_owns_what_it_sent_and_the_defaults() -> None:
    entries = made(served("Pod"), POD)["metadata"]["managedFields"]
    assert len(entries) == 1
    assert entries[0]["manager"] == "tester"
    assert entries[0]["operation"] == "Update"
    assert "f:restartPolicy" in entries[0]["fieldsV1"]["f:spec"]
    assert "f:status" not in entries[0]["fieldsV1"]


def test_status_is_not_written_by_a_create() -> None:
    job = made(served(*OWN), {**JOB, "status": {"phase": "Succeeded"}})
    assert "status" not in job
    node = {"metadata": {"name": "n"}, "status": {"capacity": {"cpu": "2"}}}
    assert made(served("Node"), node)["status"] == {"capacity": {"cpu": "2"}}


@pytest.mark.parametrize(
    ("meta", "code"),
    [
        ({"name": "a", "resourceVersion": "3"}, 400),
        ({"name": "a", "namespace": "other"}, 400),
        ({}, 422),
    ],
)
def test_creates_that_are_refused(meta: dict[str, Any], code: int) -> None:
    assert refused(create(served("ConfigMap"), {"metadata": meta}, FRESH, BY)).code == code


def test_a_replacement_keeps_identity_and_status() -> None:
    old = {**made(served(*OWN), JOB), "status": {"phase": "Running"}}
    body = {"metadata": {"name": "j"}, "spec": {"image": "other"}, "status": {"phase": "Done"}}
    new = done(update(served(*OWN), body, old, BY)).obj
    assert new["status"] == {"phase": "Running"}
    assert new["metadata"]["uid"] == FRESH.uid
    assert new["metadata"]["resourceVersion"] == "7"
    assert new["metadata"]["generation"] == 2


def test_the_generation_counts_changes_of_the_spec_only() -> None:
    old = made(served(*OWN), JOB)
    body = {"metadata": {"name": "j", "labels": {"a": "b"}}, "spec": {"image": "i"}}
    assert done(update(served(*OWN), body, old, BY)).obj["metadata"]["generation"] == 1


def test_a_status_write_changes_nothing_else() -> None:
    old = made(served(*OWN), JOB)
    body = {
        "metadata": {"name": "j", "labels": {"a": "b"}},
        "spec": {"image": "other"},
        "status": {"phase": "Running"},
    }
    new = done(update(served(*OWN), body, old, BY, subresource="status")).obj
    assert new["spec"] == {"image": "i"}
    assert "labels" not in new["metadata"]
    assert new["status"] == {"phase": "Running"}


def test_writing_what_is_there_changes_nothing() -> None:
    old = made(served("Pod"), POD)
    result = done(update(served("Pod"), deepcopy(old), old, Request("other", NOW + 5_000)))
    assert not result.changed
    assert result.obj is old


@pytest.mark.parametrize(
    ("meta", "code", "said"),
    [
        ({"name": "p", "resourceVersion": "6"}, 409, "the object has been modified"),
        ({"name": "p", "uid": "other"}, 409, "Precondition failed: UID in precondition"),
        ({"name": "q"}, 400, "does not match the name on the URL"),
        ({"name": "p", "namespace": "e"}, 400, "does not match the namespace on the URL"),
    ],
)
def test_replacements_that_mean_another_object(meta: dict[str, Any], code: int, said: str) -> None:
    refusal = refused(
        update(served("Pod"), {**POD, "metadata": meta}, made(served("Pod"), POD), BY)
    )
    assert refusal.code == code
    assert said in refusal.message


def test_an_immutable_field() -> None:
    old = made(served("Pod"), POD)
    change = {"spec": {"restartPolicy": "Never"}}
    refusal = refused(patched(served("Pod"), writes.MERGE_PATCH, change, old))
    assert refusal.code == 422
    assert refusal.causes[0].field == "spec"


def test_each_kind_of_patch() -> None:
    old = made(served("Pod"), POD)
    json_patch = [{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}]
    strategic = {"spec": {"containers": [{"name": "c", "image": "2"}]}}
    for kind, body in [
        (writes.JSON_PATCH, json_patch),
        (writes.MERGE_PATCH, {"metadata": {"labels": {"a": "b"}}}),
    ]:
        found = done(patched(served("Pod"), kind, body, old)).obj
        assert found["metadata"]["labels"] == {"a": "b"}
    found = done(patched(served("Pod"), writes.STRATEGIC_PATCH, strategic, old)).obj
    assert found["spec"]["containers"][0]["image"] == "2"
    assert found["spec"]["containers"][0]["terminationMessagePolicy"] == "File"


@pytest.mark.parametrize(
    ("kind", "body", "code"),
    [
        (writes.JSON_PATCH, {}, 400),
        (writes.JSON_PATCH, [{"op": "remove", "path": "/nothing"}], 422),
        (writes.MERGE_PATCH, [], 400),
        (writes.MERGE_PATCH, {"spec": None}, 422),
        (writes.MERGE_PATCH, {"metadata": {"resourceVersion": "1"}}, 409),
        (writes.MERGE_PATCH, {"metadata": {"name": "q"}}, 400),
        (writes.MERGE_PATCH, {"kind": "Node"}, 400),
        (writes.MERGE_PATCH, {"spec": {"hostPID": 3}}, 400),
        (writes.STRATEGIC_PATCH, "x", 400),
        ("text/plain", {}, 415),
    ],
)
def test_patches_that_are_refused(kind: str, body: Any, code: int) -> None:
    assert refused(patched(served("Pod"), kind, body, made(served("Pod"), POD))).code == code


def test_a_patch_of_nothing() -> None:
    refusal = refused(patched(served("Pod"), writes.MERGE_PATCH, {}, None))
    assert (refusal.code, refusal.message) == (404, 'pods "p" not found')


def test_own_kinds_take_no_strategic_patch() -> None:
    refusal = refused(patched(served(*OWN), writes.STRATEGIC_PATCH, {}, made(served(*OWN), JOB)))
    assert refusal.code == 415
    assert "strategic" not in refusal.message


def test_unknown_fields_in_a_patch() -> None:
    old = made(served("Pod"), POD)
    change = {"spec": {"colour": "red"}}
    assert done(patched(served("Pod"), writes.MERGE_PATCH, change, old)).warnings == (
        'unknown field "spec.colour"',
    )
    strict = BY._replace(field_validation="Strict")
    result = patch(served("Pod"), writes.MERGE_PATCH, change, old, strict, name="p", fresh=FRESH)
    assert 'unknown field "spec.colour"' in refused(result).message


def test_the_alias_is_written_and_patched_as_the_job_it_stands_for() -> None:
    alias = served("job", "strongmoose.dsoderlund.consulting", "v1alpha1")
    old = made(alias, {"kind": "job", **JOB})
    assert (old["apiVersion"], old["kind"]) == ("busbar.dev/v1alpha1", "Job")
    change = {"kind": "job", "spec": {"mayWait": True}}
    new = done(
        patched(
            alias,
            writes.MERGE_PATCH,
            change,
            old,
        )
    ).obj
    assert (new["apiVersion"], new["kind"]) == ("busbar.dev/v1alpha1", "Job")
    assert new["spec"]["mayWait"] is True


def test_how_strictly_to_read_is_one_of_three_words() -> None:
    wrong = BY._replace(field_validation="Sometimes")
    assert refused(create(served("ConfigMap"), {}, FRESH, wrong)).code == 400


def test_a_manager_has_a_short_printable_name() -> None:
    for manager in ("x" * 129, "a\nb"):
        wrong = BY._replace(manager=manager)
        assert refused(create(served("ConfigMap"), {}, FRESH, wrong)).code == 400


def test_copies_of_copies_do_not_nest_without_end() -> None:
    deeper = [{"op": "add", "path": "/status", "value": {}}]
    for depth in range(1, 12):
        into = "/status" + "/a" * (2**depth - 1)
        deeper.append({"op": "copy", "from": "/status", "path": into})
    refusal = refused(patched(served("Pod"), writes.JSON_PATCH, deeper, made(served("Pod"), POD)))
    assert refusal.code in (400, 422)
    assert len(refusal.message) < 1_000
