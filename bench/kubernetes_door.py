"""Durable object creates a second, and how late a watcher hears of them, through the real door.

The door runs as in production (uvicorn, httptools, uvloop, TLS, SQLite with synchronous=FULL) in
a process of its own; this process makes the load over keep-alive connections with client
certificates, and watches. Peer, in the same run on the same disk: SQLite alone, committing each
object by itself.

    python bench/kubernetes_door.py [--seconds N] [--connections N] [-o json]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import orjson
import uvloop
from bench.report import Row, as_json, as_table, at_least, at_most

from busbar.apis.kubernetes.app import create_app
from busbar.apis.kubernetes.bootstrap import ensure_namespaces
from busbar.server import clock, pki
from busbar.server.collector import calm_collector
from busbar.server.http import HttpServer, listen, server_context
from busbar.store.sqlite.engine import SqliteStore

CREATES_GOAL = 4_000
LAG_GOAL_MS = 50
PATH = "/api/v1/namespaces/default/configmaps"


class Files(NamedTuple):
    """Where the certificates are."""

    authority: Path
    certificate: Path
    key: Path


async def _serve(directory: Path, port_file: Path) -> None:
    """Run the door until killed."""
    store = SqliteStore.open(directory / "store")
    app = create_app(store, clock=clock.now, new_uid=clock.new_uid)
    calm_collector()
    await ensure_namespaces(store, clock.now, clock.new_uid)
    authority = pki.open_authority(directory / "pki", clock.now())
    certificate, key = pki.server_certificate(
        directory / "pki", authority, ["127.0.0.1"], clock.now()
    )
    tls = server_context(str(certificate), str(key), str(directory / "pki" / "ca.pem"))
    port = await HttpServer(app, tls).start(listen("127.0.0.1", 0))
    port_file.write_text(str(port))
    await asyncio.Event().wait()


class Connection(asyncio.Protocol):
    """One keep-alive connection that posts one object after the other."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._buffer = b""
        self._transport: Any = None
        self._sent_at = 0.0
        self._name = ""

    def connection_made(self, transport: Any) -> None:
        """Start."""
        self._transport = transport
        self._next()

    def _next(self) -> None:
        made = self._load.request()
        if made is None:
            self._transport.close()
            self._load.one_done()
            return
        self._name, data = made
        self._sent_at = time.perf_counter()
        self._transport.write(data)

    def data_received(self, data: bytes) -> None:
        """Take an answer, and go on."""
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        if len(rest) < length:
            return
        self._buffer = b""
        if not head.startswith(b"HTTP/1.1 201"):
            raise SystemExit(f"refused: {rest[:300]!r}")
        self._load.answered(self._name, self._sent_at, time.perf_counter())
        self._next()


class Load:
    """What all connections share: how long, and what was measured."""

    def __init__(self, seconds: float, connections: int) -> None:
        self.until = time.perf_counter() + seconds
        self.latencies: list[float] = []
        self.answered_at: dict[str, float] = {}
        self.done = asyncio.Event()
        self._open = connections
        self._count = 0

    def request(self) -> tuple[str, bytes] | None:
        """Give the next request, None when time is up."""
        if time.perf_counter() > self.until:
            return None
        self._count += 1
        name = f"load-{self._count}"
        body = orjson.dumps(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": name, "labels": {"app": "load"}},
                "data": {"key": "value", "other": "x" * 64},
            }
        )
        head = (
            f"POST {PATH} HTTP/1.1\r\nhost: busbar\r\ncontent-type: application/json\r\n"
            "accept: application/json\r\nuser-agent: bench/1\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        return name, head.encode() + body

    def answered(self, name: str, sent: float, at: float) -> None:
        """Note an acknowledged create."""
        self.latencies.append(at - sent)
        self.answered_at[name] = at

    def one_done(self) -> None:
        """Count a connection that has finished."""
        self._open -= 1
        if not self._open:
            self.done.set()


async def _watch(port: int, tls: ssl.SSLContext, heard: dict[str, float]) -> None:
    """Note when each object is heard of."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls, limit=2**24)
    writer.write(f"GET {PATH}?watch=1&resourceVersion=1 HTTP/1.1\r\nhost: busbar\r\n\r\n".encode())
    marker = b'"name":"'
    while line := await reader.readline():
        at = time.perf_counter()
        if line.startswith(b"{"):
            name = line.partition(marker)[2].partition(b'"')[0].decode()
            heard[name] = at


async def _measure(port: int, files: Files, seconds: float, connections: int) -> list[Row]:
    tls = ssl.create_default_context(cafile=str(files.authority))
    tls.load_cert_chain(str(files.certificate), str(files.key))
    heard: dict[str, float] = {}
    watcher = asyncio.create_task(_watch(port, tls, heard))
    await asyncio.sleep(0.3)
    load = Load(seconds, connections)
    loop = asyncio.get_running_loop()
    begin = time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: Connection(load), "127.0.0.1", port, ssl=tls)
    await load.done.wait()
    elapsed = time.perf_counter() - begin
    await asyncio.sleep(0.5)
    watcher.cancel()
    missing = [name for name in load.answered_at if name not in heard]
    if missing:
        raise SystemExit(f"{len(missing)} objects were never heard of by the watcher")
    lags = [max(0.0, heard[name] - at) * 1000 for name, at in load.answered_at.items()]
    rate = len(load.latencies) / elapsed
    lag = _p99(lags)
    latency = _p99([one * 1000 for one in load.latencies])
    return [
        at_least("creates", rate, "1/s", CREATES_GOAL),
        at_most("watch lag p99", lag, "ms", LAG_GOAL_MS),
        at_most("create p99", latency, "ms", LAG_GOAL_MS),
    ]


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


def _sqlite_alone(directory: Path, seconds: float = 1.0) -> float:
    """Commit objects one by one to SQLite, durably; gives how many a second."""
    connection = sqlite3.connect(directory / "peer.db", isolation_level=None)
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")
    connection.execute("create table objects(name text primary key, body blob)")
    body, count, begin = b"x" * 400, 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        connection.execute("insert into objects values(?, ?)", (f"o{count}", body))
        count += 1
    connection.close()
    return count / (time.perf_counter() - begin)


def run(seconds: float = 5.0, connections: int = 48) -> list[Row]:
    """Measure; gives the rows of the table."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        port_file = directory / "port"
        authority = pki.open_authority(directory / "pki", clock.now())
        issued = authority.issue_client("admin", ("system:masters",), clock.now())
        files = Files(directory / "pki" / "ca.pem", directory / "c.pem", directory / "c.key")
        files.certificate.write_bytes(issued.certificate)
        files.key.write_bytes(issued.key)
        command = [sys.executable, __file__, "--serve", name]
        server = subprocess.Popen(command, env={**os.environ})
        try:
            while not port_file.exists():
                if server.poll() is not None:
                    raise SystemExit("the door did not start")
                time.sleep(0.05)
            rows = uvloop.run(_measure(int(port_file.read_text()), files, seconds, connections))
        finally:
            server.terminate()
            server.wait()
        peer = round(_sqlite_alone(directory))
    return [
        row._replace(peer="SQLite, one commit each", peer_value=peer)
        if row.name == "creates"
        else row
        for row in rows
    ]


def rows() -> list[Row]:
    """Give the rows of the table, for `bench/run`."""
    return run()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, default=48)
    parser.add_argument("-o", choices=("table", "json"), default="table")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        uvloop.run(_serve(Path(args.serve), Path(args.serve) / "port"))
        return
    found = run(args.seconds, args.connections)
    print(as_json(found) if args.o == "json" else as_table(found))


if __name__ == "__main__":
    main()
