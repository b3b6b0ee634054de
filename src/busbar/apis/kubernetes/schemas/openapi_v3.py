"""OpenAPI v3: one document for each group version, with the schemas it reaches.

`kubectl explain`, `kubectl apply` and `kubectl diff` read them. Next: `openapi_v2.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from busbar.apis.kubernetes.schemas import operations
from busbar.apis.kubernetes.schemas.definitions import (
    INT_OR_STRING,
    KUBERNETES_VERSION,
    META,
    QUANTITY,
    REF,
    Definitions,
    Schema,
)
from busbar.apis.kubernetes.schemas.operations import Operation
from busbar.model.resources import Resource

_REF: Final = "#/components/schemas/"
_ALWAYS: Final = (META + "DeleteOptions", META + "Status", META + "Patch", META + "WatchEvent")
INFO: Final = {"title": "Busbar", "version": f"v{KUBERNETES_VERSION}"}


def documents(
    resources: Iterable[Resource], definitions: Definitions
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give (path, document) for each group version: `api/v1`, `apis/batch/v1`, …"""
    by_root: dict[str, list[Operation]] = {}
    for operation in operations.operations(resources):
        by_root.setdefault(operation.root, []).append(operation)
    for root, found in by_root.items():
        yield root.strip("/"), _document(found, definitions)


def _document(found: list[Operation], definitions: Definitions) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    wanted = list(_ALWAYS)
    for operation in found:
        item = paths.setdefault(operation.path, _path_item(operation.path))
        item[operation.method] = _operation(operation)
        wanted += [name for name in (operation.answer, operation.body) if name]
    schemas = {name: schema_v3(name, definitions[name]) for name in _reach(wanted, definitions)}
    return {
        "openapi": "3.0.0",
        "info": INFO,
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.items()))},
    }


def _reach(names: Iterable[str], definitions: Definitions) -> set[str]:
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(references(definitions[name]))
    return found


def references(node: Any) -> Iterator[str]:
    """Give the definitions that a schema refers to."""
    if isinstance(node, dict):
        ref = node.get("$ref")
        if isinstance(ref, str):
            yield ref[len(REF) :]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def schema_v3(name: str, schema: Schema) -> Schema:
    """Write a definition as OpenAPI v3 has it."""
    if name == QUANTITY:
        one_of = [{"type": "string"}, {"type": "number"}]
        return {"description": schema["description"], "oneOf": one_of}
    if name == INT_OR_STRING:
        one_of = [{"type": "integer"}, {"type": "string"}]
        text = schema["description"]
        return {"description": text, "format": "int-or-string", "oneOf": one_of}
    written: Schema = _rewrite(schema)
    return written


def _rewrite(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_rewrite(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    written = {key: _rewrite(value) for key, value in schema.items()}
    ref = written.pop("$ref", None)
    if not isinstance(ref, str):
        return written if ref is None else {**written, "$ref": ref}
    target = {"$ref": _REF + ref[len(REF) :]}
    # Beside a $ref, OpenAPI 3.0 ignores everything; allOf lets a property say something of its own.
    return {**written, "allOf": [target]} if written else target


def _path_item(path: str) -> dict[str, Any]:
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": operations.PATH_TEXT[name],
            "schema": {"type": "string"},
        }
        for name in operations.path_parameters(path)
    ]
    return {"parameters": parameters} if parameters else {}


def _operation(operation: Operation) -> dict[str, Any]:
    written: dict[str, Any] = {
        "operationId": operation.id,
        "description": f"{operation.action} {operation.gvk.kind}",
        "parameters": [
            {
                "name": parameter.name,
                "in": "query",
                "description": parameter.description,
                "schema": {"type": parameter.type, "uniqueItems": True},
            }
            for parameter in operation.parameters
        ],
        "responses": _responses(operation),
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": operation.gvk._asdict(),
    }
    if operation.body:
        written["requestBody"] = {
            "content": {
                media: {"schema": {"$ref": _REF + operation.body}}
                for media in operation.media_types
            },
            **({} if operation.method == "delete" else {"required": True}),
        }
    return written


def _responses(operation: Operation) -> dict[str, Any]:
    codes = {"post": ("200", "201", "202"), "put": ("200", "201"), "patch": ("200", "201")}
    content: dict[str, Any] = {"text/plain": {"schema": {"type": "string"}}}
    if operation.answer:
        content = {operations.JSON: {"schema": {"$ref": _REF + operation.answer}}}
    return {
        code: {"description": "OK", "content": content}
        for code in codes.get(operation.method, ("200",))
    }
