"""Answers: status, headers and a body, which is bytes or a stream. Next: `operations/`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import NamedTuple

from busbar.apis.s3 import xml
from busbar.apis.s3.errors import ClientGone, Code, S3Error
from busbar.apis.s3.request import Send

SILENCE_S_MAX = 60.0
"""How long a client may read nothing before its download is given up."""

Pairs = Iterable[tuple[str, str]]


class Stream(NamedTuple):
    """A body of known length; `close` is called when it has been sent or given up."""

    length: int
    pieces: AsyncIterator[bytes]
    close: Callable[[], None]


class Response(NamedTuple):
    """What a handler gives back."""

    status: int = 200
    headers: Pairs = ()
    body: bytes | Stream = b""


def xml_response(name: str, children: Iterable[str], headers: Pairs = ()) -> Response:
    """Give a document of S3's namespace."""
    body = xml.document(name, children)
    return Response(200, [("content-type", "application/xml"), *headers], body)


def error_response(error: S3Error, resource: str, request_id: str) -> Response:
    """Give the error document; 304 has no body."""
    if error.code is Code.NotModified:
        return Response(304, error.headers)
    body = xml.document(
        "Error",
        [
            xml.text("Code", error.code.name),
            xml.text("Message", error.message),
            xml.text("Resource", resource),
            xml.text("RequestId", request_id),
        ],
        namespace=False,
    )
    return Response(error.code.status, [("content-type", "application/xml"), *error.headers], body)


async def send_response(send: Send, response: Response, request_id: str, head: bool) -> None:
    """Send an answer; a HEAD's has the length of the body but not the body."""
    body = response.body
    length = body.length if isinstance(body, Stream) else len(body)
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.headers]
    headers.append((b"x-amz-request-id", request_id.encode()))
    if response.status not in (204, 304):
        headers.append((b"content-length", b"%d" % length))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if isinstance(body, Stream):
        try:
            if not head:
                await _send_pieces(send, body.pieces)
            await send({"type": "http.response.body", "body": b""})
        finally:
            body.close()
    else:
        await send({"type": "http.response.body", "body": b"" if head else body})


async def _send_pieces(send: Send, pieces: AsyncIterator[bytes]) -> None:
    async for piece in pieces:
        try:
            async with asyncio.timeout(SILENCE_S_MAX):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except TimeoutError:
            # It holds a file and a buffer; ending the answer early closes the connection.
            raise ClientGone from None
