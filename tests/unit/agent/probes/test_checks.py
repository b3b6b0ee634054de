"""Checks against real listeners on loopback; commands against the runtime in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.unit.agent.conftest import Node, pod

from busbar.agent.probes.checks import Answer, Checker
from busbar.agent.probes.spec import Exec, HttpGet, Kind, Probe, TcpSocket

HERE = "127.0.0.1"


@asynccontextmanager
async def answering(reply: bytes | None) -> AsyncIterator[tuple[int, list[str]]]:
    """Listen; answer each request with this, or never."""
    heard: list[str] = []
    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append((await reader.readuntil(b"\r\n\r\n")).decode())
        if reply is None:
            await closed.wait()
        else:
            writer.write(reply)
        writer.close()

    server = await asyncio.start_server(serve, HERE, 0)
    try:
        yield server.sockets[0].getsockname()[1], heard
    finally:
        closed.set()
        server.close()


async def http(node: Node, port: int, **more: object) -> Answer:
    handler = HttpGet(port, **more)  # type: ignore[arg-type]
    return await Checker(node.runtime).ask(Probe(Kind.LIVENESS, handler), "", HERE)


@pytest.mark.parametrize(
    ("status", "success"), [(200, True), (204, True), (302, True), (400, False), (503, False)]
)
async def test_a_status_below_400_is_a_success(node: Node, status: int, success: bool) -> None:
    reply = f"HTTP/1.1 {status} X\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n"
    async with answering(reply.encode()) as (port, heard):
        found = await http(node, port, path="/live?x=1", headers=(("Host", "x.example"),))
    assert found.success is success
    assert success or str(status) in found.message
    assert heard[0].startswith("GET /live?x=1 HTTP/1.1\r\n")
    assert "Host: x.example\r\n" in heard[0]
    assert "User-Agent: kube-probe" in heard[0]
    assert len(heard) == 1  # A redirect leads away from the Pod: not followed.


async def test_nonsense_is_a_failure(node: Node) -> None:
    async with answering(b"nonsense\r\n\r\n") as (port, _):
        assert not (await http(node, port)).success


async def test_a_header_that_would_be_two_is_a_failure(node: Node) -> None:
    async with answering(b"HTTP/1.1 200 OK\r\n\r\n") as (port, heard):
        found = await http(node, port, headers=(("X", "a\r\nB: c"),))
    assert not found.success
    assert heard == []


async def test_silence_is_a_failure_after_the_timeout(node: Node) -> None:
    async with answering(None) as (port, _):
        probe = Probe(Kind.LIVENESS, HttpGet(port), timeout_seconds=0)
        found = await Checker(node.runtime).ask(probe, "", HERE)
    assert found == Answer(False, "no answer within 0 s")


async def test_a_listener_is_a_success_and_none_is_a_failure(node: Node) -> None:
    async def tcp(port: int) -> Answer:
        probe = Probe(Kind.LIVENESS, TcpSocket(port))
        return await Checker(node.runtime).ask(probe, "", HERE)

    async with answering(None) as (port, _):
        assert await tcp(port) == Answer(True)
    found = await tcp(port)
    assert not found.success
    assert found.message


@pytest.mark.parametrize(
    ("code", "success", "message"),
    [(0, True, ""), (3, False, "exit code 3"), (None, False, "did not end within 1 s")],
)
async def test_a_command_succeeds_with_0(
    node: Node, code: int | None, success: bool, message: str
) -> None:
    await node.run(pod())
    node.machine.answers["main"] = code
    probe = Probe(Kind.LIVENESS, Exec(("ask", "me")))
    found = await Checker(node.runtime).ask(probe, node.machine.started[0].id, HERE)
    assert found.success is success
    assert message in found.message
    assert node.machine.executed == [("main", ("ask", "me"))]


async def test_a_command_in_what_does_not_run_is_a_failure(node: Node) -> None:
    probe = Probe(Kind.LIVENESS, Exec(("x",)))
    found = await Checker(node.runtime).ask(probe, "nosuch", HERE)
    assert found == Answer(False, "the container does not run")
