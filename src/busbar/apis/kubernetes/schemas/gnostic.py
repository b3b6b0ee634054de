"""The protobuf form of an OpenAPI v2 document, which older clients insist on.

Message and field numbers are those of gnostic's `openapi.v2.Document`
(github.com/google/gnostic, openapiv2/OpenAPIv2.proto). Only what our documents use is written;
extensions and other free values travel as YAML text, for which JSON is good enough.
Next: `../patches/`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any, Final

import orjson

_LENGTH: Final = 2
_DOUBLE: Final = 1

_METHODS: Final = {"get": 2, "put": 3, "post": 4, "delete": 5, "patch": 8}
_SCHEMA_TEXTS: Final = {"$ref": 1, "format": 2, "title": 3, "description": 4, "pattern": 13}
_SCHEMA_DOUBLES: Final = {"maximum": 7, "minimum": 9}
_SCHEMA_INTS: Final = {"maxLength": 11, "minLength": 12, "maxItems": 14, "minItems": 15}
_QUERY: Final = {"in": 2, "description": 3, "name": 4, "type": 6}
_PATH: Final = {"in": 2, "description": 3, "name": 4, "type": 5}
_NON_BODY: Final = {"query": 3, "path": 4}


def encode(document: dict[str, Any]) -> bytes:
    """Write the document."""
    info = document["info"]
    return b"".join(
        (
            _text(1, document["swagger"]),
            _message(2, _text(1, info["title"]) + _text(2, info["version"])),
            _message(8, _named(2, document["paths"], _path_item)),
            _message(9, _named(1, document["definitions"], _schema)),
        )
    )


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _message(field: int, body: bytes) -> bytes:
    return _varint(field << 3 | _LENGTH) + _varint(len(body)) + body


def _text(field: int, value: str) -> bytes:
    return _message(field, value.encode()) if value else b""


def _int(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value & 0xFFFFFFFFFFFFFFFF)


def _texts(field: int, values: Iterable[str]) -> bytes:
    return b"".join(_message(field, value.encode()) for value in values)


def _named(field: int, items: dict[str, Any], write: Callable[[Any], bytes]) -> bytes:
    """Write a map as gnostic does: repeated messages of name and value."""
    return b"".join(
        _message(field, _text(1, name) + _message(2, write(value))) for name, value in items.items()
    )


def _any(value: Any) -> bytes:
    """Write a free value as the YAML text of an Any."""
    return _text(2, orjson.dumps(value).decode() + "\n")


def _extensions(field: int, node: dict[str, Any]) -> bytes:
    found = {key: value for key, value in node.items() if key.startswith("x-")}
    return _named(field, found, _any)


def _path_item(item: dict[str, Any]) -> bytes:
    written = b"".join(
        _message(number, _operation(item[method]))
        for method, number in _METHODS.items()
        if method in item
    )
    return written + _parameters(9, item.get("parameters", ()))


def _operation(operation: dict[str, Any]) -> bytes:
    return b"".join(
        (
            _text(3, operation["description"]),
            _text(5, operation["operationId"]),
            _texts(6, operation["produces"]),
            _texts(7, operation["consumes"]),
            _parameters(8, operation["parameters"]),
            _message(9, _named(1, operation["responses"], _response)),
            _extensions(13, operation),
        )
    )


def _response(response: dict[str, Any]) -> bytes:
    schema = _message(2, _message(1, _schema(response["schema"])))
    return _message(1, _text(1, response["description"]) + schema)


def _parameters(field: int, parameters: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(_message(field, _message(1, _parameter(one))) for one in parameters)


def _parameter(parameter: dict[str, Any]) -> bytes:
    where = parameter["in"]
    needed = _int(1, 1) if parameter.get("required") else b""
    if where == "body":
        body = _text(2, parameter["name"]) + _text(3, where)
        body += _int(4, 1) if parameter.get("required") else b""
        return _message(1, body + _message(5, _schema(parameter["schema"])))
    numbers = _QUERY if where == "query" else _PATH
    fields = b"".join(_text(n, parameter.get(key, "")) for key, n in numbers.items())
    return _message(2, _message(_NON_BODY[where], needed + fields))


def _schema(schema: dict[str, Any]) -> bytes:
    parts = [_text(n, schema[key]) for key, n in _SCHEMA_TEXTS.items() if key in schema]
    for key, number in _SCHEMA_DOUBLES.items():
        if key in schema:
            value = struct.pack("<d", schema[key])
            parts.append(_varint(number << 3 | _DOUBLE) + value)
    parts += [_int(n, schema[key]) for key, n in _SCHEMA_INTS.items() if key in schema]
    if "default" in schema:
        parts.append(_message(5, _any(schema["default"])))
    parts.append(_texts(19, schema.get("required", ())))
    parts += [_message(20, _any(value)) for value in schema.get("enum", ())]
    if "additionalProperties" in schema:
        parts.append(_message(21, _message(1, _schema(schema["additionalProperties"]))))
    if "type" in schema:
        parts.append(_message(22, _text(1, schema["type"])))
    if "items" in schema:
        parts.append(_message(23, _message(1, _schema(schema["items"]))))
    if "properties" in schema:
        parts.append(_message(25, _named(1, schema["properties"], _schema)))
    parts.append(_extensions(31, schema))
    return b"".join(parts)
