"""Every route of the served OpenAPI document, asked by everybody with another tenant's ids.

The routes come from the document, so that new ones are asked as well.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from busbar.model.objects import Key, Object
from busbar.model.resources import RESOURCES

CANARY = "canary-of-beta-51c7"
NAME = "theirs"
METHODS = ("get", "put", "post", "patch", "delete")
REFUSED = (401, 403, 404, 405)


class Operation(NamedTuple):
    """A method on a path with the ids of the other tenant filled in."""

    method: str
    path: str
    is_namespaced: bool


def canary_of(resource: Any) -> tuple[Object, Key]:
    key = resource.key("beta", NAME)
    meta = {"name": NAME, "uid": f"uid-{resource.plural}", "annotations": {"note": CANARY}}
    if key.namespace:
        meta["namespace"] = key.namespace
    obj = {
        "apiVersion": resource.stored_api_version,
        "kind": resource.stored_kind,
        "metadata": meta,
    }
    return obj, key


@pytest.fixture
def world(cloud: Any) -> Any:
    for resource in RESOURCES:
        if resource.namespaced and resource.group == resource.stored_group:
            cloud.put(*canary_of(resource))
    return cloud


def operations(cloud: Any) -> list[Operation]:
    client = cloud.client()
    found = []
    for entry in client.get("/openapi/v3").json["paths"].values():
        url = entry["serverRelativeURL"].partition("?")[0]
        for template, item in client.get(url).json["paths"].items():
            path = template.replace("{namespace}", "beta").replace("{name}", NAME)
            assert "{" not in path, template
            is_namespaced = "{namespace}" in template
            found += [Operation(m.upper(), path, is_namespaced) for m in METHODS if m in item]
    return found


def test_the_document_names_every_resource(world: Any) -> None:
    paths = {operation.path for operation in operations(world)}
    for resource in RESOURCES:
        root = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
        if resource.namespaced:
            assert f"{root}/namespaces/beta/{resource.plural}/{NAME}" in paths
        else:
            assert f"{root}/{resource.plural}/{NAME}" in paths


def asked(cloud: Any, who: str, operation: Operation) -> Any:
    headers = {}
    if operation.method == "PATCH":
        headers = {"content-type": "application/merge-patch+json"}
    body = {"metadata": {"name": "forged"}} if operation.method in ("POST", "PUT") else {}
    return cloud.client(who).request(operation.method, operation.path, body, headers=headers)


def test_anonymous_gets_nowhere(world: Any) -> None:
    for operation in operations(world):
        assert asked(world, "", operation).status == 401, operation


@pytest.mark.parametrize("who", ["alice", "elastx", "n1", "stranger"])
def test_another_tenants_things_are_out_of_reach(world: Any, who: str) -> None:
    before = world.run(world.store.revision())
    count = 0
    for operation in operations(world):
        reply = asked(world, who, operation)
        assert CANARY.encode() not in reply.body, operation
        assert reply.status < 500, operation
        if operation.is_namespaced:
            count += 1
            # A node may report events about its Pods: what it posts is read before it is judged.
            is_report = who == "n1" and operation.path.endswith("/beta/events")
            allowed = (*REFUSED, 422) if is_report else REFUSED
            assert reply.status in allowed, (operation, reply.body)
            assert reply.json["message"]
    assert count > 100
    assert world.run(world.store.revision()) == before


def test_the_tenant_itself_and_an_operator_reach_them(world: Any) -> None:
    for who in ("bob", "operator"):
        for name in ("pods", "secrets", "configmaps"):
            reply = world.client(who).get(f"/api/v1/namespaces/beta/{name}/{NAME}")
            assert CANARY.encode() in reply.body
