"""The hot path of admission: one closed JSON schema per kind, checked in compiled code.

It is stricter than the published schema: nothing unknown, no nulls, names, labels and quantities
well formed. A yes (a few microseconds) lets the slow, explaining path be skipped; a no decides
nothing by itself, `decoding.py` then says what is wrong, if anything.

Draft 4, because in it 1.0 is not an integer: Go clients cannot read one where they want an int,
and one such object would spoil every list it is in. Next: `decoding.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema_rs

from busbar.apis.kubernetes.schemas import names
from busbar.apis.kubernetes.schemas.definitions import (
    INT_OR_STRING,
    META,
    OBJECT_META,
    QUANTITY,
    REF,
)
from busbar.model.resources import Resource

_DROPPED = ("description", "title", "default", "format")
_INT32 = {"minimum": -(2**31), "maximum": 2**31 - 1}
_INT64 = {"minimum": -(2**63), "maximum": 2**63 - 1}


class Strict:
    """Gives validators over one set of definitions."""

    def __init__(self, loaded: Mapping[str, dict[str, Any]]) -> None:
        self._closed = {name: _closed(schema) for name, schema in loaded.items()}
        # A number is a quantity too, but is stored as a string: the slow path turns it into one.
        self._closed[QUANTITY] = {"type": "string", "pattern": names.QUANTITY}
        self._closed[INT_OR_STRING] = {"type": ["string", "integer"]}
        self._closed[META + "FieldsV1"] = {"type": "object"}
        time = {"type": "string", "pattern": names.TIME}
        self._closed[META + "Time"] = self._closed[META + "MicroTime"] = time
        _tighten_metadata(self._closed[OBJECT_META])

    def validator(self, name: str, resource: Resource) -> jsonschema_rs.Draft4Validator:
        """Compile the schema of a served kind."""
        root = dict(self._closed[name])
        root["properties"] = {
            **root["properties"],
            "apiVersion": {"enum": [resource.stored_api_version]},
            "kind": {"enum": [resource.stored_kind]},
        }
        needed = {*root.get("required", ()), "apiVersion", "kind", "metadata"}
        root["required"] = sorted(needed)
        reached = _reached(root, self._closed)
        return jsonschema_rs.Draft4Validator({**root, "definitions": reached})


def _closed(node: Any, *, inside_properties: bool = False) -> Any:
    """Copy a schema without prose, closed to unknown fields."""
    if isinstance(node, list):
        return [_closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    if inside_properties:
        return {key: _closed(value) for key, value in node.items()}
    kept = {
        key: _closed(value, inside_properties=key == "properties")
        for key, value in node.items()
        if key not in _DROPPED and not key.startswith("x-kubernetes-")
    }
    if "properties" in kept:
        kept["additionalProperties"] = False
    if not kept.get("required", True):
        del kept["required"]
    if node.get("type") == "integer":
        kept = {**(_INT32 if node.get("format") == "int32" else _INT64), **kept}
    if node.get("format") == "byte":
        kept["pattern"] = names.BASE64
    return kept


def _tighten_metadata(meta: dict[str, Any]) -> None:
    fields = meta["properties"]
    fields["name"] = {"type": "string", "pattern": names.SUBDOMAIN, "maxLength": 253}
    fields["namespace"] = {"type": "string", "pattern": names.LABEL_NAME, "maxLength": 63}
    fields["generateName"] = {"type": "string", "pattern": names.GENERATE, "maxLength": 245}
    fields["labels"] = {
        "type": "object",
        **_keyed({"type": "string", "pattern": names.LABEL_VALUE}),
    }
    annotation = {"type": "string", "maxLength": names.ANNOTATION_FAST}
    fields["annotations"] = {
        "type": "object",
        **_keyed(annotation),
        "maxProperties": 64,
    }
    fields["finalizers"] = {
        "type": "array",
        "items": {"type": "string", "pattern": names.QUALIFIED},
    }
    # Clients write `creationTimestamp: null` into every manifest they generate.
    fields["creationTimestamp"] = {"type": ["string", "null"]}


def _keyed(values: dict[str, Any]) -> dict[str, Any]:
    """Give what a map must be whose keys are qualified names, of limited length in both parts."""
    return {
        "allOf": [
            {"patternProperties": {pattern: schema}, "additionalProperties": False}
            for pattern, schema in ((names.QUALIFIED, values), (names.QUALIFIED_LENGTHS, {}))
        ]
    }


def _reached(root: dict[str, Any], closed: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    todo: list[Any] = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo.extend(node)
        elif isinstance(node, dict):
            ref = node.get("$ref")
            if isinstance(ref, str) and (name := ref[len(REF) :]) not in found:
                found[name] = closed[name]
                todo.append(closed[name])
            todo.extend(node.values())
    return found
