"""Bodies of requests: read within a limit, parsed to JSON values, or refused with a sentence.

JSON is checked for what lets two readers disagree: duplicate keys, invalid UTF-8, NaN, infinite
numbers, nesting beyond reason. kubectl sends some kinds as protobuf; it is decoded to the same
JSON. Next: `calls.py`.
"""

from __future__ import annotations

import json
from typing import Any, Final

import orjson

from busbar.apis.kubernetes.ports import Receive
from busbar.apis.kubernetes.protobuf import CONTENT_TYPE, Malformed, decode
from busbar.apis.kubernetes.schemas.decoding import is_deeper_than
from busbar.apis.kubernetes.statuses import bad_request, too_large, unsupported_media

JSON: Final = "application/json"
YAML: Final = "application/yaml"
PROTOBUF: Final = CONTENT_TYPE
DEPTH_MAX: Final = 100
"""How deep objects and arrays may nest; the deepest served schema has about twenty levels."""


class ClientGone(Exception):
    """The client hung up before its request was whole; nobody reads an answer."""


async def read_body(receive: Receive, limit: int) -> bytes:
    """Read the whole body; 413 as soon as it is larger than the limit."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        if len(body) > limit:
            raise too_large(limit)
        return body
    chunks, size = [body], len(body)
    while message.get("more_body", False):
        if size > limit:
            raise too_large(limit)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
    if size > limit:
        raise too_large(limit)
    return b"".join(chunks)


def parse(raw: bytes, content_type: str) -> Any:
    """Parse a body of an object by its Content-Type: JSON or Kubernetes' protobuf."""
    media = content_type.partition(";")[0].strip().lower()
    if media in (JSON, "", "*/*"):
        return parse_json(raw)
    if media == PROTOBUF:
        return parse_protobuf(raw)
    raise unsupported_media(content_type, f"{JSON} or {PROTOBUF}")


def parse_protobuf(raw: bytes) -> Any:
    """Decode a protobuf envelope to the JSON object it stands for."""
    decoded = decode(raw)
    if isinstance(decoded, Malformed):
        if decoded.unsupported:
            raise unsupported_media(PROTOBUF, f"{JSON}: {decoded.message}")
        raise bad_request(f"the protobuf body cannot be read: {decoded.message}")
    return decoded


def parse_json(raw: bytes) -> Any:
    """Parse JSON; 400 with a sentence for what is not clean."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"the body is not JSON: {_brief(str(error))}") from None
    if raw.count(b"{") + raw.count(b"[") > DEPTH_MAX and is_deeper_than(value, DEPTH_MAX):
        raise bad_request(f"the body nests deeper than {DEPTH_MAX} levels")
    if orjson.dumps(value) != raw.rstrip(b"\n"):
        # Written back, a value has no key twice: only a body that differs needs the slow look.
        _refuse_duplicates(raw)
    return value


class _Duplicate(ValueError):
    """A key that occurs twice in one object."""


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _Duplicate(key)
            seen.add(key)


_duplicates = json.JSONDecoder(object_pairs_hook=_once)


def _refuse_duplicates(raw: bytes) -> None:
    """Refuse a key that occurs twice: readers would disagree on which one counts."""
    try:
        _duplicates.decode(raw.decode())
    except _Duplicate as error:
        raise bad_request(f"the body has the key {_brief(repr(str(error)))} twice") from None
    except (ValueError, RecursionError):
        # orjson took it, so this is a matter of taste (a byte order mark, a number too long for
        # an int), and such a body has no place here.
        raise bad_request("the body is not plain JSON") from None


def _brief(text: str) -> str:
    return text if len(text) <= 160 else text[:157] + "..."
