"""Advice through the door: its reader dismisses it and writes nothing else of it."""

from __future__ import annotations

from typing import Any

import pytest

from busbar.model.objects import Key, Object

ADVICES = "/apis/busbar.dev/v1alpha1/namespaces/alpha/advices"
VENDORS = "/apis/busbar.dev/v1alpha1/vendoradvices"
JOBS = "/apis/busbar.dev/v1alpha1/namespaces/alpha/jobs"
NAMESPACES = "/api/v1/namespaces"
GROUP = "busbar.dev"


def advice(kind: str, name: str, namespace: str = "", **spec: Any) -> Object:
    meta = {"name": name, "uid": name, **({"namespace": namespace} if namespace else {})}
    status = {"type": "RightSize", "saving": "47.60", "what": "Request less."}
    status["subject"] = {"kind": "Job", "name": "j"}  # type: ignore[assignment]
    version = f"{GROUP}/v1alpha1"
    return {"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec, "status": status}


@pytest.fixture
def advised(cloud: Any) -> Any:
    cloud.put(advice("Advice", "a", "alpha"), Key(GROUP, "advices", "alpha", "a"))
    for vendor in ("elastx", "safespring"):
        name = f"unsold-{vendor}"
        cloud.put(
            advice("VendorAdvice", name, vendor=vendor), Key(GROUP, "vendoradvices", "", name)
        )
    return cloud


def test_a_member_reads_and_dismisses_its_advice(advised):
    alice = advised.client("alice")
    assert alice.get(f"{ADVICES}/a").json["status"]["saving"] == "47.60"
    assert alice.merge(f"{ADVICES}/a", {"spec": {"dismissed": True}}).status == 200
    assert alice.get(f"{ADVICES}/a").json["spec"] == {"dismissed": True}
    assert alice.delete(f"{ADVICES}/a").status == 200


def test_nobody_elses_advice_is_seen(advised):
    bob = advised.client("bob")
    assert bob.get(ADVICES).status == 403
    assert bob.merge(f"{ADVICES}/a", {"spec": {"dismissed": True}}).status == 403
    assert bob.get(VENDORS).status == 403


def test_what_it_says_is_the_exchanges_to_write(advised):
    alice = advised.client("alice")
    alice.merge(f"{ADVICES}/a", {"status": {"saving": "1000"}})
    assert alice.get(f"{ADVICES}/a").json["status"]["saving"] == "47.60"
    assert alice.merge(f"{ADVICES}/a/status", {"status": {"saving": "1"}}).status == 403
    assert alice.post(ADVICES, advice("Advice", "b")).status == 403


def test_a_vendor_has_its_own_alone(advised):
    elastx = advised.client("elastx")
    listed = elastx.get(VENDORS).json["items"]
    assert [one["metadata"]["name"] for one in listed] == ["unsold-elastx"]
    dismissed = {"spec": {"dismissed": True}}
    assert elastx.merge(f"{VENDORS}/unsold-elastx", dismissed).status == 200
    assert elastx.merge(f"{VENDORS}/unsold-safespring", dismissed).status == 403
    assert (
        elastx.merge(f"{VENDORS}/unsold-elastx", {"spec": {"vendor": "safespring"}}).status == 403
    )
    assert elastx.get(ADVICES).status == 403


def test_kubectl_shows_it_in_columns(advised):
    table = advised.client("alice").table(ADVICES).json
    titles = [column["name"] for column in table["columnDefinitions"]]
    assert titles[:5] == ["Name", "Type", "Kind", "Subject", "€/Month"]
    assert table["rows"][0]["cells"][:5] == ["a", "RightSize", "Job", "j", "47.60"]


@pytest.mark.parametrize("value", ["RightSize", "RightSize, LaterDeadline", "none"])
def test_who_opts_in_names_what_can_be_done(cloud, value):
    job = {"metadata": {"name": "j", "annotations": {"busbar.dev/act-on-advice": value}}}
    assert cloud.client("alice").post(JOBS, {**job, "spec": {"image": "i"}}).status == 201


@pytest.mark.parametrize(
    ("notes", "sentence"),
    [
        ({"busbar.dev/act-on-advice": "Idle"}, 'supported values: "RightSize", "LaterDeadline"'),
        ({"busbar.dev/act-on-advice": ""}, "metadata.annotations[busbar.dev/act-on-advice]"),
        ({"busbar.dev/advice-delay-max": "later"}, "must be a duration such as 90s"),
    ],
)
def test_an_opt_in_that_means_nothing_is_refused_by_its_path(cloud, notes, sentence):
    job = {"metadata": {"name": "j", "annotations": notes}, "spec": {"image": "i"}}
    refused = cloud.client("alice").post(JOBS, job)
    assert refused.status == 422
    assert sentence in refused.json["message"]
    assert "metadata.annotations[busbar.dev/advi" in refused.json["message"].replace("act-on-", "")
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gamma"}}
    namespace["metadata"]["annotations"] = notes  # type: ignore[index]
    assert cloud.client().post(NAMESPACES, namespace).status == 422
