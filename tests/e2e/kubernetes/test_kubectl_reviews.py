"""Quotes and reasons with nothing but kubectl, old and new, and the official Python client."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from kubernetes import config, dynamic
from kubernetes.client.exceptions import ApiException

from busbar.model.objects import Key
from busbar.model.wellknown import GROUP

QUOTE = """
apiVersion: busbar.dev/v1alpha1
kind: QuoteReview
spec:
  manifest:
    apiVersion: batch/v1
    kind: Job
    metadata: {name: sums}
    spec:
      parallelism: 2
      completions: 2
      template:
        spec:
          restartPolicy: Never
          containers:
            - {name: c, image: i, resources: {requests: {cpu: "1", memory: 1Gi}}}
"""
WHY = """
apiVersion: busbar.dev/v1alpha1
kind: OrderReview
metadata: {name: asked}
spec: {name: dear}
"""
DEAR = """
apiVersion: v1
kind: Pod
metadata: {name: dear, annotations: {busbar.dev/max-euro-per-dtu: "0.01"}}
spec:
  restartPolicy: Never
  containers:
    - {name: c, image: i, resources: {requests: {cpu: "1", memory: 1Gi}}}
"""


@pytest.fixture(params=["1.32", "1.20"])
def asker(request: pytest.FixtureRequest, served: Any, kubectl: Any, kubectl_1_20: Any) -> Any:
    """A member's kubectl, on a market with one node."""
    market(served, kubectl)
    used = kubectl if request.param == "1.32" else kubectl_1_20
    return used.as_("alice")


def market(served: Any, operator: Any) -> None:
    operator("create", "namespace", "alpha")
    operator("create", "-n", "alpha", "-f", "-", stdin=DEAR)
    labels = {"busbar.dev/vendor": "elastx", "topology.kubernetes.io/region": "Sweden"}
    node = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "n1", "uid": "n1", "labels": labels},
        "spec": {},
        "status": {
            "allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }
    own = {"apiVersion": f"{GROUP}/v1alpha1", "metadata": {"name": "elastx", "uid": "elastx"}}
    spec = {"vendor": "elastx", "pricePerDTU": "0.04"}
    served.put(node, Key("", "nodes", "", "n1"))
    served.put({**own, "kind": "Vendor", "spec": {}}, Key(GROUP, "vendors", "", "elastx"))
    served.put({**own, "kind": "Offer", "spec": spec}, Key(GROUP, "offers", "", "elastx"))


def test_creating_a_quote_review_gives_the_quote(asker: Any) -> None:
    found = json.loads(asker.ok("create", "-f", "-", "-o", "json", stdin=QUOTE))
    assert (found["kind"], found["metadata"]["namespace"]) == ("QuoteReview", "alpha")
    status = found["status"]
    assert (status["copies"], status["now"]["placed"]) == (2, 2)
    assert status["now"]["pricePerDTU"] == "0.04"
    assert len(status["hours"]) == 48
    price = asker.ok("create", "-f", "-", "-o", "jsonpath={.status.now.cost}", stdin=QUOTE)
    assert 0 <= Decimal("0.08") - Decimal(price) < Decimal("0.00000001")
    assert asker.ok("create", "-f", "-", stdin=QUOTE).split() == [
        "quotereview.busbar.dev/sums",
        "created",
    ]


def test_creating_an_order_review_says_why_it_waits(asker: Any) -> None:
    found = json.loads(asker.ok("create", "-f", "-", "-o", "json", stdin=WHY))
    (order,) = found["status"]["orders"]
    assert (order["pod"], order["state"]) == ("dear", "Waiting")
    assert order["alternatives"][0]["advice"] == "a cap of 0.04 €/DTU"


def test_refusals_are_sentences(asker: Any) -> None:
    bad = asker("create", "-f", "-", stdin=QUOTE.replace("kind: Job", "kind: Cron"))
    assert bad.code == 1
    assert "kind: Cron of batch/v1 is nothing to quote" in bad.text
    listed = asker("get", "quotereviews")
    assert listed.code == 1
    assert "method" in listed.text or "create -f FILE -o yaml" in listed.text
    foreign = asker("create", "-n", "beta", "-f", "-", stdin=QUOTE)
    assert foreign.code == 1
    assert 'cannot create resource "quotereviews"' in foreign.text
    typo = asker("create", "-f", "-", stdin=WHY.replace("name: dear", "nome: dear"))
    assert typo.code == 1
    assert "nome" in typo.text or "spec.name" in typo.text


def test_they_are_discovered_and_explained(asker: Any) -> None:
    listed = asker.ok("api-resources", "--api-group=busbar.dev", "--verbs=create", "-o", "name")
    assert {"quotereviews.busbar.dev", "orderreviews.busbar.dev"} <= set(listed.split())
    told = asker.ok("explain", "quotereview.status.now.lateWithdrawal")
    assert "withdrawn as it begins" in told
    assert "closed list" in asker.ok("explain", "orderreviews.status.orders.reason")
    assert asker.ok("auth", "can-i", "create", "quotereviews").strip() == "yes"
    for who in ("alice", "operator"):
        assert asker.as_(who)("auth", "can-i", "list", "quotereviews").out.startswith("no")


def test_listing_all_kinds_of_the_exchange_does_not_ask(asker: Any) -> None:
    # kubectl lists every kind of a category: reviews are in none.
    assert asker.as_("operator")("get", "busbar", "-A").code == 0


def test_the_python_client_asks_as_well(served: Any, kubectl: Any) -> None:
    market(served, kubectl)
    api = config.new_client_from_config(str(served.kubeconfig("alice")))
    found = dynamic.DynamicClient(api)
    kinds = {"api_version": "busbar.dev/v1alpha1", "kind": "OrderReview"}
    reviews = found.resources.get(**kinds)
    answer = reviews.create(body={**meta(kinds), "spec": {"name": "dear"}}, namespace="alpha")
    assert answer.status.orders[0].state == "Waiting"
    with pytest.raises(ApiException) as refused:
        reviews.create(body={**meta(kinds), "spec": {"name": "gone"}}, namespace="alpha")
    assert refused.value.status == 404
    assert "there is no job or pod gone" in json.loads(refused.value.body)["message"]
    api.close()


def meta(kinds: dict[str, str]) -> dict[str, str]:
    return {"apiVersion": kinds["api_version"], "kind": kinds["kind"]}
