"""The way to a node's logs: nodes sit behind NAT and only dial out, so requests go the way back.

    agent  ── GET /agent/v1/nodes/NODE/requests ──▶  stays open; one JSON request a line comes back
    agent  ── POST /agent/v1/nodes/NODE/streams/ID ──▶  the answer: raw bytes, chunked

An answer with Content-Type application/json is a refusal instead: {"code": 400, "message": "…"}.
Pieces are handed over one by one: a slow reader slows the agent's upload down. When the reader
has left, the upload is answered early with Connection: close. Blank lines keep the first
connection alive. Only the node's own certificate may use these paths. Next: `verbs/logs.py`.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import orjson

from busbar.apis.kubernetes.bodies import ClientGone, read_body
from busbar.apis.kubernetes.calls import Call, Response
from busbar.apis.kubernetes.ports import LogRequest, LogsUnavailable, NewUid, Receive
from busbar.apis.kubernetes.statuses import CLOSE, not_served

PREFIX: Final = "/agent/v1/nodes/"
_QUEUED_REQUESTS_MAX: Final = 256
_QUEUED_PIECES_MAX: Final = 4
_REFUSAL_BYTES_MAX: Final = 4096


class RelayedLog:
    """A log on its way from an agent's upload to one reader."""

    def __init__(self, node: str) -> None:
        self.node = node
        self.begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.left = asyncio.Event()
        """The reader has gone."""
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue(_QUEUED_PIECES_MAX)

    def __aiter__(self) -> RelayedLog:
        return self

    async def __anext__(self) -> bytes:
        piece = await self._pieces.get()
        if piece is None:
            raise StopAsyncIteration
        return piece

    def close(self) -> None:
        """Leave: nothing more is wanted."""
        self.left.set()
        while not self._pieces.empty():
            self._pieces.get_nowait()

    async def push(self, piece: bytes | None) -> None:
        """Hand a piece over (None: the end); waits while the reader is behind."""
        if not self.left.is_set():
            await self._pieces.put(piece)

    def begin(self, refusal: LogsUnavailable | None = None) -> None:
        """Tell who waits that the answer starts, or that there is none."""
        if self.begun.done():
            return
        if refusal is None:
            self.begun.set_result(None)
        else:
            self.begun.set_exception(refusal)


class AgentRelay:
    """Knows which nodes are connected, and brings requests and answers together."""

    def __init__(
        self, new_id: NewUid, *, answer_seconds: float = 10.0, beat_seconds: float = 5.0
    ) -> None:
        self._new_id = new_id
        self._answer_seconds = answer_seconds
        self._beat_seconds = beat_seconds
        self._links: dict[str, asyncio.Queue[bytes | None]] = {}
        self._logs: dict[str, RelayedLog] = {}

    def is_connected(self, node: str) -> bool:
        """Say whether a node's agent holds its connection."""
        return node in self._links

    def close(self) -> None:
        """End the agents' lines; they dial in again."""
        for link in self._links.values():
            _end(link)

    async def open(self, node: str, request: LogRequest) -> RelayedLog:
        """Ask a node for a log and wait until its answer starts."""
        link = self._links.get(node)
        if link is None:
            raise LogsUnavailable(
                503, f"node {node} is not connected; its logs can be read once its agent is back"
            )
        if link.full():
            raise LogsUnavailable(503, f"node {node} has too many log requests waiting")
        request_id, log = self._new_id(), RelayedLog(node)
        self._logs[request_id] = log
        link.put_nowait(request_line(request_id, request))
        try:
            async with asyncio.timeout(self._answer_seconds):
                await log.begun
        except TimeoutError:
            log.close()
            raise LogsUnavailable(503, f"node {node} did not answer in time") from None
        finally:
            if not log.begun.done() or log.begun.cancelled() or log.begun.exception():
                self._logs.pop(request_id, None)
        return log

    async def serve(self, call: Call, node: str, rest: list[str]) -> Response | None:
        """Serve the paths below a node, for the node itself."""
        if rest == ["requests"] and call.method == "GET":
            await self._requests(call, node)
            return None
        if len(rest) == 2 and rest[0] == "streams" and call.method == "POST":
            return await self._stream(call, node, rest[1])
        raise not_served(call.path)

    async def _requests(self, call: Call, node: str) -> None:
        link: asyncio.Queue[bytes | None] = asyncio.Queue(_QUEUED_REQUESTS_MAX)
        before = self._links.get(node)
        self._links[node] = link
        if before is not None:
            _end(before)
        hangup = asyncio.get_running_loop().create_task(_until_gone(call.receive))
        hangup.add_done_callback(lambda _: _end(link))
        headers = [(b"content-type", b"application/x-ndjson")]
        await call.send({"type": "http.response.start", "status": 200, "headers": headers})
        try:
            line: bytes | None = b"\n"
            while line is not None:
                await call.send({"type": "http.response.body", "body": line, "more_body": True})
                line = await self._next_line(link)
        finally:
            hangup.cancel()
            if self._links.get(node) is link:
                del self._links[node]
        await call.send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _next_line(self, link: asyncio.Queue[bytes | None]) -> bytes | None:
        try:
            async with asyncio.timeout(self._beat_seconds):
                return await link.get()
        except TimeoutError:
            return b"\n"

    async def _stream(self, call: Call, node: str, request_id: str) -> Response:
        log = self._logs.get(request_id)
        if log is None or log.node != node:
            raise not_served(call.path)
        del self._logs[request_id]
        if call.header(b"content-type").startswith("application/json"):
            log.begin(await _refusal(call.receive))
            return Response(b"{}")
        log.begin()
        await _pump(call.receive, log)
        return Response(b"{}", headers=(CLOSE,) if log.left.is_set() else ())


def request_line(request_id: str, request: LogRequest) -> bytes:
    """Write a request as the agent reads it: one line of JSON, absent fields left out."""
    fields: dict[str, Any] = {
        "id": request_id,
        "kind": "logs",
        "namespace": request.namespace,
        "pod": request.pod,
        "uid": request.pod_uid,
        "container": request.container,
        "follow": request.follow,
        "tailLines": request.tail_lines,
        "sinceTime": request.since_time,
        "timestamps": request.timestamps,
        "previous": request.previous,
        "limitBytes": request.limit_bytes,
    }
    return orjson.dumps({k: v for k, v in fields.items() if v is not None}) + b"\n"


def _end(link: asyncio.Queue[bytes | None]) -> None:
    while link.full():
        link.get_nowait()
    link.put_nowait(None)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refusal(receive: Receive) -> LogsUnavailable:
    """Read an agent's refusal; whatever it is, the reader gets a sentence and a 4xx or 503."""
    try:
        found = orjson.loads(await read_body(receive, _REFUSAL_BYTES_MAX))
        code, message = found["code"], found["message"]
    except (ClientGone, ValueError, TypeError, KeyError, LookupError):
        code, message = 503, "the node could not give the log"
    known = isinstance(code, int) and code in (400, 404, 503)
    return LogsUnavailable(code if known else 503, str(message)[:500])


async def _pump(receive: Receive, log: RelayedLog) -> None:
    """Hand an upload over piece by piece, until its end or until the reader has left."""
    loop = asyncio.get_running_loop()
    leaving = loop.create_task(log.left.wait())
    try:
        while not leaving.done():
            arriving = asyncio.ensure_future(receive())
            await asyncio.wait({arriving, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not arriving.done():
                arriving.cancel()
                return
            message = arriving.result()
            if message.get("body"):
                await log.push(message["body"])
            if message["type"] == "http.disconnect" or not message.get("more_body"):
                return
    finally:
        leaving.cancel()
        await log.push(None)
