"""A door over the memory store, with clients that speak ASGI to it; no socket, no real clock."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Coroutine, Iterator
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

import pytest

from busbar.advice.board import Board
from busbar.apis.kubernetes.app import KubernetesApp, create_app
from busbar.apis.kubernetes.bootstrap import ensure_namespaces
from busbar.apis.kubernetes.ports import Identity
from busbar.apis.kubernetes.settings import Settings
from busbar.model.objects import Key, Object
from busbar.model.time import parse_instant
from busbar.store.contract import Committed, Put, Transaction
from busbar.store.memory import MemoryStore

T = TypeVar("T")
WAIT_SECONDS = 5
"""Longer than anything here takes; only a test that fails waits so long."""

IDENTITIES = {
    "operator": Identity("admin", ("system:masters",)),
    "alice": Identity("alice", ("busbar:namespace:alpha",)),
    "bob": Identity("bob", ("busbar:namespace:beta",)),
    "elastx": Identity("vendor:elastx", ("busbar:vendors",)),
    "safespring": Identity("vendor:safespring", ("busbar:vendors",)),
    "n1": Identity("system:node:n1", ("system:nodes",)),
    "n2": Identity("system:node:n2", ("system:nodes",)),
    "stranger": Identity("stranger", ()),
}


class Reply(NamedTuple):
    """An answer."""

    status: int
    body: bytes
    headers: dict[str, str]
    warnings: tuple[str, ...]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """One request: what is sent to the door and what came back so far."""

    def __init__(self, body: bytes) -> None:
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.inbox.put_nowait({"type": "http.request", "body": body, "more_body": False})
        self.outbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.takes = asyncio.Event()
        self.takes.set()

    async def receive(self) -> dict[str, Any]:
        return await self.inbox.get()

    async def send(self, message: dict[str, Any]) -> None:
        await self.takes.wait()
        self.outbox.put_nowait(message)

    def hang_up(self) -> None:
        self.inbox.put_nowait({"type": "http.disconnect"})


class Stream:
    """An answer that goes on: a watch, a log."""

    def __init__(self, cloud: Cloud, connection: Connection, task: asyncio.Task[None]) -> None:
        self._cloud = cloud
        self.connection = connection
        self.task = task
        self._buffer = b""
        self.ended = False
        start = cloud.run(self._message())
        self.status: int = start["status"]

    async def _message(self) -> dict[str, Any]:
        return await asyncio.wait_for(self.connection.outbox.get(), WAIT_SECONDS)

    def read(self) -> bytes:
        """Give the next piece; b"" at the end."""
        if self.ended:
            return b""
        message = self._cloud.run(self._message())
        self.ended = not message.get("more_body")
        return message.get("body", b"")

    def line(self) -> Any:
        """Give the next line as JSON; None at the end."""
        while b"\n" not in self._buffer:
            piece = self.read()
            if not piece and self.ended:
                return None
            self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)

    def event(self) -> tuple[str, str]:
        """Give the next event as (type, name)."""
        event = self.line()
        return event["type"], event["object"]["metadata"].get("name", "")

    def hang_up(self) -> None:
        self.connection.hang_up()
        self._cloud.run(asyncio.wait({self.task}, timeout=WAIT_SECONDS))


class Client:
    """Somebody who calls the door."""

    def __init__(self, cloud: Cloud, who: str) -> None:
        self._cloud = cloud
        self._who = who

    def _scope(
        self, method: str, path: str, query: dict[str, Any], headers: dict[str, str]
    ) -> dict[str, Any]:
        if self._who:
            headers = {"authorization": f"Bearer {self._who}", **headers}
        return {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": urlencode(query).encode(),
            "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        }

    def open(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        **query: Any,
    ) -> tuple[Connection, asyncio.Task[None]]:
        connection = Connection(body)
        scope = self._scope(method, path, query, headers or {})
        answer = self._cloud.app(scope, connection.receive, connection.send)
        return connection, self._cloud.loop.create_task(answer)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        **query: Any,
    ) -> Reply:
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        all_headers = {"content-type": "application/json", **(headers or {})}
        connection, task = self.open(method, path, raw, all_headers, **query)
        self._cloud.run(asyncio.wait_for(task, WAIT_SECONDS))
        start = connection.outbox.get_nowait()
        content = b""
        while not connection.outbox.empty():
            content += connection.outbox.get_nowait()["body"]
        pairs = [(k.decode(), v.decode()) for k, v in start["headers"]]
        warnings = tuple(value for name, value in pairs if name == "warning")
        return Reply(start["status"], content, dict(pairs), warnings)

    def get(self, path: str, **query: Any) -> Reply:
        return self.request("GET", path, **query)

    def table(self, path: str, **query: Any) -> Reply:
        accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
        return self.request("GET", path, headers={"accept": accept}, **query)

    def post(self, path: str, body: Any, **query: Any) -> Reply:
        return self.request("POST", path, body, **query)

    def put(self, path: str, body: Any, **query: Any) -> Reply:
        return self.request("PUT", path, body, **query)

    def merge(self, path: str, body: Any, **query: Any) -> Reply:
        kind = {"content-type": "application/merge-patch+json"}
        return self.request("PATCH", path, body, headers=kind, **query)

    def delete(self, path: str, body: Any = None, **query: Any) -> Reply:
        return self.request("DELETE", path, body, **query)

    def watch(self, path: str, *, accept: str = "application/json", **query: Any) -> Stream:
        connection, task = self.open("GET", path, b"", {"accept": accept}, watch="1", **query)
        return Stream(self._cloud, connection, task)


class Cloud:
    """The door, its store, and a clock that only the test moves."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.loop = asyncio.new_event_loop()
        self.now = parse_instant("2026-11-22T12:00:00Z", "")
        self.store = MemoryStore()
        self.app: KubernetesApp = create_app(
            self.store,
            clock=lambda: self.now,
            new_uid=lambda: str(uuid.uuid4()),
            tokens=IDENTITIES.get,
            service_account_key=b"k" * 32,
            settings=settings,
            use=Board(),
        )
        self.run(ensure_namespaces(self.store, lambda: self.now, lambda: str(uuid.uuid4())))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def client(self, who: str = "operator") -> Client:
        return Client(self, who)

    def put(self, obj: Object, key: Key) -> Object:
        """Store an object as a controller would, past the door."""
        result = self.run(self.store.commit(Transaction((Put(key, obj),))))
        assert isinstance(result, Committed)
        return result.objects[0]

    def close(self) -> None:
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.run(asyncio.sleep(0))
        self.loop.close()


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    made = Cloud()
    for name in ("alpha", "beta"):
        reply = made.client().post(
            "/api/v1/namespaces",
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
        )
        assert reply.status == 201, reply.body
    yield made
    made.close()


@pytest.fixture
def operator(cloud: Cloud) -> Client:
    return cloud.client()


def config_map(name: str, **more: Any) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **more}
