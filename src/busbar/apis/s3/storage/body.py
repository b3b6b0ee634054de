"""A stored body being read: pinned pieces, streamed with one read ahead. Next: `store.py`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor
from typing import NamedTuple

from busbar.apis.s3.storage.blobs import READ_BYTES, Blobs
from busbar.apis.s3.storage.records import Segment, Stored


class _Read(NamedTuple):
    segment: Segment
    offset: int
    length: int


class Body:
    """An object's content at one moment; later changes of the key do not touch it.

    Whoever gets one must `close` it, else files stay pinned.
    """

    def __init__(
        self,
        stored: Stored,
        segments: list[Segment],
        blobs: Blobs,
        pool: Executor,
        release: Callable[[list[str]], None],
    ) -> None:
        self.stored = stored
        self.segments = segments
        self._blobs = blobs
        self._pool = pool
        self._release = release
        self._names = [piece.blob for piece in segments if piece.blob is not None]
        blobs.pin(self._names)

    def close(self) -> None:
        """Give the pins back."""
        names, self._names = self._names, []
        self._release(self._blobs.unpin(names))

    def inline(self) -> bytes | None:
        """Give the whole body if it is in memory already."""
        return self.segments[0].body if len(self.segments) == 1 else None

    def slice(self, start: int, length: int) -> list[Segment]:
        """Give the pieces that make up a range of the body."""
        return [
            read.segment._replace(
                length=read.length,
                start=read.segment.start + read.offset,
                body=_cut(read.segment.body, read.offset, read.length),
            )
            for read in self._reads(start, length)
        ]

    async def stream(self, start: int, length: int) -> AsyncIterator[bytes]:
        """Give a range of the body in pieces of at most `READ_BYTES`."""
        for read in self._reads(start, length):
            if read.segment.body is not None:
                yield read.segment.body[read.offset : read.offset + read.length]
            else:
                async for piece in self._stream_file(read):
                    yield piece

    async def _stream_file(self, read: _Read) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        assert read.segment.blob is not None
        fd = os.open(self._blobs.path(read.segment.blob), os.O_RDONLY | os.O_CLOEXEC)
        at = read.segment.start + read.offset
        end = at + read.length
        ahead = loop.run_in_executor(self._pool, os.pread, fd, min(READ_BYTES, end - at), at)
        try:
            while at < end:
                piece = await ahead
                if not piece:
                    raise OSError(f"the file {read.segment.blob} is shorter than the index says")
                at += len(piece)
                if at < end:
                    size = min(READ_BYTES, end - at)
                    ahead = loop.run_in_executor(self._pool, os.pread, fd, size, at)
                yield piece
        finally:
            # The descriptor must outlive a read that is under way.
            ahead.add_done_callback(lambda _: os.close(fd))

    def _reads(self, start: int, length: int) -> Iterator[_Read]:
        position, end = 0, start + length
        for piece in self.segments:
            first, last = max(start, position), min(end, position + piece.length)
            if first < last:
                yield _Read(piece, first - position, last - first)
            position += piece.length
            if position >= end:
                return


def _cut(body: bytes | None, offset: int, length: int) -> bytes | None:
    return None if body is None else body[offset : offset + length]
