"""The control plane's half: requests that came over a channel, each given to the application.

Next: `pool.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

from busbar.server.workers.channel import Channel
from busbar.server.workers.wire import (
    ANSWER,
    ASK,
    BROKEN,
    DRAINED,
    FULL,
    GONE,
    PART,
    PIECE,
    REQUEST,
    START,
    Message,
)

log = logging.getLogger("busbar.server")

App = Callable[[Any, Any, Any], Awaitable[None]]

PART_BYTES_MAX: Final = 256 * 1024
_ASGI: Final = {"version": "3.0", "spec_version": "2.3"}
_PLAIN: Final = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]


class Answering:
    """Answers what comes over one channel."""

    channel: Channel

    def __init__(self, app: App) -> None:
        self._app = app
        self._calls: dict[int, _Call] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, message: Message) -> None:
        """Take what a worker says of a request."""
        if message[0] == REQUEST:
            _, number, parts, body = message
            call = self._calls[number] = _Call(self.channel, number, parts, body)
            task = asyncio.create_task(self._serve(call))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif (known := self._calls.get(message[1])) is not None:
            known.take(message)

    def give_up(self) -> None:
        """End every request: its client is gone, or will be."""
        for call in self._calls.values():
            call.take((GONE, 0))

    async def _serve(self, call: _Call) -> None:
        try:
            await self._app(call.scope, call.receive, call.send)
        except asyncio.CancelledError:
            call.break_off()
        except Exception:
            log.exception("an application failed")
            call.fail()
        else:
            call.break_off()
        finally:
            del self._calls[call.number]


class _Call:
    """One request under way."""

    __slots__ = (
        "_body",
        "_channel",
        "_ended",
        "_full",
        "_gone",
        "_head",
        "_is_read",
        "_started",
        "_waiters",
        "number",
        "scope",
    )

    def __init__(self, channel: Channel, number: int, parts: Message, body: bytes | None) -> None:
        method, path, raw_path, query, headers, version, client, server, certificate = parts
        self.number = number
        self.scope = {
            "type": "http",
            "asgi": _ASGI,
            "http_version": version,
            "scheme": "https",
            "root_path": "",
            "client": client,
            "server": server,
            "method": method,
            "path": path,
            "raw_path": raw_path,
            "query_string": query,
            "headers": headers,
            "extensions": {"tls": {"client_cert_der": certificate}},
            "whole_body": self.whole_body,
        }
        self._channel = channel
        self._body = body
        self._is_read = False
        self._head: Message | None = None
        self._started = self._ended = self._full = self._gone = False
        self._waiters: list[asyncio.Future[None]] = []

    def take(self, message: Message) -> None:
        """Take a message about it."""
        kind = message[0]
        if kind == PIECE:
            self._body, self._is_read = message[2], not message[3]
        elif kind == FULL:
            self._full = True
            return
        elif kind == DRAINED:
            self._full = False
        elif kind == GONE:
            self._gone = True
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def whole_body(self) -> bytes | None:
        """Give the request's body where all of it is here already."""
        if self._is_read or self._gone:
            return None
        body, self._body = self._body, None
        self._is_read = body is not None
        return body

    async def receive(self) -> dict[str, Any]:
        """Give the next ASGI message."""
        whole = self.whole_body()
        if whole is not None:
            return {"type": "http.request", "body": whole, "more_body": False}
        if not (self._is_read or self._gone):
            self._channel.send((ASK, self.number))
        while not self._gone:
            await self._wait()
            if self._body is not None:
                body, self._body = self._body, None
                return {"type": "http.request", "body": body, "more_body": not self._is_read}
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        """Take an ASGI message."""
        if self._gone:
            return
        if message["type"] == "http.response.start":
            self._head = (self.number, message["status"], list(message.get("headers", ())))
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        head, self._head = self._head, None
        if head is not None and not more and len(body) <= PART_BYTES_MAX:
            self._ended = True
            self._channel.send((ANSWER, *head, body))
            return
        if head is not None:
            self._channel.send((START, *head))
            self._started = True
        # A long answer goes in parts: others' turns come between them.
        last = max(0, len(body) - 1) // PART_BYTES_MAX * PART_BYTES_MAX
        for at in range(0, last, PART_BYTES_MAX):
            await self._part(body[at : at + PART_BYTES_MAX], more=True)
        await self._part(body[last:], more=more)

    async def _part(self, body: bytes, *, more: bool) -> None:
        self._ended = not more
        if not self._gone:
            self._channel.send((PART, self.number, body, more))
        while self._full and not (self._gone or self._ended):
            await self._wait()
        if self._channel.is_full:
            await self._channel.drain()

    def fail(self) -> None:
        """Answer that it failed."""
        if not (self._started or self._ended or self._gone):
            self._ended = True
            self._channel.send((ANSWER, self.number, 500, _PLAIN, b"Internal Server Error"))
        else:
            self.break_off()

    def break_off(self) -> None:
        """End an answer that has no end, where there is one."""
        if not (self._ended or self._gone):
            self._channel.send((BROKEN, self.number))

    async def _wait(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter
