"""The door as an ASGI application: authenticate, route, answer; every refusal is a document.

`create_app` takes all it needs. Lifespan events open and close the storage; a server that does
not send them calls `start` and `stop`. Next: `request.py`, then `routes.py`.
"""

from __future__ import annotations

import logging
import secrets
from contextlib import suppress
from itertools import count
from pathlib import Path

from busbar.apis.s3.errors import ClientGone, Code, S3Error
from busbar.apis.s3.gates import Gates
from busbar.apis.s3.operations.call import Call, Door
from busbar.apis.s3.ports import BucketDirectory, Clock, Credentials, Meter, NoMeter
from busbar.apis.s3.request import Message, Receive, Request, Scope, Send
from busbar.apis.s3.responses import Response, error_response, send_response
from busbar.apis.s3.routes import route
from busbar.apis.s3.sigv4 import authenticate
from busbar.apis.s3.storage.store import Storage

_log = logging.getLogger(__name__)

DRAIN_BYTES_MAX = 1024 * 1024
"""A refused body up to this size is read away; beyond it the connection is closed."""


class S3App:
    """The application. `storage` is there between `start` and `stop`."""

    def __init__(
        self,
        credentials: Credentials,
        directory: BucketDirectory,
        clock: Clock,
        data: Path,
        host_suffix: str,
        region: str,
        meter: Meter,
    ) -> None:
        self._credentials = credentials
        self._directory = directory
        self._clock = clock
        self._data = data
        self._host_suffix = host_suffix.lower()
        self._region = region
        self._meter = meter
        self._door: Door | None = None
        self._ids = (f"{secrets.token_hex(4)}{number:08x}".upper() for number in count(1))

    @property
    def storage(self) -> Storage:
        """The storage of a started door."""
        assert self._door is not None, "the door is not started"
        return self._door.storage

    async def start(self) -> None:
        """Open the storage, sweep what a crash left. Starting twice is fine."""
        if self._door is None:
            storage = Storage(self._data, self._clock)
            self._door = Door(storage, self._directory, self._clock, self._region, Gates())

    async def stop(self) -> None:
        """Finish writes under way and close the storage."""
        door, self._door = self._door, None
        if door is not None:
            await door.storage.close()

    async def purge_bucket(self, uid: str) -> None:
        """Forget the data of a bucket that was deleted elsewhere."""
        await self.storage.purge(uid)

    async def buckets_with_data(self) -> list[str]:
        """Give the uids of buckets that hold data, so that the server can purge deleted ones."""
        return await self.storage.buckets_with_data()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request or the lifespan."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = next(self._ids)
        inbox, outbox = _Inbox(receive), _Outbox(send)
        try:
            await self._served(scope, inbox, outbox, request_id)
        finally:
            if inbox.key_id and (outbox.sent or inbox.received):
                self._meter.moved(inbox.key_id, outbox.sent, inbox.received)

    async def _served(self, scope: Scope, inbox: _Inbox, outbox: _Outbox, request_id: str) -> None:
        try:
            response = await self._answer(scope, inbox, request_id)
        except ClientGone:
            return
        except S3Error as refusal:
            response = self._refused(scope, refusal, request_id)
        except Exception:
            # The one place where a bug becomes an answer; the log has the traceback.
            _log.exception("request %s failed", request_id)
            error = S3Error(Code.InternalError, "The server failed; its log has this request's id.")
            response = self._refused(scope, error, request_id)
        if not inbox.opened and _leaves_body(scope):
            response = response._replace(headers=[*response.headers, ("connection", "close")])
        with suppress(ClientGone):
            await send_response(outbox.send, response, request_id, scope["method"] == "HEAD")

    async def _answer(self, scope: Scope, inbox: _Inbox, request_id: str) -> Response:
        if self._door is None:
            raise S3Error(Code.SlowDown, "The door is starting or stopping; try again.")
        request = Request(scope, inbox.receive, self._host_suffix, request_id)
        identity = authenticate(request, self._credentials, self._clock())
        inbox.key_id = identity.key.id
        operation = route(request)
        if operation.writes and identity.key.read_only:
            raise S3Error(Code.AccessDenied, f"This access key is read-only: no {operation.name}.")
        owner = request.headers.get("x-amz-expected-bucket-owner", identity.key.namespace)
        if owner != identity.key.namespace:
            raise S3Error(Code.AccessDenied, "The bucket's owner is not the expected one.")
        return await operation.handler(Call(self._door, request, identity))

    def _refused(self, scope: Scope, refusal: S3Error, request_id: str) -> Response:
        return error_response(refusal, scope["raw_path"].decode("latin-1"), request_id)


class _Inbox:
    """Remembers whether the body was asked for, how much of it came, and under which key."""

    __slots__ = ("_receive", "key_id", "opened", "received")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.opened = False
        self.received = 0
        self.key_id = ""

    async def receive(self) -> Message:
        self.opened = True
        message = await self._receive()
        self.received += len(message.get("body", b""))
        return message


class _Outbox:
    """Counts the bytes of the body that was sent."""

    __slots__ = ("_send", "sent")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.sent = 0

    async def send(self, message: Message) -> None:
        await self._send(message)
        self.sent += len(message.get("body", b""))


def _leaves_body(scope: Scope) -> bool:
    """Is there a body that must not be taken for the next request, or is too long to read away?

    Who sent `Expect: 100-continue` and got an answer may keep the body, or send it all the same.
    """
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"0")
    small = length.isdigit() and int(length) <= DRAIN_BYTES_MAX
    return not small or b"transfer-encoding" in headers or b"expect" in headers


def create_app(
    *,
    credentials: Credentials,
    directory: BucketDirectory,
    clock: Clock,
    data: Path,
    host_suffix: str = "",
    region: str = "us-east-1",
    meter: Meter | None = None,
) -> S3App:
    """Make the door.

    `data` is a folder of the door's own. With `host_suffix` "s3.example", requests to the host
    `bucket.s3.example` address that bucket; others address it by the path's first part. `meter`
    is told what each key moves.
    """
    counted = NoMeter() if meter is None else meter
    return S3App(credentials, directory, clock, data, host_suffix, region, counted)
