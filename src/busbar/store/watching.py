"""An open watch: a cursor into a log. Next: `reading.py`."""

from __future__ import annotations

import asyncio
from typing import Final

from busbar.store.contract import Compacted, Event
from busbar.store.history import History
from busbar.store.view import Collection

BATCHES_AT_ONCE: Final = 256


class LogWatch:
    """Keeps the contract's `Watch`. Starts at a position in a log."""

    def __init__(
        self, history: History, collection: Collection | None, namespace: str | None, after: int
    ) -> None:
        self._history = history
        self._log = history.log(collection)
        self._namespace = namespace
        self._position = self._log.position_after(after)
        self._revision = after
        self._closed = False
        self._future: asyncio.Future[None] | None = None

    def __aiter__(self) -> LogWatch:
        return self

    async def __anext__(self) -> tuple[Event, ...]:
        """Wait for the next events."""
        while True:
            events = self.take()
            if events:
                return events
            if self._closed or self._history.ended:
                raise StopAsyncIteration
            await self._wait()

    def take(self) -> tuple[Event, ...]:
        """Give what has happened and was not yet given, without waiting; raises `Compacted`."""
        log = self._log
        while not self._closed and self._position < log.end:
            if self._position < log.base:
                self.close()
                raise Compacted(self._revision, self._history.floor)
            batches = log.read(self._position, BATCHES_AT_ONCE)
            self._position += len(batches)
            self._revision = batches[-1].revision
            events = tuple(event for batch in batches for event in batch.events)
            if self._namespace is not None:
                events = tuple(e for e in events if e.key.namespace == self._namespace)
            if events:
                return events
        return ()

    async def _wait(self) -> None:
        future = self._future = asyncio.get_running_loop().create_future()
        self._log.waiting.add(future)
        try:
            await future
        finally:
            self._log.waiting.discard(future)

    def close(self) -> None:
        """End it; the iteration stops."""
        self._closed = True
        if self._future is not None and not self._future.done():
            self._future.set_result(None)
