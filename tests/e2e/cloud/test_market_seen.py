"""The market as people look at it, on a running cloud."""

from __future__ import annotations

import json
import re
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from tests.e2e.cloud.conftest import Cloud


def test_every_clearing_of_the_cloud_follows_from_its_book(cloud: Cloud) -> None:
    found = json.loads(cloud.busbar("market", "replay", "--last", "200", "-o", "json").stdout)
    assert found
    assert {entry["verdict"] for entry in found} == {"Agrees"}


def test_the_record_is_taken_along_and_replayed_without_the_cloud(cloud: Cloud) -> None:
    folder = cloud.data / "taken"
    said = cloud.busbar("market", "record", "--save", str(folder)).stdout
    clearing = max(cloud.get("clearings")["items"], key=lambda item: item["metadata"]["name"])
    assert re.search(
        r"records saved, \d+ in all; the last is c-\d+-\d+, SHA-256 [0-9a-f]{64}", said
    )
    assert clearing["status"]["digest"]
    done = cloud.busbar("market", "replay", "--from", str(folder), "--last", "20", "-o", "json")
    assert {entry["verdict"] for entry in json.loads(done.stdout)} == {"Agrees"}


def test_clearings_saved_with_kubectl_are_replayed_without_the_cloud(cloud: Cloud) -> None:
    saved = cloud.data / "clearings.json"
    listed = cloud.get("clearings")
    match = next(m for item in listed["items"] for m in item["status"].get("matches") or ())
    match["segments"][0]["priceNano"] += 1
    saved.write_text(json.dumps(listed))
    done = cloud.busbar("market", "replay", "-f", str(saved), "--last", "200", code=1)
    assert f"order {match['order']}: pays" in done.stdout


MANIFEST = {
    "apiVersion": "busbar.dev/v1alpha1",
    "kind": "Job",
    "metadata": {"name": "quoted", "namespace": "xyz"},
    "spec": {
        "image": "busybox",
        "command": ["true"],
        "resources": {"cpu": "500m", "memory": "256Mi"},
        "maxEuroPerDTU": "1",
    },
}


def asked(cloud: Cloud, kind: str, **spec: Any) -> Any:
    """Ask with kubectl alone; gives the answer."""
    review = {"apiVersion": "busbar.dev/v1alpha1", "kind": kind, "spec": spec}
    text = json.dumps(review)
    return json.loads(cloud.kubectl("-n", "xyz", "create", "-f", "-", "-o", "json", text=text))[
        "status"
    ]


def test_kubectl_alone_is_told_what_the_command_line_is(cloud: Cloud) -> None:
    file = cloud.data / "asked.json"
    file.write_text(json.dumps(MANIFEST))
    quote = json.loads(cloud.busbar("quote", str(file), "-o", "json").stdout)
    answer = asked(cloud, "QuoteReview", manifest=MANIFEST)
    assert answer["now"]["pricePerDTU"] == quote["now"]["pricePerDTU"]
    assert answer.keys() == quote.keys()
    cloud.job("much-too-dear", maxEuroPerDTU="0.000001", command=["true"])
    cloud.until("much-too-dear", "reason", "PriceAboveCap")
    (order,) = asked(cloud, "OrderReview", name="much-too-dear")["orders"]
    assert (order["state"], order["reason"]) == ("Waiting", "PriceAboveCap")
    assert "a cap of" in order["alternatives"][0]["advice"]
    cloud.kubectl("-n", "xyz", "delete", "jobs.busbar.dev", "much-too-dear")


def test_what_is_quoted_is_what_is_then_held(cloud: Cloud) -> None:
    file = cloud.data / "quoted.json"
    file.write_text(json.dumps(MANIFEST))
    quote = json.loads(cloud.busbar("quote", str(file), "-o", "json").stdout)
    assert len(quote["hours"]) == 48
    cloud.kubectl("apply", "-f", str(file))
    cloud.until("quoted", "phase", "Succeeded")
    receipt = json.loads(cloud.busbar("-n", "xyz", "receipt", "quoted", "-o", "json").stdout)
    assert receipt["contracts"][0]["pricePerDTU"] == quote["now"]["pricePerDTU"]


def test_why_names_the_cap_that_would_have_matched_and_it_does(cloud: Cloud) -> None:
    cloud.job("too-dear", maxEuroPerDTU="0.000001", command=["true"])
    cloud.until("too-dear", "reason", "PriceAboveCap")
    found = json.loads(cloud.busbar("market", "why", "xyz/too-dear", "-o", "json").stdout)
    alternatives = {a["change"]: a for a in found["orders"][0]["alternatives"]}
    cap = re.search(r"[\d.]+", alternatives["cap"]["advice"])
    assert cap is not None
    cloud.kubectl("-n", "xyz", "delete", "jobs.busbar.dev", "too-dear")
    cloud.job("dear-enough", maxEuroPerDTU=cap[0], command=["true"])
    cloud.until("dear-enough", "phase", "Succeeded")


def test_prices_ahead_and_past_are_objects_for_kubectl(cloud: Cloud) -> None:
    assert "0.0" in cloud.kubectl("get", "forwardcurves,pricehistories")
    assert "TRADES" in cloud.busbar("market", "history").stdout


def test_metrics_are_scraped_by_who_may(cloud: Cloud) -> None:
    page = cloud.kubectl("get", "--raw", "/metrics")
    names = {family.name for family in text_string_to_metric_families(page)}
    assert {"busbar_contracts", "busbar_book_best_ask_euro_per_dtu"} <= names
