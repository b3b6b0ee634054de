"""How the control plane's own small applications read a request and say no.

One bounded JSON body in, one JSON document out, every refusal a status and a sentence. Next:
`replies.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from busbar.server.replies import Send, reply, reply_json
from busbar.store.contract import StoreFailed

BODY_MAX = 64 * 1024

Receive = Callable[[], Awaitable[Any]]
T = TypeVar("T")


class RequestRefused(Exception):
    """A request that is not done: HTTP status and one sentence."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


async def read_body(receive: Receive, what: str) -> bytes:
    """Read a whole body of at most `BODY_MAX` bytes; `what` names it in a refusal."""
    raw = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestRefused(400, f"{what} ended early")
        raw += message.get("body", b"")
        if len(raw) > BODY_MAX:
            raise RequestRefused(413, f"{what} has at most {BODY_MAX} bytes")
        if not message.get("more_body"):
            return bytes(raw)


async def read_document(receive: Receive, kind: type[T], what: str) -> T:
    """Read a body as JSON of a kind."""
    try:
        return msgspec.json.decode(await read_body(receive, what), type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise RequestRefused(400, f"{what} is not valid: {error}") from None


async def answer(send: Send, work: Awaitable[Any]) -> None:
    """Send what some work gives, or why it could not be done."""
    await answer_bytes(send, _encoded(work), b"application/json")


async def _encoded(work: Awaitable[Any]) -> bytes:
    return msgspec.json.encode(await work)


async def answer_bytes(send: Send, work: Awaitable[bytes], kind: bytes) -> None:
    """Send the bytes that some work gives, of a content type, or why it could not be done."""
    try:
        body = await work
    except RequestRefused as refused:
        await reply_json(send, refused.status, {"message": refused.message})
    except StoreFailed as failed:
        await reply_json(send, 503, {"message": str(failed)})
    else:
        await reply(send, 200, body, kind)
