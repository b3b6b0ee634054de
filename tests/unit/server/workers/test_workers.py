"""Real workers before a small application: what a client sees is what it sees without them."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from busbar.server import pki
from busbar.server.addresses import CannotStart
from busbar.server.http import listen
from busbar.server.workers import pool as pools
from busbar.server.workers.pool import TlsFiles, WorkerPool

LIMIT_SECONDS = 60


class House:
    """An authority, a server's certificate, and an application that tells what it saw."""

    def __init__(self, directory: Path) -> None:
        self.now = time.time_ns() // 1_000_000
        self.pki = directory / "pki"
        self.authority = pki.open_authority(self.pki, self.now)
        certificate, key = pki.server_certificate(self.pki, self.authority, ["127.0.0.1"], self.now)
        self.files = TlsFiles(certificate, key, self.pki / "ca.pem")
        self.gone = asyncio.Event()
        self.wanted = asyncio.Event()
        self.sent = 0
        self.got = 0

    def client(self, user: str = "") -> ssl.SSLContext:
        tls = ssl.create_default_context(cafile=str(self.files.authority))
        if user:
            issued = self.authority.issue_client(user, ("g",), self.now)
            pair = self.pki / "client.pem"
            pair.write_bytes(issued.certificate + issued.key)
            tls.load_cert_chain(str(pair))
        return tls

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        await getattr(self, scope["path"].strip("/"))(scope, receive, send)

    async def echo(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = scope["whole_body"](), False
        if body is None:
            body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        named = scope["extensions"]["tls"]["client_cert_der"] is not None
        said = f"{scope['method']} {scope['query_string'].decode()} {named} ".encode()
        headers = [(b"x-said", dict(scope["headers"]).get(b"x-say", b""))]
        await send({"type": "http.response.start", "status": 207, "headers": headers})
        await send({"type": "http.response.body", "body": said + body})

    async def refuse(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer before the body has come, having asked for it."""
        asking = asyncio.create_task(receive())
        await asyncio.wait([asking], timeout=0)
        await send({"type": "http.response.start", "status": 413, "headers": []})
        await send({"type": "http.response.body", "body": b"too much"})
        asking.cancel()

    async def count(self, scope: Any, receive: Any, send: Any) -> None:
        """Read without keeping, in pieces."""
        more = True
        while more:
            message = await receive()
            self.got, more = self.got + len(message["body"]), message["more_body"]
            self.wanted.set()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(self.got).encode()})

    async def stream(self, scope: Any, receive: Any, send: Any) -> None:
        """Send for ever, until the client is gone."""
        assert not (await receive())["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        watching = asyncio.create_task(receive())
        while not watching.done():
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
            self.sent += 65_536
            await asyncio.sleep(0)
        assert watching.result() == {"type": "http.disconnect"}
        self.gone.set()

    async def wait(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer nothing before the client is gone."""
        self.wanted.set()
        assert await receive() == {"type": "http.request", "body": b"", "more_body": False}
        assert await receive() == {"type": "http.disconnect"}
        self.gone.set()

    async def fail(self, scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("a bug")

    async def half(self, scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"100")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})

    async def pid(self, scope: Any, receive: Any, send: Any) -> None:
        """Say who serves: the client's end of it is the worker's business alone."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(os.getpid()).encode()})


Story = Callable[["House", WorkerPool, str], Awaitable[None]]


@asynccontextmanager
async def opened(house: House, count: int = 1) -> AsyncIterator[tuple[WorkerPool, str]]:
    pool = WorkerPool(house.app, count, house.files)
    with listen("127.0.0.1", 0) as listener:
        port = await pool.start(listener)
        try:
            yield pool, f"https://127.0.0.1:{port}"
        finally:
            await pool.stop()


def session(house: House, user: str = "") -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=house.client(user)))


async def asked_for_ever(
    client: aiohttp.ClientSession, house: House, url: str
) -> asyncio.Task[aiohttp.ClientResponse]:
    """Ask for what is not answered, and wait until the application has heard it."""
    # No GET: that the client itself would try again.
    asking = asyncio.create_task(_posted(client, f"{url}/wait"))
    await house.wanted.wait()
    return asking


async def _posted(client: aiohttp.ClientSession, url: str) -> aiohttp.ClientResponse:
    return await client.post(url)


def run(story: Story, directory: Path, count: int = 1) -> None:
    async def whole() -> None:
        house = House(directory)
        async with asyncio.timeout(LIMIT_SECONDS), opened(house, count) as (pool, url):
            await story(house, pool, url)

    asyncio.run(whole())


def test_requests_and_answers_go_through_as_they_are(tmp_path: Path) -> None:
    async def story(house: House, pool: WorkerPool, url: str) -> None:
        async with session(house, "jane") as client:
            for size in (0, 10, 3_000_000):
                sent = {"data": b"b" * size, "headers": {"X-Say": "hello"}}
                async with client.post(f"{url}/echo?a=1&b=%20", **sent) as got:
                    assert (got.status, got.headers["x-said"]) == (207, "hello")
                    assert await got.read() == b"POST a=1&b=%20 True " + b"b" * size
            many = await asyncio.gather(*(client.get(f"{url}/echo?{n}") for n in range(50)))
            assert [await got.text() for got in many] == [f"GET {n} True " for n in range(50)]
        async with session(house) as client, client.get(f"{url}/echo") as got:
            assert await got.text() == "GET  False ", "without a client certificate"
        async with session(house) as client, client.head(f"{url}/echo") as got:
            assert (got.status, await got.read()) == (207, b"")

    run(story, tmp_path, count=2)


def test_a_body_is_read_no_faster_than_it_is_asked_for(tmp_path: Path) -> None:
    async def story(house: House, pool: WorkerPool, url: str) -> None:
        async def body() -> AsyncIterator[bytes]:
            for number in range(40):
                yield b"p" * 50_000
                if number == 0:
                    await house.wanted.wait()  # what came is with the application already

        async with session(house) as client, client.post(f"{url}/count", data=body()) as got:
            assert await got.text() == "2000000"

    run(story, tmp_path)


def test_an_answer_may_come_before_the_body_that_was_asked_for(tmp_path: Path) -> None:
    async def story(house: House, pool: WorkerPool, url: str) -> None:
        answered = asyncio.Event()

        async def body() -> AsyncIterator[bytes]:
            yield b"some"
            await answered.wait()

        async with session(house) as client, client.post(f"{url}/refuse", data=body()) as got:
            answered.set()
            assert (got.status, await got.text()) == (413, "too much")

    run(story, tmp_path)


def test_who_leaves_in_the_midst_of_an_answer_is_noticed(tmp_path: Path) -> None:
    async def story(house: House, pool: WorkerPool, url: str) -> None:
        async with session(house) as client:
            got = await client.get(f"{url}/stream")
            for _ in range(40):
                assert await got.content.readexactly(1_000_000) == b"x" * 1_000_000
            got.close()
            await house.gone.wait()
        assert house.sent < 80_000_000, "what was read, and buffers"

    run(story, tmp_path)


def test_who_leaves_before_the_answer_is_noticed_too(tmp_path: Path) -> None:
    async def story(house: House, pool: WorkerPool, url: str) -> None:
        async with session(house) as client:
            asking = await asked_for_ever(client, house, url)
            asking.cancel()
            await house.gone.wait()

    run(story, tmp_path)


def test_a_bug_is_a_500_and_half_an_answer_is_seen_to_be_half(tmp_path: Path) -> None:
    async def story(house: House, pool: WorkerPool, url: str) -> None:
        async with session(house) as client:
            async with client.get(f"{url}/fail") as got:
                assert (got.status, await got.text()) == (500, "Internal Server Error")
            with pytest.raises(aiohttp.ClientPayloadError):
                async with client.get(f"{url}/half") as got:
                    await got.read()

    run(story, tmp_path)


def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    async def story(house: House, pool: WorkerPool, url: str) -> None:
        async with session(house) as client:
            asking = await asked_for_ever(client, house, url)
            (worker,) = pool.pids
            os.kill(worker, signal.SIGKILL)
            with pytest.raises(aiohttp.ClientError):
                await asking
            await house.gone.wait()
            # The listening socket stays: who comes meanwhile waits for the next worker.
            async with client.get(f"{url}/pid") as got:
                assert await got.text() == str(os.getpid()), "the application is still here"
            assert set(pool.pids) != {worker}

    run(story, tmp_path)


def test_where_none_comes_up_the_control_plane_says_so_and_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "START_SECONDS", 0)

    async def story() -> None:
        house = House(tmp_path)
        workers = WorkerPool(house.app, 1, house.files)
        with listen("127.0.0.1", 0) as listener:
            with pytest.raises(CannotStart, match="no HTTP worker listens"):
                await workers.start(listener)
        assert not workers.pids

    asyncio.run(story())


def test_a_renewed_certificate_is_what_new_connections_get(tmp_path: Path) -> None:
    async def story(house: House, pool: WorkerPool, url: str) -> None:
        port = int(url.rpartition(":")[2])

        async def serial() -> Any:
            _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=house.client())
            shown = writer.get_extra_info("peercert")["serialNumber"]
            writer.close()
            return shown

        before = await serial()
        names = ["127.0.0.1", "other"]
        pki.server_certificate(house.pki, house.authority, names, house.now)
        assert await serial() == before
        pool.renew()
        while await serial() == before:
            pass

    run(story, tmp_path)


def test_they_end_with_the_control_plane(tmp_path: Path) -> None:
    """However it ended, its end of the channel is closed then."""

    async def story(house: House, pool: WorkerPool, url: str) -> None:
        async with session(house) as client:
            asking = await asked_for_ever(client, house, url)
            (worker,) = pool.pids
            pool.hang_up()
            with pytest.raises(aiohttp.ClientError):
                await asking
        while Path(f"/proc/{worker}").exists():
            await asyncio.sleep(0)

    run(story, tmp_path)
