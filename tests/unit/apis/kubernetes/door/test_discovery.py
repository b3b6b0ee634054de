"""What is served, told in each of the forms that clients ask for."""

from __future__ import annotations

from typing import Any

import pytest

from busbar.model.resources import RESOURCES

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def test_plain_lists_name_everything_served(operator: Any) -> None:
    assert operator.get("/api").json["versions"] == ["v1"]
    groups = {group["name"] for group in operator.get("/apis").json["groups"]}
    assert {r.group for r in RESOURCES} - {""} <= groups
    for resource in RESOURCES:
        path = f"/apis/{resource.api_version}" if resource.group else "/api/v1"
        listed = {r["name"]: r for r in operator.get(path).json["resources"]}
        assert listed[resource.plural]["kind"] == resource.kind
        assert (f"{resource.plural}/status" in listed) == resource.has_status


@pytest.mark.parametrize("version", ["v2", "v2beta1"])
def test_the_aggregated_form_names_everything_too(operator: Any, version: str) -> None:
    accept = {"accept": AGGREGATED.replace("v=v2", f"v={version}") + ",application/json"}
    found = set()
    for path in ("/api", "/apis"):
        reply = operator.request("GET", path, headers=accept)
        assert f"v={version};as=APIGroupDiscoveryList" in reply.headers["content-type"]
        for group in reply.json["items"]:
            for one in group["versions"]:
                found |= {(group["metadata"]["name"], r["resource"]) for r in one["resources"]}
    assert {(r.group, r.plural) for r in RESOURCES} <= found


def test_read_only_kinds_offer_reading_alone(operator: Any) -> None:
    listed = operator.get("/apis/busbar.dev/v1alpha1").json["resources"]
    verbs = {r["name"]: r["verbs"] for r in listed}
    assert verbs["contracts"] == ["get", "list", "watch"]
    assert "create" in verbs["jobs"]


@pytest.mark.parametrize("path", ["/version", "/healthz", "/livez", "/readyz"])
def test_version_and_health_are_open_to_anybody(cloud: Any, path: str) -> None:
    assert cloud.client("").get(path).status == 200


@pytest.mark.parametrize("path", ["/api", "/apis", "/openapi/v2", "/openapi/v3", "/"])
def test_everything_else_asks_who_it_is(cloud: Any, path: str) -> None:
    reply = cloud.client("").get(path)
    assert (reply.status, reply.json["reason"]) == (401, "Unauthorized")


def test_openapi_is_served_and_not_sent_twice(operator: Any) -> None:
    index = operator.get("/openapi/v3").json["paths"]
    assert {"api/v1", "apis/busbar.dev/v1alpha1", "apis/batch/v1"} <= set(index)
    path = index["api/v1"]["serverRelativeURL"].partition("?")[0]
    document = operator.get(path)
    assert "/api/v1/namespaces/{namespace}/pods" in document.json["paths"]
    again = operator.request("GET", path, headers={"if-none-match": document.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert operator.get("/openapi/v3/apis/apps/v2").status == 404
    assert operator.get("/openapi/v2").json["swagger"] == "2.0"
