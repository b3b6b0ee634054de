"""An app called without a network: requests signed by botocore, answers collected."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from busbar.apis.s3.app import S3App, create_app
from busbar.apis.s3.claims import instant_of
from busbar.apis.s3.memory import MemoryCredentials, MemoryDirectory
from busbar.apis.s3.ports import AccessKey, Bucket
from busbar.apis.s3.storage.store import Storage

HOST = "s3.test"
KEY = AccessKey("AKID", "secret", "xyz")
READER = AccessKey("READER", "secret", "xyz", read_only=True)
POD = AccessKey("POD", "secret", "xyz", buckets=frozenset({"b"}))


class Signer(S3SigV4Auth):
    """botocore's, but the payload's word may be given."""

    word: str | None = None

    def payload(self, request: Any) -> str:
        return self.word or str(super().payload(request))


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        return ElementTree.fromstring(self.body).findtext("Code") or ""


class Loop:
    """An event loop and an app in it, driven step by step."""

    def __init__(self, data: Path) -> None:
        self.loop = asyncio.new_event_loop()
        # Signers take the real time; the door's clock is whatever they signed with.
        self.now = 0
        self.directory = MemoryDirectory(lambda: self.now)
        self.app: S3App = create_app(
            credentials=MemoryCredentials([KEY, READER, POD]),
            directory=self.directory,
            clock=lambda: self.now,
            data=data,
            host_suffix=HOST,
        )
        self.run(self.app.start())

    def run(self, awaitable: Any) -> Any:
        return self.loop.run_until_complete(awaitable)

    def bucket(self) -> Bucket:
        found = self.run(self.directory.find("xyz", "b"))
        assert isinstance(found, Bucket)
        return found

    def close(self) -> None:
        self.run(self.app.stop())
        self.loop.close()

    def signed(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        key: AccessKey = KEY,
    ) -> dict[str, str]:
        """Give the headers of a request signed by botocore, and set the clock to their time."""
        request = AWSRequest(method, f"http://{HOST}{path}", headers or {}, body)
        signer = Signer(Credentials(key.id, key.secret), "s3", "us-east-1")
        signer.word = (headers or {}).get("x-amz-content-sha256")
        signer.add_auth(request)
        sent = {name.lower(): str(value) for name, value in request.headers.items()}
        self.now = instant_of(sent["x-amz-date"])
        return {"host": HOST, "content-length": str(len(body)), **sent}

    def send(self, method: str, path: str, headers: dict[str, str], *pieces: bytes) -> Answer:
        """Call the app with these exact headers and body pieces."""
        raw_path, _, query = path.partition("?")
        scope = {
            "type": "http",
            "method": method,
            "raw_path": raw_path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        last = len(pieces) - 1
        inbox: Iterator[dict[str, Any]] = iter(
            [
                {"type": "http.request", "body": piece, "more_body": number < last}
                for number, piece in enumerate(pieces)
            ]
            or [{"type": "http.request", "body": b"", "more_body": False}]
        )
        gone = itertools.repeat({"type": "http.disconnect"})
        stream = itertools.chain(inbox, gone)
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return next(stream)

        async def respond(message: dict[str, Any]) -> None:
            sent.append(message)

        self.run(self.app(scope, receive, respond))  # type: ignore[arg-type]
        if not sent:
            return Answer(0, {}, b"")
        answered = {name.decode(): value.decode("latin-1") for name, value in sent[0]["headers"]}
        return Answer(
            sent[0]["status"], answered, b"".join(item.get("body", b"") for item in sent[1:])
        )

    def call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        key: str = KEY.id,
    ) -> Answer:
        """Sign and send."""
        signer = {known.id: known for known in (KEY, READER, POD)}[key]
        return self.send(method, path, self.signed(method, path, body, headers, signer), body)


@pytest.fixture(scope="session")
def shared_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    loop = Loop(tmp_path_factory.mktemp("door"))
    yield loop
    loop.close()


@pytest.fixture
def door(shared_door: Loop) -> Loop:
    """A door with one empty bucket, b, in the namespace xyz."""
    for bucket in shared_door.run(shared_door.directory.list("xyz")):
        shared_door.run(shared_door.directory.delete("xyz", bucket))
    shared_door.run(shared_door.directory.create("xyz", "b"))
    return shared_door


class Opened(NamedTuple):
    run: Callable[[Any], Any]
    storage: Storage


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """A storage in an event loop of its own."""
    loop = asyncio.new_event_loop()
    storage = Storage(tmp_path / "data", lambda: 1_000)
    yield Opened(loop.run_until_complete, storage)
    loop.run_until_complete(storage.close())
    loop.close()
