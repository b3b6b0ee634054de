"""OpenAPI v2 (Swagger): one document for everything, for clients older than Kubernetes 1.27.

Next: `gnostic.py`, its protobuf form.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from busbar.apis.kubernetes.schemas import operations
from busbar.apis.kubernetes.schemas.definitions import REF, Definitions
from busbar.apis.kubernetes.schemas.openapi_v3 import INFO
from busbar.apis.kubernetes.schemas.operations import Operation
from busbar.model.resources import Resource

_NOT_IN_V2: Final = ("oneOf", "anyOf", "title")


def document(resources: Iterable[Resource], definitions: Definitions) -> dict[str, Any]:
    """Give the document."""
    paths: dict[str, Any] = {}
    for operation in operations.operations(resources):
        item = paths.setdefault(operation.path, _path_item(operation.path))
        item[operation.method] = _operation(operation)
    return {
        "swagger": "2.0",
        "info": INFO,
        "paths": paths,
        "definitions": {name: _rewrite(schema) for name, schema in sorted(definitions.items())},
    }


def _rewrite(schema: Any, *, names: bool = False) -> Any:
    """Drop what v2 does not have; `names` says that the keys are property names."""
    if isinstance(schema, list):
        return [_rewrite(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _rewrite(value, names=key == "properties" and not names)
        for key, value in schema.items()
        if names or not _is_dropped(key, value)
    }


def _is_dropped(key: str, value: Any) -> bool:
    return key in _NOT_IN_V2 or (key == "additionalProperties" and isinstance(value, bool))


def _path_item(path: str) -> dict[str, Any]:
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "type": "string",
            "description": operations.PATH_TEXT[name],
        }
        for name in operations.path_parameters(path)
    ]
    return {"parameters": parameters} if parameters else {}


def _operation(operation: Operation) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {"name": p.name, "in": "query", "type": p.type, "description": p.description}
        for p in operation.parameters
    ]
    if operation.body:
        body = {"name": "body", "in": "body", "schema": {"$ref": REF + operation.body}}
        parameters.insert(0, {**body, "required": operation.method != "delete"})
    schema = {"$ref": REF + operation.answer} if operation.answer else {"type": "string"}
    answer = {"description": "OK", "schema": schema}
    return {
        "operationId": operation.id,
        "description": f"{operation.action} {operation.gvk.kind}",
        "consumes": list(operation.media_types),
        "produces": [operations.JSON if operation.answer else "text/plain"],
        "parameters": parameters,
        "responses": {"200": answer},
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": operation.gvk._asdict(),
    }
