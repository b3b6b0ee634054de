"""The protobuf form of OpenAPI v2, read back field by field."""

from __future__ import annotations

import json
from typing import Any

from busbar.apis.kubernetes.protobuf.wire import fields
from busbar.apis.kubernetes.schemas import openapi
from busbar.apis.kubernetes.schemas.gnostic import encode

Message = dict[int, list[Any]]


def message(data: bytes) -> Message:
    found: Message = {}
    for number, _, value in fields(data):
        found.setdefault(number, []).append(value)
    return found


def named(items: list[bytes]) -> dict[str, bytes]:
    pairs = [message(item) for item in items]
    return {pair[1][0].decode(): pair[2][0] for pair in pairs}


def document() -> Message:
    return message(openapi.v2(protobuf=True).plain())


def test_it_says_which_version_it_is() -> None:
    assert document()[1] == [b"2.0"]


def test_it_has_the_paths_and_definitions_of_the_json_form() -> None:
    swagger = json.loads(openapi.v2().plain())
    assert set(named(message(document()[8][0])[2])) == set(swagger["paths"])
    assert set(named(message(document()[9][0])[1])) == set(swagger["definitions"])


def test_kubectl_finds_dry_run_at_a_kind() -> None:
    paths = named(message(document()[8][0])[2])
    patch = message(message(paths["/api/v1/namespaces/{namespace}/configmaps/{name}"])[8][0])
    extensions = {name: message(value)[2][0] for name, value in named(patch[13]).items()}
    gvk = json.loads(extensions["x-kubernetes-group-version-kind"])
    assert gvk == {"group": "", "version": "v1", "kind": "ConfigMap"}
    names = []
    for item in patch[8]:
        parameter = message(message(item)[1][0])
        if 2 in parameter:
            names.append(message(message(parameter[2][0])[3][0])[4][0])
    assert b"dryRun" in names


def test_a_schema_field_by_field() -> None:
    schema = {
        "description": "d",
        "type": "object",
        "required": ["a"],
        "properties": {
            "a": {"type": "integer", "minimum": 1, "maximum": 2, "default": 1, "format": "int32"},
            "b": {"type": "array", "items": {"$ref": "#/definitions/X"}},
            "c": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 300}},
            "d": {"type": "string", "enum": ["x"]},
        },
        "x-kubernetes-list-type": "map",
    }
    document = {
        "swagger": "2.0",
        "info": {"title": "t", "version": "v"},
        "paths": {},
        "definitions": {"X": schema},
    }
    written = message(named(message(message(encode(document))[9][0])[1])["X"])
    assert written[4] == [b"d"]
    assert written[19] == [b"a"]
    assert message(written[22][0])[1] == [b"object"]
    assert json.loads(message(named(written[31])["x-kubernetes-list-type"])[2][0]) == "map"
    properties = {k: message(v) for k, v in named(message(written[25][0])[1]).items()}
    assert properties["a"][2] == [b"int32"]
    assert properties["a"][7] == [b"\0\0\0\0\0\0\0\x40"]
    assert message(properties["a"][5][0])[2] == [b"1\n"]
    assert message(message(properties["b"][23][0])[1][0])[1] == [b"#/definitions/X"]
    assert message(message(properties["c"][21][0])[1][0])[11] == [300]
    assert message(properties["d"][20][0])[2] == [b'"x"\n']
