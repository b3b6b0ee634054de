"""The worker's half: an ASGI application that hands every request over, and gives what comes back.

Nothing is decided here. The client's pace is kept in both directions: a body is read when it is
asked for, and where a client does not read, the control plane is told to send no more.
Next: `answering.py`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import count
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

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

HIGH_BYTES: Final = 256 * 1024
"""Of an answer that its client does not read."""


class Forward:
    """The application; `channel` is put in once it is there."""

    channel: Channel

    def __init__(self) -> None:
        self._numbers = count(1)
        self._calls: dict[int, _Forwarded] = {}

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serve one request."""
        number = next(self._numbers)
        call = self._calls[number] = _Forwarded(self.channel, number)
        parts = (
            scope["method"],
            scope["path"],
            scope["raw_path"],
            scope["query_string"],
            scope["headers"],
            scope["http_version"],
            scope["client"],
            scope["server"],
            scope["extensions"]["tls"]["client_cert_der"],
        )
        self.channel.send((REQUEST, number, parts, scope["whole_body"]()))
        scope["on_gone"](call.client_is_gone)
        try:
            await call.answer(receive, send)
        finally:
            del self._calls[number]

    def take(self, message: Message) -> None:
        """Take what the control plane says of a request; nobody may wait for it any more."""
        call = self._calls.get(message[1])
        if call is not None:
            call.take(message)

    def give_up(self) -> None:
        """End every request: nobody will answer."""
        for call in self._calls.values():
            call.take((BROKEN, 0))


class _Forwarded:
    """One request under way."""

    __slots__ = ("_channel", "_full", "_known", "_number", "_size", "_waiter")

    def __init__(self, channel: Channel, number: int) -> None:
        self._channel = channel
        self._number = number
        self._known: deque[Message] = deque()
        self._size = 0
        self._full = False
        self._waiter: asyncio.Future[None] | None = None

    def take(self, message: Message) -> None:
        """Take a message about it."""
        self._known.append(message)
        if message[0] == PART:
            self._size += len(message[2])
            if self._size > HIGH_BYTES and not self._full:
                self._full = True
                self._channel.send((FULL, self._number))
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def client_is_gone(self) -> None:
        """Stop: the client does not want it any more."""
        self._channel.send((GONE, self._number))
        self._known.clear()
        self.take((BROKEN, self._number))

    async def answer(self, receive: Receive, send: Send) -> None:
        """Give the answer; an answer that is not ended makes the server close the connection."""
        reading: asyncio.Task[None] | None = None
        try:
            while True:
                message = await self._next()
                kind = message[0]
                if kind == ANSWER:
                    await send(_start(message))
                    await send({"type": "http.response.body", "body": message[4]})
                    return
                if kind == START:
                    await send(_start(message))
                elif kind == PART:
                    _, _, body, more = message
                    await send({"type": "http.response.body", "body": body, "more_body": more})
                    if not more:
                        return
                    self._sent(len(body))
                elif kind == ASK:
                    # Aside: the answer may come before the client has sent what was asked for.
                    reading = asyncio.create_task(self._read(receive))
                else:
                    return
        finally:
            if reading is not None:
                reading.cancel()

    async def _next(self) -> Message:
        if not self._known:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._known.popleft()

    async def _read(self, receive: Receive) -> None:
        got = await receive()
        if got["type"] == "http.request":
            self._channel.send((PIECE, self._number, got["body"], got["more_body"]))

    def _sent(self, size: int) -> None:
        self._size -= size
        if self._full and self._size <= HIGH_BYTES // 2:
            self._full = False
            self._channel.send((DRAINED, self._number))


def _start(message: Message) -> dict[str, Any]:
    return {"type": "http.response.start", "status": message[2], "headers": message[3]}
