"""The OpenAPI documents, as kubectl looks things up in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from busbar.apis.kubernetes.schemas import openapi
from busbar.model.resources import RESOURCES


def v3(path: str) -> dict[str, Any]:
    document = openapi.v3(path)
    assert document is not None
    loaded: dict[str, Any] = json.loads(document.plain())
    return loaded


def swagger() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(openapi.v2().plain())
    return loaded


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def test_the_index_leads_to_every_document() -> None:
    index = json.loads(openapi.v3_index().plain())["paths"]
    assert {"api/v1", "apis/batch/v1", "apis/busbar.dev/v1alpha1"} <= index.keys()
    for path, entry in index.items():
        document = openapi.v3(path)
        assert document is not None
        assert entry == {"serverRelativeURL": f"/openapi/v3/{path}?hash={document.digest}"}


def test_every_resource_is_in_a_document_with_its_kind() -> None:
    for resource in RESOURCES:
        root = f"apis/{resource.api_version}" if resource.group else "api/v1"
        document = v3(root)
        gvk = {"group": resource.group, "version": resource.version, "kind": resource.kind}
        found = [
            path
            for path, item in document["paths"].items()
            if path.endswith(f"/{resource.plural}")
            and item["get"]["x-kubernetes-group-version-kind"] == gvk
        ]
        assert found
        schemas = document["components"]["schemas"].values()
        assert any(gvk in s.get("x-kubernetes-group-version-kind", ()) for s in schemas)


def test_every_reference_has_its_schema() -> None:
    for path in json.loads(openapi.v3_index().plain())["paths"]:
        document = v3(path)
        names = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
        assert set(references(document)) <= names
    names = {f"#/definitions/{name}" for name in swagger()["definitions"]}
    assert set(references(swagger())) <= names


def patch_parameters(operation: dict[str, Any]) -> set[str]:
    return {parameter["name"] for parameter in operation["parameters"]}


def test_patch_lists_what_kubectl_looks_for() -> None:
    wanted = {"fieldValidation", "dryRun", "fieldManager", "force"}
    path = "/api/v1/namespaces/{namespace}/pods/{name}"
    assert wanted <= patch_parameters(v3("api/v1")["paths"][path]["patch"])
    assert wanted <= patch_parameters(swagger()["paths"][path]["patch"])


def test_strategic_patches_are_offered_for_kinds_of_kubernetes_only() -> None:
    strategic = "application/strategic-merge-patch+json"
    pods = v3("api/v1")["paths"]["/api/v1/namespaces/{namespace}/pods/{name}"]["patch"]
    assert strategic in pods["requestBody"]["content"]
    own = v3("apis/busbar.dev/v1alpha1")["paths"]
    patch = own["/apis/busbar.dev/v1alpha1/namespaces/{namespace}/jobs/{name}"]["patch"]
    assert strategic not in patch["requestBody"]["content"]
    assert "application/apply-patch+yaml" in patch["requestBody"]["content"]


def test_what_is_read_only_offers_no_writes() -> None:
    item = v3("apis/busbar.dev/v1alpha1")["paths"]["/apis/busbar.dev/v1alpha1/books/{name}"]
    assert set(item) == {"get", "parameters"}


def test_operations_are_told_apart() -> None:
    for document in [swagger(), v3("api/v1")]:
        ids = [
            operation["operationId"]
            for item in document["paths"].values()
            for method, operation in item.items()
            if method != "parameters"
        ]
        assert len(ids) == len(set(ids))


def test_quantities_and_ports_are_written_for_each_version() -> None:
    name = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
    assert v3("api/v1")["components"]["schemas"][name]["oneOf"]
    assert swagger()["definitions"][name]["format"] == "int-or-string"


def test_a_property_keeps_its_words_beside_its_reference() -> None:
    pod = v3("api/v1")["components"]["schemas"]["io.k8s.api.core.v1.Pod"]
    assert pod["properties"]["spec"]["allOf"] == [
        {"$ref": "#/components/schemas/io.k8s.api.core.v1.PodSpec"}
    ]
    assert "description" in pod["properties"]["spec"]


def test_swagger_has_nothing_that_version_2_does_not_know() -> None:
    def keys(node: Any, *, names: bool = False) -> Iterator[str]:
        """Give the keys of schemas; `names` says that these are the names of properties."""
        if isinstance(node, dict):
            for key, value in node.items():
                if not names:
                    yield key
                yield from keys(value, names=key == "properties" and not names)
        elif isinstance(node, list):
            for item in node:
                yield from keys(item)

    assert not {"oneOf", "anyOf"} & set(keys(swagger()))
    lists = [d for d in swagger()["definitions"].values() if d.get("type") == "array"]
    assert all("items" in one for one in lists)


def test_documents_are_named_by_their_content() -> None:
    one, other = openapi.v2(), openapi.v2(protobuf=True)
    assert one.etag != other.etag
    assert one.etag.startswith('"')
    assert one.content_type == "application/json"
    assert "@" not in other.content_type


def test_an_unknown_document_is_none() -> None:
    assert openapi.v3("apis/apps/v2") is None


def test_descriptions_are_not_indented_as_the_code_they_come_from() -> None:
    schemas = v3("apis/busbar.dev/v1alpha1")["components"]["schemas"]
    assert not any("\n    " in schema.get("description", "") for schema in schemas.values())


def test_words_of_a_closed_list_are_strings() -> None:
    schemas = v3("apis/busbar.dev/v1alpha1")["components"]["schemas"]
    weekdays = schemas["dev.busbar.v1alpha1.CalendarRule"]["properties"]["weekdays"]
    assert weekdays["items"]["type"] == "string"


def test_subresources_and_reviews_are_described_too() -> None:
    pod = "/api/v1/namespaces/{namespace}/pods/{name}"
    core = v3("api/v1")["paths"]
    log = core[f"{pod}/log"]["get"]
    assert {"follow", "tailLines"} <= patch_parameters(log)
    assert "text/plain" in log["responses"]["200"]["content"]
    assert core[f"{pod}/binding"]["post"]["x-kubernetes-group-version-kind"]["kind"] == "Binding"
    assert "/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token" in core
    reviews = v3("apis/authorization.k8s.io/v1")["paths"]
    assert "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" in reviews
