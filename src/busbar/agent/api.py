"""The cloud as the agent sees it: the Kubernetes API over TLS, with this node's certificate.

Only what a node may do is here. Network faults are `Unreachable`; refusals carry the server's
status. Next: `lease.py` and `pods.py`, which use it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from busbar.agent.certificate import client_context
from busbar.agent.clock import SystemClock
from busbar.agent.settings import AgentSettings
from busbar.model.objects import Object

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
_TIMEOUT = aiohttp.ClientTimeout(total=15, connect=5)
_STREAM = aiohttp.ClientTimeout(total=None, connect=5, sock_read=90)
_LINE_MAX = 4 * 1024 * 1024


class Unreachable(Exception):
    """The cloud did not answer; try again later."""


class ApiRefused(Exception):
    """The cloud answered with an error status."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message


class Api:
    """A client bound to one node's identity. Use as an async context manager."""

    def __init__(self, settings: AgentSettings) -> None:
        self.settings = settings
        self._base = settings.server.rstrip("/")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Api:
        self._session = self._connected()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    def _connected(self) -> aiohttp.ClientSession:
        context = client_context(self.settings, SystemClock().now())
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context, keepalive_timeout=75),
            headers={"Accept": "application/json", "User-Agent": "busbar-agent"},
        )

    async def reconnect(self) -> None:
        """Go on with a renewed certificate: what is under way ends, and is tried again."""
        old, self._session = self._session, self._connected()
        if old is not None:
            await old.close()

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Object:
        """GET one JSON document."""
        return await self._call("GET", path, query=query)

    async def patch(self, path: str, body: Object, kind: str = MERGE) -> Object:
        """PATCH with a merge or strategic merge patch."""
        return await self._call("PATCH", path, body, kind)

    async def post(self, path: str, body: Object) -> Object:
        """POST a JSON document."""
        return await self._call("POST", path, body)

    async def delete(self, path: str, body: Object) -> Object:
        """DELETE with DeleteOptions."""
        return await self._call("DELETE", path, body)

    async def lines(self, path: str, query: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        """GET an endless stream of JSON lines (a watch, or this node's log requests)."""
        try:
            async with self._live().get(
                self._base + path, params=query, timeout=_STREAM, read_bufsize=_LINE_MAX
            ) as reply:
                if reply.status >= 400:
                    raise _refused(reply.status, await reply.read())
                while line := await reply.content.readline():
                    if line.strip():
                        yield json.loads(line)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise Unreachable(_sentence(error)) from error

    async def upload(self, path: str, chunks: AsyncIterator[bytes]) -> None:
        """POST a body as it becomes known (a log stream)."""
        try:
            async with self._live().post(
                self._base + path, data=chunks, timeout=aiohttp.ClientTimeout(total=None, connect=5)
            ) as reply:
                await reply.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(_sentence(error)) from error

    @asynccontextmanager
    async def _requested(
        self, method: str, path: str, **options: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        async with self._live().request(
            method, self._base + path, timeout=_TIMEOUT, **options
        ) as reply:
            yield reply

    async def _call(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        kind: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Object:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": kind} if data is not None else {}
        try:
            async with self._requested(
                method, path, data=data, headers=headers, params=query
            ) as reply:
                raw = await reply.read()
                if reply.status >= 400:
                    raise _refused(reply.status, raw)
                return dict(json.loads(raw)) if raw else {}
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError) as error:  # noqa: UP041
            raise Unreachable(_sentence(error)) from error

    def _live(self) -> aiohttp.ClientSession:
        assert self._session is not None, "use Api as an async context manager"
        return self._session


def _refused(status: int, raw: bytes) -> ApiRefused:
    try:
        body = json.loads(raw)
        return ApiRefused(status, str(body.get("reason", "")), str(body.get("message", "")))
    except (ValueError, AttributeError):
        return ApiRefused(status, "", raw[:200].decode(errors="replace"))


def _sentence(error: BaseException) -> str:
    return str(error) or type(error).__name__
