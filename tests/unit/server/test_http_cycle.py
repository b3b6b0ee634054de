"""How answers are written to a connection, over a transport that remembers."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from uvicorn.protocols.http.flow_control import FlowControl

from busbar.server import http_cycle
from busbar.server.http_cycle import Cycle, header_line


class Transport:
    """Remembers what was written."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False
        self.aborted = asyncio.Event()

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted.set()

    def is_closing(self) -> bool:
        return self.closed


def cycle(transport: Transport, method: str = "GET", keep_alive: bool = True) -> Cycle:
    return Cycle(
        scope={"method": method},  # type: ignore[typeddict-item]
        transport=transport,  # type: ignore[arg-type]
        flow=FlowControl(transport),  # type: ignore[arg-type]
        logger=logging.getLogger("test"),
        access_logger=logging.getLogger("test"),
        access_log=False,
        default_headers=[(b"date", b"today")],
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=keep_alive,
        on_response=lambda: None,
    )


def start(status: int = 200, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(data: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def run(transport: Transport, *messages: dict[str, Any], **options: Any) -> Cycle:
    async def app() -> Cycle:
        made = cycle(transport, **options)
        for message in messages:
            await made.send(message)
        return made

    return asyncio.run(app())


def test_a_whole_answer_is_one_write() -> None:
    transport = Transport()
    made = run(transport, start(201, (b"content-length", b"2")), body(b"ok"))
    assert transport.writes == [
        b"HTTP/1.1 201 Created\r\ndate: today\r\ncontent-length: 2\r\n\r\nok"
    ]
    assert made.response_complete
    assert not transport.closed


def test_an_answer_without_length_comes_in_chunks() -> None:
    transport = Transport()
    run(transport, start(), body(b"", more=True), body(b"abc", more=True), body(b""))
    assert transport.writes[0].endswith(b"transfer-encoding: chunked\r\n\r\n")
    assert transport.writes[1:] == [b"3\r\nabc\r\n", b"0\r\n\r\n"]


def test_head_has_the_head_alone() -> None:
    transport = Transport()
    run(transport, start(200, (b"content-length", b"5")), body(b"hello"), method="HEAD")
    assert transport.writes[0].endswith(b"content-length: 5\r\n\r\n")


def test_a_connection_that_is_not_kept_is_closed() -> None:
    transport = Transport()
    run(transport, start(200, (b"content-length", b"0")), body(b""), keep_alive=False)
    assert b"connection: close\r\n" in transport.writes[0]
    assert transport.closed


def test_who_sends_on_after_the_answer_is_not_listened_to_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_cycle, "LINGER_SECONDS", 0)

    async def story() -> None:
        for more, transport in ((True, Transport()), (False, Transport())):
            made = cycle(transport, keep_alive=False)
            made.more_body = more
            await made.send(start(413, (b"content-length", b"0")))
            await made.send(body(b""))
            assert transport.closed
            assert not transport.aborted.is_set(), "the answer is sent first"
            if more:
                await transport.aborted.wait()

    asyncio.run(story())


def test_who_was_gone_before_anybody_asked_is_gone() -> None:
    told: list[str] = []
    early, late, never = cycle(Transport()), cycle(Transport()), cycle(Transport())
    early.disconnected = True
    early.on_gone(lambda: told.append("early"))
    late.on_gone(lambda: told.append("late"))
    late.is_gone()
    late.is_gone()
    never.on_gone(lambda: told.append("never"))
    never.response_complete = True
    never.is_gone()
    assert told == ["early", "late"]


def test_an_answer_that_asks_to_close_says_so_once() -> None:
    transport = Transport()
    headers = ((b"connection", b"close"), (b"content-length", b"0"))
    run(transport, start(413, *headers), body(b""))
    assert transport.writes[0].count(b"connection: close") == 1
    assert transport.closed


@pytest.mark.parametrize("data", [b"a", b"abc"])
def test_a_body_of_another_length_than_said_is_a_bug(data: bytes) -> None:
    with pytest.raises(RuntimeError, match="than its content-length"):
        run(Transport(), start(200, (b"content-length", b"2")), body(data))


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\x00"])
def test_a_header_cannot_end_early(value: bytes) -> None:
    with pytest.raises(RuntimeError):
        header_line(b"warning", value)


def test_an_application_that_fails_answers_500_and_is_let_go() -> None:
    transport = Transport()

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError

    async def serve() -> None:
        await cycle(transport).run_asgi(broken)

    asyncio.run(serve())
    assert transport.writes[0].startswith(b"HTTP/1.1 500")
    assert b"ZeroDivision" not in transport.writes[0]


def test_an_answer_that_stops_in_the_midst_breaks_the_connection() -> None:
    transport = Transport()

    async def half(scope: Any, receive: Any, send: Any) -> None:
        await send(start())
        await send(body(b"half", more=True))

    async def serve() -> None:
        await cycle(transport).run_asgi(half)

    asyncio.run(serve())
    assert transport.closed


def test_a_whole_body_is_given_at_once_and_only_once():
    made = cycle(Transport())
    made.body += b"all of it"
    made.more_body = False
    assert made.whole_body() == b"all of it"
    assert made.whole_body() == b""


def test_a_body_of_which_more_is_to_come_is_waited_for():
    made = cycle(Transport())
    made.body += b"some"
    made.more_body = True
    assert made.whole_body() is None
    assert bytes(made.body) == b"some"


def test_a_body_that_waits_for_100_continue_is_asked_for_first():
    made = cycle(Transport())
    made.waiting_for_100_continue, made.more_body = True, False
    assert made.whole_body() is None
