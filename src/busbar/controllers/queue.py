"""The bookkeeping of whoever runs controllers: which key is due when, is in flight, failed.

No clock and no tasks here: the server and the simulator use the same. Next: `server/runner.py`.
"""

from __future__ import annotations

import heapq
from typing import Final, NamedTuple

from busbar.model.objects import Key
from busbar.model.time import Instant

NEVER: Final = 2**62
BACKOFF_FIRST_MS = 2
BACKOFF_MAX_MS = 30_000


class Item(NamedTuple):
    """A key of a controller, which is told by its number."""

    controller: int
    key: Key


class WorkQueue:
    """Keys with the time at which they are due; each at most once, and once in flight."""

    def __init__(self) -> None:
        self._due: dict[Item, Instant] = {}
        self._heap: list[tuple[Instant, Item]] = []
        self._in_flight: dict[Item, Instant] = {}
        self._failures: dict[Item, int] = {}

    def add(self, item: Item, due: Instant) -> None:
        """Make a key due at a time, or earlier where it already is."""
        known = self._due.get(item)
        if known is not None:
            if known <= due:
                return
        elif item in self._in_flight:
            self._in_flight[item] = min(self._in_flight[item], due)
            return
        self._due[item] = due
        heapq.heappush(self._heap, (due, item))

    def take(self, now: Instant, limit: int) -> list[Item]:
        """Take what is due, in the order in which it became due; it is then in flight."""
        taken: list[Item] = []
        while self._heap and self._heap[0][0] <= now and len(taken) < limit:
            due, item = heapq.heappop(self._heap)
            if self._due.get(item) != due:
                continue
            del self._due[item]
            self._in_flight[item] = NEVER
            taken.append(item)
        return taken

    def done(
        self, item: Item, now: Instant, *, retry: bool, requeue_at: Instant | None = None
    ) -> None:
        """End a flight: due again when woken meanwhile, when asked for, or after a back-off."""
        woken = self._in_flight.pop(item, NEVER)
        dues = [woken, NEVER if requeue_at is None else requeue_at]
        if retry:
            failures = self._failures[item] = self._failures.get(item, 0) + 1
            dues.append(now + min(BACKOFF_FIRST_MS * 2 ** min(failures, 16), BACKOFF_MAX_MS))
        else:
            self._failures.pop(item, None)
        due = min(dues)
        if due < NEVER:
            self.add(item, due)

    def next_due(self) -> Instant:
        """Give when the next key is due; `NEVER` where none is."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else NEVER
