"""Lists: selectors, pages at one revision, tables, metadata alone."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from busbar.model.objects import Key

CMS = "/api/v1/namespaces/alpha/configmaps"
PODS = "/api/v1/namespaces/alpha/pods"


def add(operator: Any, name: str, **labels: str) -> Any:
    meta = {"name": name, "labels": labels}
    return operator.post(CMS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}).json


def names(reply: Any) -> list[str]:
    assert reply.status == 200, reply.body
    return [item["metadata"]["name"] for item in reply.json["items"]]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("tier=web", ["a", "b"]),
        ("tier==web,stage!=test", ["a"]),
        ("tier in (web, db),stage notin (test)", ["a", "c"]),
        ("stage", ["a", "b"]),
        ("!stage", ["c"]),
        ("size>5", ["b"]),
        ("", ["a", "b", "c"]),
    ],
)
def test_label_selectors(operator: Any, selector: str, expected: list[str]) -> None:
    add(operator, "a", tier="web", stage="live", size="3")
    add(operator, "b", tier="web", stage="test", size="7")
    add(operator, "c", tier="db")
    assert names(operator.get(CMS, labelSelector=selector)) == expected


@pytest.mark.parametrize("selector", ["tier in web", "=x", "a b", "tier in (a))", "-x=y"])
def test_a_label_selector_that_cannot_be_read_is_refused(operator: Any, selector: str) -> None:
    reply = operator.get(CMS, labelSelector=selector)
    assert (reply.status, reply.json["reason"]) == (400, "BadRequest")


def test_field_selectors(operator: Any) -> None:
    add(operator, "a")
    add(operator, "b")
    assert names(operator.get(CMS, fieldSelector="metadata.name=b")) == ["b"]
    assert names(operator.get(CMS, fieldSelector="metadata.name!=b")) == ["a"]
    everywhere = operator.get("/api/v1/configmaps", fieldSelector="metadata.namespace=alpha")
    assert names(everywhere) == ["a", "b"]
    unknown = operator.get(CMS, fieldSelector="data.x=1")
    assert unknown.status == 400
    assert "field label not supported: data.x" in unknown.json["message"]


def test_pods_are_selected_by_node_and_phase(cloud: Any, operator: Any) -> None:
    for name, node, phase in (("p", "n1", "Running"), ("q", "n2", "Failed"), ("r", "", "Pending")):
        spec = {"containers": [{"name": "c", "image": "i"}]} | ({"nodeName": node} if node else {})
        pod = {"apiVersion": "v1", "kind": "Pod", "spec": spec, "status": {"phase": phase}}
        pod["metadata"] = {"name": name, "namespace": "alpha", "uid": name}
        cloud.put(pod, Key("", "pods", "alpha", name))
    assert names(operator.get(PODS, fieldSelector="spec.nodeName=n1")) == ["p"]
    assert names(operator.get(PODS, fieldSelector="status.phase!=Failed,spec.nodeName=")) == ["r"]


def test_pages_show_one_revision(operator: Any) -> None:
    for name in "abcde":
        add(operator, name)
    first = operator.get(CMS, limit=2).json
    add(operator, "aa")
    second = operator.get(CMS, limit=2, **{"continue": first["metadata"]["continue"]}).json
    third = operator.get(CMS, limit=2, **{"continue": second["metadata"]["continue"]}).json
    found = [i["metadata"]["name"] for page in (first, second, third) for i in page["items"]]
    assert found == list("abcde")
    assert first["metadata"]["remainingItemCount"] == 3
    revisions = {page["metadata"]["resourceVersion"] for page in (first, second, third)}
    assert len(revisions) == 1
    assert "continue" not in third["metadata"]


def test_a_page_whose_revision_is_forgotten_is_gone(cloud: Any, operator: Any) -> None:
    for name in "abc":
        add(operator, name)
    token = operator.get(CMS, limit=1).json["metadata"]["continue"]
    add(operator, "d")
    cloud.run(cloud.store.compact(cloud.run(cloud.store.revision())))
    reply = operator.get(CMS, limit=1, **{"continue": token})
    assert (reply.status, reply.json["reason"]) == (410, "Expired")


@pytest.mark.parametrize("token", ["x", "e30", "eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ", "%00", "é"])
def test_a_token_that_is_none_is_refused(operator: Any, token: str) -> None:
    assert operator.get(CMS, **{"continue": token}).status == 400


def test_a_token_does_not_lead_into_another_namespace(cloud: Any, operator: Any) -> None:
    for name in "abc":
        add(operator, name)
    token = operator.get(CMS, limit=1).json["metadata"]["continue"]
    bob = cloud.client("bob")
    assert bob.get("/api/v1/namespaces/beta/configmaps", **{"continue": token}).status == 400


def test_an_exact_revision_is_shown_as_it_was(operator: Any) -> None:
    version = add(operator, "a")["metadata"]["resourceVersion"]
    add(operator, "b")
    then = operator.get(CMS, resourceVersion=version, resourceVersionMatch="Exact")
    assert names(then) == ["a"]
    assert names(operator.get(CMS, resourceVersion=version)) == ["a", "b"]
    assert names(operator.get(CMS, resourceVersion="0")) == ["a", "b"]


def test_a_revision_of_the_future_makes_clients_list_again(operator: Any) -> None:
    reply = operator.get(CMS, resourceVersion="999999")
    assert (reply.status, reply.json["reason"]) == (410, "Expired")


def test_tables_have_columns_and_metadata(operator: Any) -> None:
    add(operator, "a")
    table = operator.table(CMS).json
    assert table["kind"] == "Table"
    assert [c["name"] for c in table["columnDefinitions"]] == ["Name", "Data", "Age"]
    row = table["rows"][0]
    assert row["cells"] == ["a", 0, "0s"]
    assert (row["object"]["kind"], row["object"]["apiVersion"]) == (
        "PartialObjectMetadata",
        "meta.k8s.io/v1",
    )


@pytest.mark.parametrize(("include", "kind"), [("Object", "ConfigMap"), ("None", None)])
def test_tables_include_what_is_asked_for(operator: Any, include: str, kind: str | None) -> None:
    add(operator, "a")
    row = operator.table(CMS, includeObject=include).json["rows"][0]
    assert row.get("object", {}).get("kind") == kind


def test_metadata_alone(operator: Any) -> None:
    add(operator, "a")
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    listed = operator.request("GET", CMS, headers={"accept": accept}).json
    assert listed["kind"] == "PartialObjectMetadataList"
    assert set(listed["items"][0]) == {"kind", "apiVersion", "metadata"}


def test_what_cannot_be_written_is_not_acceptable(operator: Any) -> None:
    reply = operator.request("GET", CMS, headers={"accept": "application/vnd.kubernetes.protobuf"})
    assert (reply.status, reply.json["reason"]) == (406, "NotAcceptable")


def test_large_answers_are_compressed_when_the_client_can(operator: Any) -> None:
    for index in range(20):
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"c{index}"}}
        operator.post(CMS, {**body, "data": {"k": "v" * 10_000}})
    plain = operator.get(CMS)
    packed = operator.request("GET", CMS, headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(packed.body)) == plain.json


def test_the_alias_lists_the_same_jobs_under_its_own_kind(operator: Any) -> None:
    alias = "/apis/strongmoose.dsoderlund.consulting/v1alpha1/namespaces/alpha/jobs"
    own = "/apis/busbar.dev/v1alpha1/namespaces/alpha/jobs"
    body = {
        "apiVersion": "strongmoose.dsoderlund.consulting/v1alpha1",
        "kind": "job",
        "metadata": {"name": "j"},
        "spec": {"image": "apache/spark"},
    }
    assert operator.post(alias, body).json["kind"] == "job"
    assert operator.get(f"{own}/j").json["kind"] == "Job"
    assert [i["kind"] for i in operator.get(alias).json["items"]] == ["job"]
    assert operator.merge(f"{alias}/j", {"spec": {"maxEuroPerDTU": "3"}}).json["kind"] == "job"
    assert operator.get(f"{own}/j").json["apiVersion"] == "busbar.dev/v1alpha1"
