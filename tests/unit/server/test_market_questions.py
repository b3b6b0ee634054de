"""Quotes and reasons over HTTP: for who may, about what may be, and nothing is stored."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.controllers.house import House
from tests.unit.server.market_world import (
    MEMBER,
    NODE,
    OPERATOR,
    OTHER,
    STRANGER,
    TEMPLATE,
    VENDOR,
    Reply,
    call,
    job,
    knows,
    questions_of,
    selling,
    service,
    workload,
)

from busbar.apis.kubernetes.ports import Identity
from busbar.model.money import parse_euro
from busbar.model.objects import Key
from busbar.model.time import HOUR, MINUTE
from busbar.server.market.app import create_app


@pytest.fixture
def house() -> House:
    return selling()


def ask(house: House, identity: Identity | None, method: str, path: str, body: Any = None) -> Reply:
    app = create_app(questions_of(house), house.store, knows(identity))
    return call(app, method, path, body)


def quote(house: House, manifest: Any, identity: Identity | None = MEMBER) -> Reply:
    return ask(house, identity, "POST", "/market/v1/quotes", manifest)


@pytest.mark.parametrize(
    ("manifest", "cost"),
    [
        (job(), 40_000_000),
        (job("strongmoose.dsoderlund.consulting/v1alpha1", "job"), 40_000_000),
        (job(expectedDuration="30m"), 20_000_000),
        (workload("Pod"), 40_000_000),
        (workload("Job", parallelism=3, completions=3), 120_000_000),
        (service(replicas=3), 120_000_000),
    ],
    ids=["job", "alias", "half an hour", "pod", "batch job", "deployment"],
)
def test_every_kind_of_order_has_its_quote(house: House, manifest: Any, cost: int) -> None:
    found = quote(house, manifest)
    assert found.status == 200, found.body
    # Each segment is rounded down by itself, as it is billed: a nano-euro for each at most.
    assert 0 <= cost - parse_euro(found.json["now"]["cost"], "cost") < 6
    assert found.json["now"]["pricePerDTU"] == "0.04"
    assert len(found.json["hours"]) == 48
    assert found.json["available"] == "100"


def test_nothing_is_stored(house: House) -> None:
    before = house.store.snapshot_now().revision
    quote(house, job())
    assert house.store.snapshot_now().revision == before


def test_what_is_quoted_is_what_is_then_held(house: House) -> None:
    promised = quote(house, job()).json["now"]["cost"]
    house.job("j")
    house.settle()
    assert house.held() == parse_euro(promised, "cost")


def test_a_start_ahead_says_what_withdrawing_it_as_it_begins_would_cost(house: House) -> None:
    house.wait(HOUR - house.now % HOUR - 30 * MINUTE)
    found = quote(house, job()).json
    late = [start["lateWithdrawal"] for start in (found["now"], *found["hours"][:3])]
    # A half of the hour's price, and of that so much as it will have stood of the last two hours.
    assert late == ["0", "0.005", "0.015", "0.02"]


def test_a_quote_says_what_was_weighed_of_the_place(house: House) -> None:
    assert quote(house, job()).json["now"]["weighed"] == []
    house.supply(node="n2", vendor="dear", price="0.9")
    listed = [{"names": ["work:latest"], "sizeBytes": 1_500_000_000}]
    key = Key("", "nodes", "", "n2")
    assert house.door.change(key, lambda o: {**o, "status": {**o["status"], "images": listed}})
    (lost,) = quote(house, job()).json["now"]["weighed"]
    assert lost == {"why": "Pull", "places": 1, "longest": "30s", "cost": "0.000333333"}


@pytest.mark.parametrize(
    ("manifest", "status", "words"),
    [
        (job(maxEuroPerDTU="-1"), 422, "must not be negative"),
        (job(resources={"cpu": "x", "memory": "1Gi"}), 422, "cpu"),
        ({**job(), "kind": "Bucket"}, 422, "is nothing to quote; a Job, a Deployment or a Pod is"),
        ({**job(), "kind": ["x"]}, 422, "is nothing to quote"),
        ({**job(), "metadata": {"name": "j"}}, 422, "metadata.namespace: is missing"),
        ({**job(), "metadata": 7}, 422, "metadata.namespace: is missing"),
        ({**job(), "spec": 5}, 400, "spec"),
        (b"[", 400, "the manifest is not valid"),
        (b"[]", 400, "the manifest is not valid"),
    ],
)
def test_what_could_not_be_created_is_refused_with_a_sentence(
    house: House, manifest: Any, status: int, words: str
) -> None:
    found = quote(house, manifest)
    assert found.status in (status, 400, 422), found.body
    assert words in found.json["message"]


@pytest.mark.parametrize(
    ("identity", "status"),
    [(None, 401), (STRANGER, 403), (OTHER, 403), (VENDOR, 403), (NODE, 403), (OPERATOR, 200)],
)
def test_only_who_could_create_it_is_told(
    house: House, identity: Identity | None, status: int
) -> None:
    assert quote(house, job(), identity).status == status
    house.job("mine")
    house.settle()
    found = ask(house, identity, "GET", "/market/v1/namespaces/xyz/orders/mine")
    assert found.status == status


def test_a_namespace_that_is_not_there(house: House) -> None:
    manifest = {**job(), "metadata": {"name": "j", "namespace": "nowhere"}}
    found = quote(house, manifest, OPERATOR)
    assert found.status == 404
    assert "kubectl create namespace nowhere" in found.json["message"]


def why(house: House, name: str) -> Reply:
    return ask(house, MEMBER, "GET", f"/market/v1/namespaces/xyz/orders/{name}")


def test_why_an_order_waits_and_what_would_have_matched(house: House) -> None:
    house.job("dear", maxEuroPerDTU="0.01")
    house.settle()
    (answer,) = why(house, "dear").json["orders"]
    assert (answer["state"], answer["reason"]) == ("Waiting", "PriceAboveCap")
    assert answer["funnel"]
    assert [a["message"] for a in answer["alternatives"]] == [
        "a cap of 0.04 €/DTU: elastx in Sweden at 0.04 €/DTU"
    ]


def test_where_only_money_is_missing_the_place_and_its_cost_are_named(house: House) -> None:
    house.make("", "namespaces", "", "poor")
    pod = {"containers": [TEMPLATE["containers"][0]], "restartPolicy": "Never"}
    house.make("", "pods", "poor", "p", spec=pod, status={"phase": "Pending"})
    house.settle()
    found = ask(house, OPERATOR, "GET", "/market/v1/namespaces/poor/orders/p")
    (answer,) = found.json["orders"]
    assert (answer["reason"], answer["alternatives"]) == ("InsufficientFunds", [])
    assert answer["asItIs"]["pricePerDTU"] == "0.04"


def test_of_a_matched_order_it_gives_the_contract(house: House) -> None:
    house.job("ok")
    house.settle()
    (answer,) = why(house, "ok").json["orders"]
    assert answer["state"] == "Matched"
    assert answer["contract"]["pricePerDTU"] == "0.04"


def test_an_order_that_is_not_there(house: House) -> None:
    found = why(house, "ghost")
    assert found.status == 404
    assert found.json["message"] == "there is no job or pod ghost in namespace xyz"


def test_other_paths_say_what_there_is(house: House) -> None:
    assert ask(house, MEMBER, "GET", "/market/v1/quotes").status == 404
    assert ask(house, MEMBER, "DELETE", "/market/v1/x/y").status == 404


def test_a_deployment_is_asked_about_by_its_own_name(house: House) -> None:
    spec = service()["spec"]
    container = {**TEMPLATE["containers"][0], "resources": {"requests": {"cpu": "900"}}}
    spec["template"]["spec"] = {**TEMPLATE, "containers": [container], "restartPolicy": "Always"}
    house.make("apps", "deployments", "xyz", "w", spec={**spec, "replicas": 2})
    house.settle()
    answers = why(house, "w").json["orders"]
    assert [answer["reason"] for answer in answers] == ["NotEnoughCpu", "NotEnoughCpu"]


def test_the_gpu_classes_are_public_to_whom_the_cloud_knows(house: House) -> None:
    found = ask(house, MEMBER, "GET", "/market/v1/gpu-classes")
    assert found.status == 200
    assert found.json["dtuPerGpuHour"]["A100"] == "39"
    assert found.json["default"] == "8"
    assert ask(house, None, "GET", "/market/v1/gpu-classes").status == 401
