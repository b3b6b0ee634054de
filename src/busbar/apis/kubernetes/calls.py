"""One request on its way through the door, and the answer it gets. Next: `verbs/`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import parse_qsl

from busbar.apis.kubernetes import bodies
from busbar.apis.kubernetes.authorization import Check, Role
from busbar.apis.kubernetes.negotiation import Representation, representation
from busbar.apis.kubernetes.ports import Identity, Receive, Scope, Send
from busbar.apis.kubernetes.routes import Route
from busbar.apis.kubernetes.settings import Settings
from busbar.apis.kubernetes.statuses import (
    Header,
    bad_request,
    not_acceptable,
    too_large,
    too_slow,
)

if TYPE_CHECKING:
    from busbar.apis.kubernetes.door import Door

JSON: Final = b"application/json"
_QUERY_MAX: Final = 32_768
_ACCEPT_MAX: Final = 1024
"""Clients send less; the rest would only fill what remembers parsed headers."""
_FALSE: Final = frozenset({"", "0", "f", "false", "False", "FALSE"})


class Response(NamedTuple):
    """A whole answer."""

    body: bytes
    status: int = 200
    content_type: bytes = JSON
    headers: tuple[Header, ...] = ()


class Call:
    """A request: who, what, and how to read and answer it."""

    __slots__ = (
        "_headers",
        "_query",
        "_scope",
        "check",
        "identity",
        "method",
        "path",
        "receive",
        "role",
        "route",
        "send",
        "verb",
        "warnings",
    )

    identity: Identity
    role: Role
    route: Route
    verb: str
    check: Check

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._headers: dict[bytes, bytes] | None = None
        self._query: dict[str, str] | None = None
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.receive = receive
        self.send = send
        self.check = Check.NONE
        self.warnings: list[str] = []

    def header(self, name: bytes) -> str:
        """Give a request header, "" where it is missing; several lines are joined."""
        if self._headers is None:
            self._headers = {}
            for key, value in self._scope["headers"]:
                known = self._headers.get(key)
                self._headers[key] = value if known is None else known + b", " + value
        return self._headers.get(name, b"").decode("latin-1")

    @property
    def certificate(self) -> bytes | None:
        """Give the client's certificate (DER) that TLS verified, if any."""
        extensions = self._scope.get("extensions")
        tls = extensions.get("tls") if extensions else None
        return tls.get("client_cert_der") if tls else None

    @property
    def query(self) -> dict[str, str]:
        """Give the query's parameters; the first value counts, as in Kubernetes."""
        if self._query is None:
            raw: bytes = self._scope.get("query_string", b"")
            self._query = _parse_query(raw) if raw else {}
        return self._query

    def flag(self, name: str) -> bool:
        """Give a boolean parameter."""
        return self.query.get(name, "") not in _FALSE

    def number(self, name: str) -> int | None:
        """Give an integer parameter, None where it is missing; 400 for anything else."""
        text = self.query.get(name, "")
        if not text:
            return None
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
            raise bad_request(f"the parameter {name} must be an integer, got {text[:40]!r}")
        return int(text)

    @property
    def is_dry_run(self) -> bool:
        """Say whether nothing may be stored; 400 for an unknown `dryRun`."""
        value = self.query.get("dryRun", "")
        if value not in ("", "All"):
            raise bad_request(f"the parameter dryRun must be All, got {value[:40]!r}")
        return value == "All"

    def representation(self) -> Representation:
        """Give the form to answer in; 406 where nothing fits."""
        found = representation(self.header(b"accept")[:_ACCEPT_MAX])
        if found is None:
            raise not_acceptable("application/json")
        return found

    async def body(self, settings: Settings) -> bytes:
        """Read the body, within its limits of size and time.

        A server may put `whole_body` into the scope: it gives the body where all of it is here
        already, which saves a timer a request.
        """
        limit = settings.body_bytes_max
        declared = self.header(b"content-length")
        if declared.isascii() and declared.isdigit() and int(declared[:20]) > limit:
            raise too_large(limit)
        whole = self._scope.get("whole_body")
        body: bytes | None = whole() if whole is not None else None
        if body is not None:
            if len(body) > limit:
                raise too_large(limit)
            return body
        try:
            async with asyncio.timeout(settings.body_seconds_max):
                return await bodies.read_body(self.receive, limit)
        except TimeoutError:
            raise too_slow(settings.body_seconds_max) from None


Handler = Callable[["Door", Call], Awaitable[Response | None]]
"""Answers a call; None where the answer was streamed already."""


def _parse_query(raw: bytes) -> dict[str, str]:
    if len(raw) > _QUERY_MAX:
        raise bad_request(f"the query is longer than {_QUERY_MAX} bytes")
    found: dict[str, str] = {}
    try:
        pairs: list[tuple[Any, Any]] = parse_qsl(
            raw.decode("latin-1"), keep_blank_values=True, max_num_fields=100, errors="strict"
        )
    except ValueError:
        raise bad_request("the query cannot be read: too many fields or invalid UTF-8") from None
    for key, value in pairs:
        found.setdefault(key, value)
    return found
