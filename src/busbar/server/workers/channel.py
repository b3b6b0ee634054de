"""One end of the channel between a worker and the control plane. Next: `forward.py`.

What is said in one turn of the loop goes out as one write, and is one read at the other end: with
many requests under way, the cost of the channel is shared by them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from busbar.server.workers.wire import Message, Unpacker, packed

Take = Callable[[Message], None]


class Channel(asyncio.Protocol):
    """Sends messages, and gives those that come to `take`; `lost` when the other end is gone."""

    _transport: asyncio.Transport

    def __init__(self, take: Take, lost: Callable[[], None]) -> None:
        self._take = take
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._unpacker = Unpacker()
        self._out: list[Message] = []
        self._is_open = False
        self._room = asyncio.Event()
        self._room.set()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Be connected."""
        self._transport = transport
        self._is_open = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Lose the other end."""
        del exc
        self._is_open = False
        self._room.set()
        self._lost()

    def data_received(self, data: bytes) -> None:
        """Read."""
        for message in self._unpacker.feed(data):
            self._take(message)

    def pause_writing(self) -> None:
        """Note that the other end reads too slowly."""
        self._room.clear()

    def resume_writing(self) -> None:
        """Note that it has caught up."""
        self._room.set()

    @property
    def is_full(self) -> bool:
        """Say whether more than enough waits to be read by the other end."""
        return not self._room.is_set()

    async def drain(self) -> None:
        """Wait until there is room again."""
        await self._room.wait()

    def send(self, message: Message) -> None:
        """Send soon; nothing happens where the other end is gone."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(message)

    def close(self) -> None:
        """Send what was said and hang up."""
        self._flush()
        if self._is_open:
            self._transport.close()

    def _flush(self) -> None:
        out, self._out = self._out, []
        if out and self._is_open:
            self._transport.write(packed(out))
