"""The recent changes, kept so that watches can resume and paged lists can go on.

Watches are cursors into these logs and hold nothing themselves: a watcher that never reads costs
no memory, it finds its place trimmed away (`Compacted`). Next: `watching.py`.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from busbar.store.contract import Compacted, Event, Revision
from busbar.store.view import Collection

MAX_EVENTS: Final = 50_000
MAX_BYTES: Final = 16 * 1024 * 1024
"""As JSON; parsed it takes some six times as much."""
SPARE: Final = 32
"""The part of both that is forgotten at once."""


class Batch(NamedTuple):
    """The events of one transaction, or those of them that a collection's log shows."""

    revision: Revision
    events: tuple[Event, ...]
    size: int = 0


def _revision_of(batch: Batch) -> Revision:
    return batch.revision


class Log:
    """Batches in revision order, cut off at the front. Positions count from its beginning ever."""

    def __init__(self) -> None:
        self._batches: list[Batch] = []
        self._cut = 0
        self._before = 0
        self.waiting: set[asyncio.Future[None]] = set()

    @property
    def base(self) -> int:
        """Give the position of the oldest batch still here."""
        return self._before + self._cut

    @property
    def end(self) -> int:
        """Give the position after the newest batch."""
        return self._before + len(self._batches)

    def append(self, batch: Batch) -> None:
        """Add a batch and wake who waits for it."""
        self._batches.append(batch)
        if self.waiting:
            self.wake()

    def wake(self) -> None:
        """Wake everybody who waits."""
        waiting, self.waiting = self.waiting, set()
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def cut_off(self, revision: Revision) -> Sequence[Batch]:
        """Cut off, and give, the batches up to a revision."""
        start, self._cut = self._cut, self.position_after(revision) - self._before
        gone = self._batches[start : self._cut]
        if self._cut > 64 and self._cut * 2 > len(self._batches):
            del self._batches[: self._cut]
            self._before += self._cut
            self._cut = 0
        return gone

    def position_after(self, revision: Revision) -> int:
        """Give the position of the first batch after a revision."""
        return self._before + bisect_right(self._batches, revision, lo=self._cut, key=_revision_of)

    def read(self, position: int, most: int) -> Sequence[Batch]:
        """Give at most so many batches from a position on."""
        start = position - self._before
        return self._batches[start : start + most]

    def batches(self) -> Iterator[Batch]:
        """Give what is here, the oldest first."""
        return islice(self._batches, self._cut, None)


class History:
    """All logs: one of everything and one per collection, trimmed together.

    `on_drop` hears of each batch that is forgotten, so that an engine can forget it on disk too.
    """

    def __init__(
        self,
        max_events: int = MAX_EVENTS,
        max_bytes: int = MAX_BYTES,
        on_drop: Callable[[Batch], None] | None = None,
    ) -> None:
        self.floor: Revision = 0
        """The oldest revision at which a watch or a paged list may start."""
        self.gaps: list[tuple[Revision, Revision]] = []
        """Open intervals of revisions that were jumped over and never given out."""
        self.ended = False
        """The store is closed: nothing more will come."""
        self._all = Log()
        self._by_collection: dict[Collection, Log] = {}
        self._events = 0
        self._bytes = 0
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._on_drop = on_drop

    def log(self, collection: Collection | None) -> Log:
        """Give a collection's log, or the one of everything."""
        if collection is None:
            return self._all
        log = self._by_collection.get(collection)
        if log is None:
            log = self._by_collection[collection] = Log()
        return log

    def logs(self) -> Iterator[Log]:
        """Give every log."""
        yield self._all
        yield from self._by_collection.values()

    def append(self, batch: Batch) -> None:
        """Remember a transaction's events; forget the oldest beyond the limits."""
        for collection, part in _by_collection(batch):
            self.log(collection).append(part)
        self._all.append(batch)
        self._events += len(batch.events)
        self._bytes += batch.size
        if self._events > self._max_events or self._bytes > self._max_bytes:
            self._make_room()

    def compact(self, before: Revision) -> None:
        """Forget what happened up to a revision; its state is the oldest that can be asked for."""
        self._forget(before)
        self.gaps = [gap for gap in self.gaps if gap[1] > self.floor]

    def end(self) -> None:
        """Let every watch stop once it has given what there is."""
        self.ended = True
        for log in self.logs():
            log.wake()

    def check(self, asked: Revision, latest: Revision) -> None:
        """Raise `Compacted` unless a watch or a list may start at a revision."""
        unknown = any(start < asked < end for start, end in self.gaps)
        if asked < self.floor or asked > latest or unknown:
            raise Compacted(asked, self.floor)

    def _make_room(self) -> None:
        """Forget the oldest: some more than must be, so that it is not done at each batch."""
        events = self._events - self._max_events + self._max_events // SPARE
        size = self._bytes - self._max_bytes + self._max_bytes // SPARE
        for batch in self._all.batches():
            events -= len(batch.events)
            size -= batch.size
            if events <= 0 and size <= 0:
                break
        self._forget(batch.revision)

    def _forget(self, revision: Revision) -> None:
        """Forget what happened up to a revision."""
        for batch in self._all.cut_off(revision):
            self._events -= len(batch.events)
            self._bytes -= batch.size
            if self._on_drop is not None:
                self._on_drop(batch)
        for log in self._by_collection.values():
            log.cut_off(revision)
        self.floor = max(self.floor, revision)


def _by_collection(batch: Batch) -> Iterable[tuple[Collection, Batch]]:
    if len(batch.events) == 1:
        key = batch.events[0].key
        return (((key.group, key.resource), batch),)
    parts: dict[Collection, list[Event]] = {}
    for event in batch.events:
        parts.setdefault((event.key.group, event.key.resource), []).append(event)
    return [(name, Batch(batch.revision, tuple(part))) for name, part in parts.items()]
