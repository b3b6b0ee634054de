"""A request and its answer on the wire: uvicorn's, with each whole answer in one write.

uvicorn writes an answer's head and body separately: two TLS records and twice the work. Here the
head waits for the first piece of the body. Next: `http.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

LINGER_SECONDS = 2.0
_NO_BODY = (204, 304)


@lru_cache(maxsize=4096)
def header_line(name: bytes, value: bytes) -> bytes:
    """Write a header; what could end it early is a bug in the application, and refused."""
    if HEADER_RE.search(name) or HEADER_VALUE_RE.search(value):
        raise RuntimeError("an answer has an invalid header")
    return b"".join((name.lower(), b": ", value, b"\r\n"))


def _nothing() -> None:
    """Stand in for the callback of an answer that is over, so that the connection can go."""


class Cycle(RequestResponseCycle):
    """uvicorn's cycle, but for how an answer is written."""

    _head: list[bytes] | None = None
    _gone: Callable[[], None] | None = None

    async def run_asgi(self, app: Any) -> None:
        """Run the application; a request cancelled at shutdown is no failure."""
        try:
            await app(self.scope, self.receive, self.send)
        except asyncio.CancelledError:
            self._hang_up()
        except Exception:
            self.logger.exception("an application failed")
            await self._failed()
        else:
            if not self.response_complete and not self.disconnected:
                # It gave up in the midst of its answer: the client must see that it is not whole.
                self._hang_up()
        finally:
            self.on_response = _nothing

    def _hang_up(self) -> None:
        """Close, and do not listen for long to who goes on sending what nobody reads.

        Closing TLS waits for the client's own end of it: uvloop takes what comes meanwhile.
        """
        self.transport.close()
        if self.more_body:
            asyncio.get_running_loop().call_later(LINGER_SECONDS, self.transport.abort)

    def whole_body(self) -> bytes | None:
        """Give the request's body where all of it is here already: no waiting, no timer."""
        if self.more_body or self.waiting_for_100_continue or self.disconnected:
            return None
        body, self.body = bytes(self.body), bytearray()
        self.flow.resume_reading()
        return body

    def on_gone(self, call: Callable[[], None]) -> None:
        """Call when the client is gone before its answer is whole; at once where it is already."""
        if self.disconnected:
            call()
        else:
            self._gone = call

    def is_gone(self) -> None:
        """Note that the client is gone."""
        call, self._gone = self._gone, None
        if call is not None and not self.response_complete:
            call()

    async def _failed(self) -> None:
        if self.response_started or self.disconnected:
            self._hang_up()
            return
        await self.send_500_response()

    async def send(self, message: Any) -> None:
        """Take an ASGI message."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        kind = message["type"]
        if not self.response_started:
            if kind != "http.response.start":
                raise RuntimeError(f"expected http.response.start, got {kind}")
            self._start(message)
        elif kind == "http.response.body" and not self.response_complete:
            self._body(message.get("body", b""), message.get("more_body", False))
        else:
            raise RuntimeError(f"unexpected {kind}")

    def _start(self, message: Any) -> None:
        self.response_started = True
        self.waiting_for_100_continue = False
        status: int = message["status"]
        head = [STATUS_LINE[status]]
        closes = False
        for name, value in (*self.default_headers, *message.get("headers", ())):
            if name == b"content-length":
                self.expected_content_length = int(value)
                self.chunked_encoding = False
                head.append(b"content-length: %d\r\n" % self.expected_content_length)
                continue
            if name == b"connection" and value.lower() == b"close":
                self.keep_alive, closes = False, True
            head.append(header_line(name, value))
        if not self.keep_alive and not closes:
            head.append(b"connection: close\r\n")
        is_bare = self.scope["method"] == "HEAD" or status in _NO_BODY
        if self.chunked_encoding is None and not is_bare:
            self.chunked_encoding = True
            head.append(b"transfer-encoding: chunked\r\n")
        head.append(b"\r\n")
        self._head = head

    def _body(self, body: bytes, more: bool) -> None:
        out, self._head = self._head or [], None
        if self.scope["method"] == "HEAD":
            self.expected_content_length = 0
        elif self.chunked_encoding:
            if body:
                out += (b"%x\r\n" % len(body), body, b"\r\n")
            if not more:
                out.append(b"0\r\n\r\n")
        else:
            self.expected_content_length -= len(body)
            if self.expected_content_length < 0:
                raise RuntimeError("the answer is longer than its content-length")
            out.append(body)
        if out:
            self.transport.write(b"".join(out))
        if not more:
            self._complete()

    def _complete(self) -> None:
        if self.expected_content_length:
            raise RuntimeError("the answer is shorter than its content-length")
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self._hang_up()
        self.on_response()
