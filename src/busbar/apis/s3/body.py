"""Bodies on their way in: received piece by piece, decoded, hashed, written, verified.

Small bodies stay in memory and on the event loop. Large ones pass through in batches of about
`BATCH_BYTES`: while one batch is hashed and written in threads, the next is received, so memory
stays bounded and a slow disk slows the client down. Next: `storage/`.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from contextlib import suppress
from typing import NamedTuple

from busbar.apis.s3.checksums import Digests, announced, content_md5
from busbar.apis.s3.chunked import ChunkDecoder
from busbar.apis.s3.claims import UNSIGNED
from busbar.apis.s3.errors import ClientGone, Code, S3Error
from busbar.apis.s3.request import Message, Receive, Request
from busbar.apis.s3.sigv4 import Identity
from busbar.apis.s3.storage.blobs import Blobs, BlobWriter
from busbar.apis.s3.storage.records import Content
from busbar.apis.s3.storage.store import INLINE_BYTES_MAX

BATCH_BYTES = 1024 * 1024
SILENCE_S_MAX = 60.0
"""How long a client may send nothing before its upload is given up."""
OBJECT_BYTES_MAX = 5 * 1024**4

SIGNED_CHUNKS = (
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
)
UNSIGNED_CHUNKS = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

_SHA256 = re.compile(r"\A[0-9a-f]{64}\Z")
_NUMBER = re.compile(r"\A[0-9]{1,19}\Z")


class Incoming(NamedTuple):
    """A body that was announced: its decoded length, how to decode it, what it must be."""

    length: int
    decoder: ChunkDecoder | None
    digests: Digests


def incoming(
    request: Request,
    identity: Identity,
    bytes_max: int = OBJECT_BYTES_MAX,
    *,
    checksums: bool = True,
) -> Incoming:
    """Read the headers that describe the body, before any of it is received."""
    payload, decoder, sha256 = identity.payload, None, None
    if payload in SIGNED_CHUNKS:
        decoder = ChunkDecoder(identity.chunks)
    elif payload == UNSIGNED_CHUNKS:
        decoder = ChunkDecoder(None)
    elif _SHA256.match(payload):
        sha256 = payload
    elif payload != UNSIGNED:
        raise S3Error(
            Code.NotImplemented,
            "x-amz-content-sha256 must be a SHA-256 in hex, UNSIGNED-PAYLOAD or one of the "
            "STREAMING words of HMAC-SHA256.",
        )
    name = "content-length" if decoder is None else "x-amz-decoded-content-length"
    text = request.header(name)
    if not _NUMBER.match(text):
        raise S3Error(Code.MissingContentLength, f"The header {name} is missing or not a number.")
    if int(text) > bytes_max:
        raise S3Error(Code.EntityTooLarge, f"The body has {text} bytes; at most {bytes_max} fit.")
    expected = announced(request.headers) if checksums else {}
    digests = Digests(sha256, content_md5(request.headers), expected)
    return Incoming(int(text), decoder, digests)


async def read_all(receive: Receive, plan: Incoming) -> bytes:
    """Receive a small body into memory and verify it."""
    pieces: list[bytes | memoryview] = []
    size = 0
    async for batch in _batches(receive):
        decoded = batch if plan.decoder is None else plan.decoder.feed(batch)
        pieces += decoded
        size += sum(map(len, decoded))
        if size > plan.length:
            break
    if plan.decoder is not None:
        plan.decoder.finish()
    _check_size(size, plan)
    body = b"".join(pieces)
    plan.digests.update_md5((body,))
    plan.digests.update_others((body,))
    plan.digests.verify(plan.decoder.trailers if plan.decoder else {})
    return body


async def ingest(receive: Receive, plan: Incoming, blobs: Blobs, pool: Executor) -> Content:
    """Receive a body of any size; what comes back is verified and, if in a file, synced."""
    if plan.length <= INLINE_BYTES_MAX:
        body = await read_all(receive, plan)
        return Content(plan.length, plan.digests.md5_hex(), body=body)
    blobs.check_free(plan.length)
    with blobs.writer() as writer:
        lanes = _Lanes(pool, writer, plan)
        try:
            async for batch in _batches(receive):
                await lanes.feed(batch)
            await lanes.settle()
        finally:
            await lanes.abandon()
        if plan.decoder is not None:
            plan.decoder.finish()
        _check_size(lanes.size, plan)
        plan.digests.verify(plan.decoder.trailers if plan.decoder else {})
        loop = asyncio.get_running_loop()
        blob = await loop.run_in_executor(pool, writer.finish)
    return Content(plan.length, plan.digests.md5_hex(), blob=blob)


class _Lanes:
    """Two threads at most for one body: MD5 in one, everything else in the other."""

    def __init__(self, pool: Executor, writer: BlobWriter, plan: Incoming) -> None:
        self.size = 0
        self._pool = pool
        self._writer = writer
        self._plan = plan
        self._running: list[asyncio.Future[None]] = []

    async def feed(self, batch: list[bytes]) -> None:
        """Take a batch; waits for the one before it."""
        loop = asyncio.get_running_loop()
        await self.settle()
        pieces: list[bytes] | list[memoryview] = batch
        if self._plan.decoder is not None:
            # Chunk signatures are hashed: not on the event loop.
            pieces = await loop.run_in_executor(self._pool, self._plan.decoder.feed, batch)
        self.size += sum(map(len, pieces))
        if self.size > self._plan.length:
            _check_size(self.size, self._plan)
        self._running = [
            loop.run_in_executor(self._pool, self._plan.digests.update_md5, pieces),
            loop.run_in_executor(self._pool, self._write, pieces),
        ]

    async def settle(self) -> None:
        """Wait for the batch under way."""
        for lane in self._running:
            await lane

    async def abandon(self) -> None:
        """Wait for the threads, whatever they end with, so that the file may be closed."""
        for lane in self._running:
            with suppress(Exception):
                await lane

    def _write(self, pieces: list[bytes] | list[memoryview]) -> None:
        self._writer.write(pieces)
        self._plan.digests.update_others(pieces)


async def _batches(receive: Receive) -> AsyncIterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await _patiently(receive)
        more = message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        if piece:
            batch.append(piece)
            size += len(piece)
        if size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


async def _patiently(receive: Receive) -> Message:
    try:
        async with asyncio.timeout(SILENCE_S_MAX):
            message = await receive()
    except TimeoutError:
        raise S3Error(
            Code.RequestTimeout, f"Nothing was received for {SILENCE_S_MAX:.0f} seconds."
        ) from None
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message


def _check_size(size: int, plan: Incoming) -> None:
    if size != plan.length:
        raise S3Error(
            Code.IncompleteBody, f"{plan.length} bytes were announced, {size} were received."
        )
