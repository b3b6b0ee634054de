"""Reading bodies: what is taken, tidied, warned of and refused."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from busbar.apis.kubernetes.schemas.reading import Read, read
from busbar.apis.kubernetes.schemas.refusals import Refusal
from busbar.apis.kubernetes.schemas.registry import Served, registry


def served(kind: str, group: str = "", version: str = "v1") -> Served:
    found = registry().by_kind(group, version, kind)
    assert found is not None
    return found


POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "c", "image": "debian"}]},
}
OFFER: dict[str, Any] = {
    "apiVersion": "busbar.dev/v1alpha1",
    "kind": "Offer",
    "metadata": {"name": "o"},
    "spec": {"vendor": "elastx", "pricePerDTU": "0.03"},
}


def pod(**spec: Any) -> dict[str, Any]:
    obj = deepcopy(POD)
    obj["spec"].update(spec)
    return obj


def offer(**spec: Any) -> dict[str, Any]:
    obj = deepcopy(OFFER)
    obj["spec"].update(spec)
    return obj


def taken(found: Read | Refusal) -> Read:
    assert isinstance(found, Read), found
    return found


def refused(found: Read | Refusal) -> Refusal:
    assert isinstance(found, Refusal), found
    return found


def read_offer(obj: dict[str, Any], validation: str = "Warn") -> Read | Refusal:
    return read(served("Offer", "busbar.dev", "v1alpha1"), obj, validation)


def test_a_good_object_is_taken_as_it_is() -> None:
    body = deepcopy(POD)
    assert taken(read(served("Pod"), body)).obj is body


def test_the_endpoint_tells_type_and_version_where_the_body_does_not() -> None:
    body = {"metadata": {"name": "a"}, "data": {"k": "v"}}
    obj = taken(read(served("ConfigMap"), body)).obj
    assert (obj["apiVersion"], obj["kind"]) == ("v1", "ConfigMap")


def test_another_kind_is_refused() -> None:
    refusal = refused(read(served("ConfigMap"), deepcopy(POD)))
    assert (refusal.code, refusal.reason) == (400, "BadRequest")
    assert "Pod" in refusal.message


def test_another_version_is_refused() -> None:
    refusal = refused(read(served("Pod"), {**POD, "apiVersion": "v2"}))
    assert 'API version in the data ("v2")' in refusal.message


@pytest.mark.parametrize("body", [None, [], "x", 1])
def test_a_body_that_is_no_object_is_refused(body: Any) -> None:
    assert refused(read(served("Pod"), body)).code == 400


def test_the_alias_is_stored_as_the_job_it_stands_for() -> None:
    alias = served("job", "strongmoose.dsoderlund.consulting", "v1alpha1")
    body = {
        "apiVersion": "strongmoose.dsoderlund.consulting/v1alpha1",
        "kind": "job",
        "metadata": {"name": "j"},
        "spec": {"image": "apache/spark", "maxEuroPerDTU": 50},
    }
    obj = taken(read(alias, body)).obj
    assert (obj["apiVersion"], obj["kind"]) == ("busbar.dev/v1alpha1", "Job")


def test_nulls_are_as_good_as_absent() -> None:
    obj = taken(read(served("Pod"), pod(nodeSelector=None, hostname=None))).obj
    assert obj["spec"] == POD["spec"]


def test_the_creation_time_that_generators_leave_null_is_dropped() -> None:
    body = {**deepcopy(POD), "metadata": {"name": "a", "creationTimestamp": None}}
    assert taken(read(served("Pod"), body)).obj["metadata"] == {"name": "a"}


def test_null_metadata_is_empty_metadata() -> None:
    assert taken(read(served("ConfigMap"), {"metadata": None})).obj["metadata"] == {}


def test_unknown_fields_warn_and_are_dropped() -> None:
    found = taken(read(served("Pod"), pod(foo=1, containers=[{"name": "c", "bar": 2}])))
    assert sorted(found.warnings) == [
        'unknown field "spec.containers[0].bar"',
        'unknown field "spec.foo"',
    ]
    assert found.obj["spec"] == {"containers": [{"name": "c"}]}


def test_unknown_fields_are_refused_when_strict() -> None:
    refusal = refused(read(served("Pod"), pod(foo=1), "Strict"))
    assert refusal.code == 400
    assert refusal.message == (
        'Pod in version "v1" cannot be handled as a Pod: strict decoding error: '
        'unknown field "spec.foo"'
    )


def test_unknown_fields_are_dropped_in_silence_when_ignored() -> None:
    assert taken(read(served("Pod"), pod(foo=1), "Ignore")) == Read(POD)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"containers": {}}, "spec.containers: "),
        ({"containers": ["c"]}, "spec.containers[0]: "),
        ({"terminationGracePeriodSeconds": "30"}, "spec.terminationGracePeriodSeconds: "),
        ({"terminationGracePeriodSeconds": 1.0}, "must be an integer, not a number"),
        ({"hostNetwork": "yes"}, "must be true or false, not a string"),
        ({"activeDeadlineSeconds": 2**63}, "must fit in int64"),
        ({"priority": 2**31}, "must fit in int32"),
        ({"nodeSelector": {"a": 1}}, "spec.nodeSelector.a: "),
        ({"volumes": [None]}, "spec.volumes[0]: "),
        ({"overhead": {"cpu": "lots"}}, 'must be a quantity such as "500m" or "4Gi"'),
    ],
)
def test_a_wrong_type_is_refused_with_the_path(spec: dict[str, Any], said: str) -> None:
    refusal = refused(read(served("Pod"), pod(**spec)))
    assert refusal.code == 400
    assert said in refusal.message


def test_a_wrong_type_in_an_own_kind_is_a_field_error() -> None:
    refusal = refused(read_offer(offer(paused="no")))
    assert (refusal.code, refusal.reason) == (422, "Invalid")
    assert refusal.causes[0].field == "spec.paused"
    assert refusal.causes[0].reason == "FieldValueTypeInvalid"


def test_numbers_are_taken_as_quantities_and_stored_as_text() -> None:
    resources = {"requests": {"cpu": 2, "memory": "1Gi"}}
    body = pod(containers=[{"name": "c", "image": "i", "resources": resources}])
    found = taken(read(served("Pod"), body)).obj["spec"]["containers"][0]["resources"]
    assert found == {"requests": {"cpu": "2", "memory": "1Gi"}}


def test_required_fields_of_an_own_kind() -> None:
    refusal = refused(read_offer({**OFFER, "spec": {"pricePerDTU": "1"}}))
    assert refusal.message == 'Offer.busbar.dev "o" is invalid: spec.vendor: Required value'


def test_constraints_of_an_own_kind_are_told_with_what_would_be_right() -> None:
    calendar = {"rules": [{"weekdays": ["Frei"], "from": "25:00"}]}
    refusal = refused(read_offer(offer(vendor="", calendar=calendar)))
    said = {cause.field: cause.message for cause in refusal.causes}
    assert said["spec.vendor"] == 'Invalid value: "": must have at least 1 characters'
    assert "must match" in said["spec.calendar.rules[0].from"]
    assert 'supported values: "Fri"' in said["spec.calendar.rules[0].weekdays[0]"]


@pytest.mark.parametrize(
    ("meta", "path"),
    [
        ({"name": "Web"}, "metadata.name"),
        ({"name": "a" * 254}, "metadata.name"),
        ({"name": "a", "namespace": "a.b"}, "metadata.namespace"),
        ({"generateName": "A-"}, "metadata.generateName"),
        ({"name": "a", "labels": {"a b": "c"}}, "metadata.labels"),
        ({"name": "a", "labels": {"/a": "c"}}, "metadata.labels"),
        ({"name": "a", "labels": {"a": "-"}}, "metadata.labels"),
        ({"name": "a", "labels": {"p" * 254 + "/a": "b"}}, "metadata.labels"),
        ({"name": "a", "annotations": {"p" * 254 + "/a": "b"}}, "metadata.annotations"),
        ({"name": "a", "labels": {"a": "v" * 64}}, "metadata.labels"),
        ({"name": "a", "annotations": {"a/b/c": ""}}, "metadata.annotations"),
        ({"name": "a", "annotations": {"big": "x" * 2**18}}, "metadata.annotations"),
        ({"name": "a", "finalizers": ["not one"]}, "metadata.finalizers[0]"),
        (
            {"name": "a", "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p"}]},
            "metadata.ownerReferences[0].uid",
        ),
    ],
)
def test_metadata_is_checked(meta: dict[str, Any], path: str) -> None:
    refusal = refused(read(served("ConfigMap"), {"metadata": meta}))
    assert refusal.code == 422
    assert [cause.field for cause in refusal.causes] == [path]


def test_many_or_long_annotations_are_fine_up_to_the_limit() -> None:
    notes = {f"n{i}": "x" * 2_000 for i in range(100)}
    found = taken(read(served("ConfigMap"), {"metadata": {"name": "a", "annotations": notes}}))
    assert found.obj["metadata"]["annotations"] == notes


def test_a_newline_does_not_hide_behind_a_good_name() -> None:
    assert refused(read(served("ConfigMap"), {"metadata": {"name": "a\n"}})).code == 422


def test_the_meter_of_a_pod_is_a_known_field() -> None:
    body = {**deepcopy(POD), "status": {"busbar": {"epoch": 1, "startedMs": 2**40}}}
    assert taken(read(served("Pod"), body)).warnings == ()


def test_a_refusal_never_echoes_a_megabyte() -> None:
    refusal = refused(read(served("Pod"), pod(restartPolicy=["x" * 2**20])))
    assert len(refusal.message) < 1_000
    refusal = refused(read(served("ConfigMap"), {"metadata": {"name": "x" * 2**20}}))
    assert len(refusal.message) < 1_000


def test_what_is_wrong_is_counted_only_so_far() -> None:
    body = pod(**{f"unknown{i}": 1 for i in range(1_000)})
    assert len(taken(read(served("Pod"), body)).warnings) == 50


def test_a_refusal_names_the_object_even_where_the_path_does_not() -> None:
    status = refused(read_offer(offer(vendor=""))).status(group="busbar.dev", kind="Offer")
    assert status["details"]["name"] == "o"
    assert status["code"] == 422
    assert status["details"]["causes"][0]["field"] == "spec.vendor"
