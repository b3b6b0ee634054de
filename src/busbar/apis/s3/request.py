"""A request as the door sees it: address, query and headers out of the ASGI scope.

Buckets are addressed by path (`/bucket/key`) or by host (`bucket.<suffix>/key`). Keys are opaque:
they are decoded once and never touched again. Next: `sigv4.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote_to_bytes

from busbar.apis.s3.canonical import QueryPairs, parse_query
from busbar.apis.s3.errors import Code, S3Error

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

KEY_BYTES_MAX = 1024


class Request:
    """One HTTP request. `bucket` and `key` are None where the address has none."""

    __slots__ = (
        "bucket",
        "headers",
        "id",
        "key",
        "method",
        "pairs",
        "query",
        "raw_path",
        "receive",
    )

    def __init__(self, scope: Scope, receive: Receive, host_suffix: str, request_id: str) -> None:
        self.id = request_id
        self.receive = receive
        self.method: str = scope["method"]
        self.headers = _joined(scope["headers"])
        self.raw_path: str = scope["raw_path"].decode("latin-1")
        try:
            self.pairs: QueryPairs = parse_query(scope["query_string"].decode("latin-1"))
            path = unquote_to_bytes(self.raw_path).decode()
        except UnicodeDecodeError:
            raise S3Error(
                Code.InvalidURI, "The path and the query must be percent-encoded UTF-8."
            ) from None
        self.query = dict(self.pairs)
        self.bucket, self.key = _address(path, self.headers.get("host", ""), host_suffix)

    def header(self, name: str, default: str = "") -> str:
        """Give a header's value; `name` in lower case."""
        return self.headers.get(name, default)


def check_key(key: str) -> str:
    """Give the key back, or refuse what no object can be called."""
    if "\0" in key:
        raise S3Error(Code.InvalidArgument, "The key contains a NUL byte; leave it out.")
    size = len(key.encode())
    if size > KEY_BYTES_MAX:
        raise S3Error(
            Code.KeyTooLongError, f"The key has {size} bytes; at most {KEY_BYTES_MAX} are allowed."
        )
    return key


def _joined(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1").strip(" \t")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def _address(path: str, host: str, suffix: str) -> tuple[str | None, str | None]:
    name = host.rsplit(":", 1)[0].lower()
    if suffix and name.endswith(f".{suffix}"):
        return name[: -len(suffix) - 1], path[1:] or None
    bucket, _, key = path[1:].partition("/")
    return bucket or None, key or None
