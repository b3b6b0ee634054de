"""Who does not read is not sent more, and what was not asked for is not read: both halves."""

from __future__ import annotations

import asyncio
from typing import Any

from busbar.server.workers.answering import Answering
from busbar.server.workers.forward import HIGH_BYTES, Forward
from busbar.server.workers.wire import (
    ANSWER,
    ASK,
    DRAINED,
    FULL,
    GONE,
    PART,
    PIECE,
    REQUEST,
    START,
)

PARTS = ("GET", "/x", b"/x", b"", [], "1.1", None, None, None)
SCOPE = {
    "method": "GET",
    "path": "/x",
    "raw_path": b"/x",
    "query_string": b"",
    "headers": [],
    "http_version": "1.1",
    "client": None,
    "server": None,
    "extensions": {"tls": {"client_cert_der": None}},
}


class Sent:
    """The other end: remembers what was sent."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.is_full = False

    def send(self, message: Any) -> None:
        self.messages.append(message)

    def kinds(self) -> list[int]:
        return [message[0] for message in self.messages]


async def turns() -> None:
    """Let everybody do what can be done now."""
    for _ in range(20):
        await asyncio.sleep(0)


def test_the_application_waits_while_its_client_does_not_read() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        for number in range(4):
            part = {"type": "http.response.body", "body": bytes([number]), "more_body": number < 3}
            await send(part)

    async def story() -> None:
        answering, channel = Answering(app), Sent()
        answering.channel = channel  # type: ignore[assignment]
        answering.take((REQUEST, 1, PARTS, b""))
        answering.take((FULL, 1))
        await turns()
        assert channel.kinds() == [START, PART], "one part was on its way"
        answering.take((DRAINED, 1))
        await turns()
        assert channel.kinds() == [START, *[PART] * 4]

    asyncio.run(story())


def test_a_long_answer_goes_in_parts_at_the_pace_of_its_client() -> None:
    whole = bytes(range(256)) * 4096

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": whole})

    async def story() -> None:
        answering, channel = Answering(app), Sent()
        answering.channel = channel  # type: ignore[assignment]
        answering.take((REQUEST, 1, PARTS, b""))
        answering.take((FULL, 1))
        await turns()
        assert channel.kinds() == [START, PART]
        answering.take((DRAINED, 1))
        await turns()
        parts = channel.messages[1:]
        assert [part[3] for part in parts] == [True, True, True, False]
        assert b"".join(part[2] for part in parts) == whole

    asyncio.run(story())


def test_an_application_that_waits_for_a_slow_client_hears_that_it_is_gone() -> None:
    ended = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        assert await receive() == {"type": "http.disconnect"}
        ended.set()

    async def story() -> None:
        answering = Answering(app)
        answering.channel = Sent()  # type: ignore[assignment]
        answering.take((REQUEST, 1, PARTS, b""))
        answering.take((FULL, 1))
        await turns()
        answering.take((GONE, 1))
        await turns()
        assert ended.is_set()

    asyncio.run(story())


def test_a_worker_says_when_its_client_does_not_read_and_when_it_does_again() -> None:
    async def story() -> None:
        forward, channel, room = Forward(), Sent(), asyncio.Event()
        forward.channel = channel  # type: ignore[assignment]
        given: list[Any] = []

        async def send(message: Any) -> None:
            await room.wait()
            given.append(message)

        scope = {**SCOPE, "whole_body": lambda: b"", "on_gone": lambda call: None}
        serving = asyncio.create_task(forward(scope, None, send))  # type: ignore[arg-type]
        await turns()
        number = channel.messages[0][1]
        forward.take((START, number, 200, []))
        for _ in range(3):
            forward.take((PART, number, b"y" * (HIGH_BYTES // 2), True))
        await turns()
        assert channel.kinds() == [REQUEST, FULL]
        room.set()
        await turns()
        assert channel.kinds() == [REQUEST, FULL, DRAINED]
        forward.take((PART, number, b"", False))
        await serving
        assert len(given) == 5

    asyncio.run(story())


def test_a_body_is_read_piece_by_piece_as_it_is_asked_for() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        pieces = [await receive(), await receive()]
        assert [piece["more_body"] for piece in pieces] == [True, False]
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"".join(p["body"] for p in pieces)})

    async def story() -> None:
        answering, channel = Answering(app), Sent()
        answering.channel = channel  # type: ignore[assignment]
        answering.take((REQUEST, 1, PARTS, None))
        await turns()
        assert channel.kinds() == [ASK]
        answering.take((PIECE, 1, b"a", True))
        await turns()
        assert channel.kinds() == [ASK, ASK]
        answering.take((PIECE, 1, b"b", False))
        await turns()
        assert channel.messages[2:] == [(ANSWER, 1, 200, [], b"ab")]

    asyncio.run(story())
