"""A container's log files as a stream, as `kubectl logs` asks for it.

Files are in the CRI format, one line each: `<RFC 3339 nano> <stdout|stderr> <P|F> <text>`.
Source: Kubernetes' CRI logging. Next: `relay.py`.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

POLL_SECONDS = 0.15
_CHUNK = 64 * 1024
_STAMP = len("2026-01-01T00:00:00.000000000Z")


class LogRequest(msgspec.Struct, rename="camel"):
    """What the cloud asks for; the fields are those of Kubernetes' PodLogOptions."""

    id: str
    kind: str = "logs"
    namespace: str = ""
    pod: str = ""
    uid: str = ""
    container: str | None = None
    follow: bool = False
    tail_lines: int | None = None
    since_time: str | None = None
    since_seconds: int | None = None
    timestamps: bool = False
    previous: bool = False
    limit_bytes: int | None = None


def render(line: bytes, timestamps: bool) -> bytes:
    """Give one stored line as it is shown: text, with its time before it if asked for."""
    stamp, _, rest = line.partition(b" ")
    _, _, rest = rest.partition(b" ")
    tag, _, text = rest.partition(b" ")
    shown = text if tag.startswith(b"P") else text + b"\n"
    return stamp + b" " + shown if timestamps else shown


def is_since(line: bytes, since: str | None) -> bool:
    """Say whether a stored line is not older than an RFC 3339 time in UTC."""
    if not since:
        return True
    # Both are UTC with a Z; comparing up to whole seconds is comparing text.
    return line[:19].decode("ascii", "replace") >= since[:19]


def stored_lines(files: list[Path]) -> Iterator[bytes]:
    """Give the whole lines of log files, oldest file first; files may vanish by rotation."""
    for path in files:
        try:
            with path.open("rb") as file:
                for line in file:
                    if line.endswith(b"\n"):
                        yield line[:-1]
        except FileNotFoundError:
            continue


async def stream(
    files: Callable[[], list[Path]],
    request: LogRequest,
    is_running: Callable[[], bool],
) -> AsyncIterator[bytes]:
    """Stream a log: what there is, then, with `follow`, what comes until the container ends.

    `files` lists the container's log files, oldest first; the last one is being written.
    """
    left = request.limit_bytes
    async for text in _texts(files, request, is_running):
        if left is not None:
            text = text[:left]
            left -= len(text)
        if text:
            yield text
        if left == 0:
            return


async def _texts(
    files: Callable[[], list[Path]], request: LogRequest, is_running: Callable[[], bool]
) -> AsyncIterator[bytes]:
    follower = Follower(files)
    lines: Any = (line for line in follower.read() if is_since(line, request.since_time))
    if request.tail_lines is not None:
        lines = deque(lines, maxlen=max(0, request.tail_lines))
    batch: list[bytes] = []
    size = 0
    for line in lines:
        batch.append(render(line, request.timestamps))
        size += len(batch[-1])
        if size >= _CHUNK:
            yield b"".join(batch)
            batch, size = [], 0
            await asyncio.sleep(0)
    yield b"".join(batch)
    while request.follow:
        # Asked before reading: a container that ends in between has written all by then.
        running = is_running()
        fresh = b"".join(render(line, request.timestamps) for line in follower.read())
        if fresh:
            yield fresh
        elif not running:
            return
        else:
            await asyncio.sleep(POLL_SECONDS)


class Follower:
    """Reads on where it stopped, over rotation: names move, and inodes are used again.

    So a file is known by its inode and its first line's time.
    """

    def __init__(self, files: Callable[[], list[Path]]) -> None:
        self._files = files
        self._offsets: dict[tuple[int, bytes], int] = {}

    def read(self) -> Iterator[bytes]:
        """Give the whole lines not given before."""
        for path in self._files():
            try:
                with path.open("rb") as file:
                    known = (os.fstat(file.fileno()).st_ino, file.read(_STAMP))
                    file.seek(self._offsets.get(known, 0))
                    for line in file:
                        if not line.endswith(b"\n"):
                            break
                        self._offsets[known] = self._offsets.get(known, 0) + len(line)
                        yield line[:-1]
            except FileNotFoundError:
                continue
