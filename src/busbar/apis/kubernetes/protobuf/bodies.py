"""From a protobuf request body to the object a JSON client would have sent.

Form: the four bytes `k8s\\0`, then runtime.Unknown {typeMeta, raw, …}, raw being the typed
message. Source: k8s.io/apimachinery/pkg/runtime/serializer/protobuf. Next: `wire.py`.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any, Final, NamedTuple

import orjson

from busbar.apis.kubernetes.protobuf.messages import Field, message, message_of
from busbar.apis.kubernetes.protobuf.values import SPECIAL, text
from busbar.apis.kubernetes.protobuf.wire import Broken, fields, packed, signed
from busbar.model.objects import Object

CONTENT_TYPE: Final = "application/vnd.kubernetes.protobuf"
_MAGIC: Final = b"k8s\x00"
_MAX_DEPTH: Final = 64
_JSON: Final = "application/json"


class Malformed(NamedTuple):
    """The body cannot be read; `unsupported` where it is well formed but of no kind we know."""

    message: str
    unsupported: bool = False


def decode(body: bytes) -> Object | Malformed:
    """Read a request body. Never raises; time and memory are linear in its length."""
    if not body.startswith(_MAGIC):
        return Malformed("a protobuf body starts with the four bytes k8s\\0")
    try:
        envelope = _read_envelope(body[len(_MAGIC) :])
        if envelope.content_type == _JSON:
            return _json_object(envelope.raw)
        name = message_of(envelope.api_version, envelope.kind)
        if not name:
            kind = f"{envelope.kind[:80]!r} of {envelope.api_version[:80]!r}"
            return Malformed(f"{kind} is not read from protobuf; send JSON", unsupported=True)
        obj = _message(name, envelope.raw, _MAX_DEPTH)
    except Broken as wrong:
        return Malformed(str(wrong))
    return {"apiVersion": envelope.api_version, "kind": envelope.kind, **obj}


class _Envelope(NamedTuple):
    api_version: str
    kind: str
    raw: bytes
    content_type: str


def _read_envelope(data: bytes) -> _Envelope:
    found = {number: value for number, _, value in fields(data) if isinstance(value, bytes)}
    if found.get(3):
        raise Broken("the body's content encoding is not supported")
    types = {number: v for number, _, v in fields(found.get(1, b"")) if isinstance(v, bytes)}
    return _Envelope(
        text(types.get(1, b"")), text(types.get(2, b"")), found.get(2, b""), text(found.get(4, b""))
    )


def _json_object(raw: bytes) -> Object | Malformed:
    try:
        value = orjson.loads(raw)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else Malformed("the raw part is not a JSON object")


def _message(name: str, data: bytes, depth: int) -> dict[str, Any]:
    if depth == 0:
        raise Broken("messages nest too deep")
    table = message(name)
    obj: dict[str, Any] = {}
    for number, _, value in fields(data):
        field = table.get(number)
        if field is None:
            continue
        if field.is_map:
            key, item = _map_entry(field, value, depth)
            obj.setdefault(field.name, {})[key] = item
        elif field.repeated:
            obj.setdefault(field.name, []).extend(_items(field, value, depth))
        elif field.name == "-":
            obj.update(_as_object(_value(field.type, value, depth)))
        else:
            _set(obj, field, _value(field.type, value, depth))
    return obj


def _as_object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _set(obj: dict[str, Any], field: Field, value: Any) -> None:
    """Put a value in place, unless it is the zero that stands for "not set"."""
    unset = value is None or (not value and not field.keeps_zero and not isinstance(value, dict))
    if unset and not isinstance(value, dict):
        obj.pop(field.name, None)
    elif isinstance(value, dict) and isinstance(obj.get(field.name), dict):
        # A message in several pieces is one message: the wire format says so.
        obj[field.name] = {**obj[field.name], **value}
    else:
        obj[field.name] = value


def _items(field: Field, value: int | bytes, depth: int) -> list[Any]:
    if field.type == "int" and isinstance(value, bytes):
        return [signed(item) for item in packed(value)]
    return [_value(field.type, value, depth)]


def _map_entry(field: Field, value: int | bytes, depth: int) -> tuple[str, Any]:
    if not isinstance(value, bytes):
        raise Broken(f"{field.name} has the wrong wire type")
    key, item = "", _zero(field.type)
    for number, _, part in fields(value):
        if number == 1 and isinstance(part, bytes):
            key = text(part)
        elif number == 2:
            item = _value(field.type, part, depth)
    return key, item


def _zero(kind: str) -> Any:
    return {"int": 0, "bool": False, "str": "", "bytes": ""}.get(kind)


def _value(kind: str, value: int | bytes, depth: int) -> Any:
    if kind in ("int", "bool"):
        if not isinstance(value, int):
            raise Broken("a number has the wrong wire type")
        return bool(value) if kind == "bool" else signed(value)
    if not isinstance(value, bytes):
        raise Broken("a string or message has the wrong wire type")
    if kind == "str":
        return text(value)
    if kind == "bytes":
        return b64encode(value).decode()
    special = SPECIAL.get(kind)
    return special(value) if special is not None else _message(kind, value, depth - 1)
