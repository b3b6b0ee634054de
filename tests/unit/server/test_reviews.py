"""Quotes and reasons through the Kubernetes door: created, answered in status, never stored."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest
from tests.unit.controllers.house import House
from tests.unit.server.market_world import (
    MEMBER,
    NODE,
    OPERATOR,
    OTHER,
    STRANGER,
    VENDOR,
    Reply,
    call,
    job,
    kubernetes_of,
    questions_of,
    selling,
    service,
    workload,
)

from busbar.apis.kubernetes.ports import Identity
from busbar.model.kinds.review import OrderReviewStatus, QuoteReviewStatus
from busbar.model.time import SECOND

ROOT = "/apis/busbar.dev/v1alpha1/namespaces/xyz"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"


@pytest.fixture
def house() -> House:
    return selling()


def ask(
    house: House,
    plural: str,
    body: Any,
    identity: Identity | None = MEMBER,
    method: str = "POST",
    path: str = "",
    query: str = "",
    accept: str = "application/json",
) -> Reply:
    door = kubernetes_of(house, tokens=lambda token: identity)
    headers = [(b"authorization", b"Bearer x"), (b"accept", accept.encode())]
    where = path or f"{ROOT}/{plural}"
    return call(door, method, where, body, headers=headers, query=query.encode())


def quote_review(manifest: Any, **meta: Any) -> dict[str, Any]:
    return {
        "apiVersion": "busbar.dev/v1alpha1",
        "kind": "QuoteReview",
        "metadata": meta,
        "spec": {"manifest": manifest},
    }


def order_review(name: Any) -> dict[str, Any]:
    return {
        "apiVersion": "busbar.dev/v1alpha1",
        "kind": "OrderReview",
        "spec": {"name": name},
    }


def without_namespace(manifest: dict[str, Any]) -> dict[str, Any]:
    return {**manifest, "metadata": {"name": manifest["metadata"]["name"]}}


@pytest.mark.parametrize("identity", [MEMBER, OPERATOR])
@pytest.mark.parametrize(
    "manifest",
    [job(), workload("Pod"), workload("Job", parallelism=3, completions=3), service(replicas=2)],
    ids=["job", "pod", "batch job", "deployment"],
)
def test_a_quote_is_what_the_other_door_answers(
    house: House, identity: Identity, manifest: Any
) -> None:
    revision = house.store.snapshot_now().revision
    reply = ask(house, "quotereviews", quote_review(without_namespace(manifest)), identity)
    assert reply.status == 201, reply.body
    found = reply.json
    assert (found["kind"], found["metadata"]["namespace"]) == ("QuoteReview", "xyz")
    assert set(found["metadata"]) == {"name", "namespace", "creationTimestamp"}
    assert found["metadata"]["name"] == manifest["metadata"]["name"]
    assert found["spec"]["manifest"] == without_namespace(manifest)
    same = asyncio.run(questions_of(house).quote(identity, json.loads(json.dumps(manifest))))
    assert found["status"] == same
    assert house.store.snapshot_now().revision == revision


def test_why_an_order_waits_is_what_the_other_door_answers(house: House) -> None:
    house.job("dear", maxEuroPerDTU="0.01")
    house.wait(5 * SECOND)
    reply = ask(house, "orderreviews", order_review("dear"))
    assert reply.status == 201, reply.body
    (order,) = reply.json["status"]["orders"]
    assert (order["state"], order["reason"]) == ("Waiting", "PriceAboveCap")
    assert order["alternatives"][0]["advice"] == "a cap of 0.04 €/DTU"
    assert reply.json["status"] == asyncio.run(questions_of(house).why("xyz", "dear"))


def test_the_schema_says_what_every_field_of_an_answer_is(house: House) -> None:
    house.job("ok")
    house.job("dear", maxEuroPerDTU="0.01")
    house.job("big", resources={"cpu": "400", "memory": "2Gi"})
    house.wait(5 * SECOND)
    for manifest in (job(), job(resources={"cpu": "400", "memory": "2Gi"}), service(replicas=9)):
        found = ask(house, "quotereviews", quote_review(manifest)).json["status"]
        msgspec.convert(found, QuoteReviewStatus)
    for name in ("ok", "dear", "big"):
        found = ask(house, "orderreviews", order_review(name)).json["status"]
        msgspec.convert(found, OrderReviewStatus)


@pytest.mark.parametrize("plural", ["quotereviews", "orderreviews"])
@pytest.mark.parametrize(
    ("identity", "status"),
    [(OTHER, 403), (VENDOR, 403), (NODE, 403), (STRANGER, 403), (None, 401)],
)
def test_only_members_of_the_namespace_are_told(
    house: House, plural: str, identity: Identity | None, status: int
) -> None:
    body = quote_review(job()) if plural == "quotereviews" else order_review("j")
    reply = ask(house, plural, body, identity)
    assert (reply.status, reply.json["kind"]) == (status, "Status")
    assert reply.json["message"]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (quote_review(job(maxEuroPerDTU="-1")), 422, "spec.manifest: Job.busbar.dev"),
        (quote_review({**job(), "kind": "Bucket"}), 422, "is nothing to quote"),
        (quote_review({}), 422, "spec.manifest"),
        (quote_review({**job(), "metadata": 7}), 422, "metadata.namespace: is missing"),
        (quote_review([]), 422, "spec.manifest"),
        (quote_review({**job(), "metadata": {"namespace": "abc"}}), 422, "must be xyz"),
        ({"spec": {}}, 422, "spec.manifest"),
        ({}, 422, "spec"),
        ([], 400, "must be a JSON object of kind QuoteReview"),
        (b"[", 400, "body"),
        ({**quote_review(job()), "kind": "Job"}, 400, "is not QuoteReview"),
        (quote_review(job(), namespace="abc"), 400, "does not match the namespace"),
    ],
)
def test_what_cannot_be_quoted_is_refused_with_a_sentence(
    house: House, body: Any, status: int, words: str
) -> None:
    reply = ask(house, "quotereviews", body)
    assert reply.status == status, reply.body
    assert words in reply.json["message"], reply.json["message"]


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("gone", 404, "there is no job or pod gone in namespace xyz"),
        ("", 422, "spec.name"),
        (7, 422, "spec.name"),
        (None, 422, "spec.name"),
    ],
)
def test_an_order_that_is_not_there(house: House, name: Any, status: int, words: str) -> None:
    reply = ask(house, "orderreviews", order_review(name))
    assert reply.status == status, reply.body
    assert words in reply.json["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{ROOT}/quotereviews"),
        ("GET", f"{ROOT}/quotereviews/j"),
        ("GET", "/apis/busbar.dev/v1alpha1/quotereviews"),
        ("POST", "/apis/busbar.dev/v1alpha1/quotereviews"),
        ("DELETE", f"{ROOT}/quotereviews/j"),
        ("PATCH", f"{ROOT}/orderreviews/j"),
    ],
)
def test_it_can_only_be_created_in_a_namespace(house: House, method: str, path: str) -> None:
    reply = ask(house, "", quote_review(job()), OPERATOR, method, path)
    assert reply.status == 405
    assert "answered when they are created and never stored" in reply.json["message"]


def test_a_namespace_that_is_not_there(house: House) -> None:
    path = "/apis/busbar.dev/v1alpha1/namespaces/none/quotereviews"
    body = quote_review(without_namespace(job()))
    assert ask(house, "", body, OPERATOR, path=path).status == 404


def test_dry_runs_answer_alike_and_odd_parameters_are_refused(house: House) -> None:
    body = quote_review(job())
    assert ask(house, "quotereviews", body, query="dryRun=All").status == 201
    assert ask(house, "quotereviews", body, query="dryRun=Maybe").status == 400
    strict = {**body, "spec": {**body["spec"], "surplus": 1}}
    assert ask(house, "quotereviews", strict, query="fieldValidation=Strict").status == 400
    assert ask(house, "quotereviews", strict).status == 201


def test_what_an_answer_said_may_be_asked_again(house: House) -> None:
    answer = ask(house, "quotereviews", quote_review(job())).json
    again = ask(house, "quotereviews", answer)
    assert (again.status, again.json["status"]) == (201, answer["status"])


def test_it_is_printed_as_a_table(house: House) -> None:
    house.job("dear", maxEuroPerDTU="0.01")
    house.wait(5 * SECOND)
    table = ask(house, "quotereviews", quote_review(job()), accept=TABLE).json
    titles = [column["name"] for column in table["columnDefinitions"]]
    assert titles[:4] == ["Name", "Now €", "Cheapest €", "From"]
    assert table["rows"][0]["cells"][0] == "j"
    table = ask(house, "orderreviews", order_review("dear"), accept=TABLE).json
    assert table["rows"][0]["cells"][:4] == [
        "dear",
        "Waiting",
        "PriceAboveCap",
        "a cap of 0.04 €/DTU",
    ]


def test_too_many_questions_at_once_are_told_to_come_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("busbar.server.market.observatory.WAITING_MAX", 0)
    reply = ask(house, "orderreviews", order_review("j"))
    assert (reply.status, reply.json["reason"]) == (429, "TooManyRequests")
    assert reply.headers["retry-after"] == "1"


def test_discovery_and_schema_name_them(house: House) -> None:
    listed = ask(house, "", None, method="GET", path="/apis/busbar.dev/v1alpha1").json["resources"]
    found = {one["name"]: one for one in listed}
    for plural in ("quotereviews", "orderreviews"):
        assert (found[plural]["verbs"], found[plural]["namespaced"]) == (["create"], True)
        assert "categories" not in found[plural]
    path = "/openapi/v3/apis/busbar.dev/v1alpha1"
    document = ask(house, "", None, method="GET", path=path).json
    schema = document["components"]["schemas"]["dev.busbar.v1alpha1.QuoteReview"]
    assert "never stored" in schema["description"]
    assert list(document["paths"]["/apis/busbar.dev/v1alpha1/namespaces/{namespace}/quotereviews"])
    assert "dev.busbar.v1alpha1.QuoteReviewList" not in document["components"]["schemas"]


def test_whether_one_may_ask_can_be_asked(house: House) -> None:
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    for namespace, allowed in (("xyz", True), ("abc", False)):
        attributes = {
            "verb": "create",
            "group": "busbar.dev",
            "resource": "quotereviews",
            "namespace": namespace,
        }
        body = {"spec": {"resourceAttributes": attributes}}
        assert ask(house, "", body, path=path).json["status"]["allowed"] is allowed
