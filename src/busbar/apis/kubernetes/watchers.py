"""All open watches of the door: bookmarks, time limits, and who takes nothing is cut off.

One heartbeat serves them all, so an idle watch costs no task or timer of its own besides its
reader. A bookmark names the revision the store had at the heartbeat *before*: whatever happened
up to it has been sent since, as the watch was seen idle. Next: `verbs/watch.py`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from busbar.apis.kubernetes.ports import Clock, Message, Send
from busbar.apis.kubernetes.settings import Settings
from busbar.model.time import SECOND, Instant
from busbar.store.contract import Store, Watch

HEARTBEAT_SECONDS = 1.0


class Watcher:
    """One client that watches: its connection, and how far it is."""

    def __init__(self, user: str, send: Send, source: Watch, now: Instant, until: Instant) -> None:
        self.user = user
        self._send = send
        self._source = source
        self._lock = asyncio.Lock()
        self.until = until
        self.revision = 0
        """The latest revision that was sent, or skipped as nothing of it is to be seen."""
        self.bookmark: Callable[[int], bytes] | None = None
        self.bookmarked_at = now
        self.blocked_since: Instant | None = None
        self.task: asyncio.Task[object] | None = None

    async def write(self, data: bytes, now: Instant) -> None:
        """Send bytes; the heartbeat sees when this hangs."""
        async with self._lock:
            self.blocked_since = now
            message: Message = {"type": "http.response.body", "body": data, "more_body": True}
            await self._send(message)
            self.blocked_since = None

    def end(self) -> None:
        """Let the watch run out: what is queued is not sent any more."""
        self._source.close()

    def cut(self) -> None:
        """Break the connection off."""
        self._source.close()
        if self.task is not None:
            self.task.cancel()


class Watchers:
    """The open watches, and their heartbeat while there are any."""

    def __init__(self, store: Store, clock: Clock, settings: Settings) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._open: set[Watcher] = set()
        self._held: Counter[str] = Counter()
        self._heart: asyncio.Task[None] | None = None
        self._writing: set[asyncio.Task[None]] = set()
        self._revision_before = 0

    def __len__(self) -> int:
        return len(self._open)

    def held_by(self, user: str) -> int:
        """Count the watches that a user holds."""
        return self._held[user]

    def add(self, watcher: Watcher) -> None:
        """Take a watch in."""
        self._open.add(watcher)
        self._held[watcher.user] += 1
        if self._heart is None or self._heart.done():
            self._revision_before = 0
            self._heart = asyncio.get_running_loop().create_task(self._beat())

    def remove(self, watcher: Watcher) -> None:
        """Let go of a watch that ended."""
        if watcher in self._open:
            self._open.remove(watcher)
            self._held[watcher.user] -= 1
            if not self._held[watcher.user]:
                del self._held[watcher.user]

    def end_all(self) -> None:
        """End all watches, for shutdown."""
        for watcher in list(self._open):
            watcher.end()

    async def _beat(self) -> None:
        while self._open:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            await self.tick()

    async def tick(self) -> None:
        """Do what is due."""
        now, safe = self._clock(), self._revision_before
        self._revision_before = await self._store.revision()
        for watcher in list(self._open):
            self._look_after(watcher, now, safe)

    def _look_after(self, watcher: Watcher, now: Instant, safe: int) -> None:
        blocked = watcher.blocked_since
        if blocked is not None:
            if now - blocked > self._settings.watch_stall_seconds * SECOND:
                watcher.cut()
            return
        if now >= watcher.until:
            watcher.end()
            return
        due = watcher.bookmarked_at + self._settings.bookmark_seconds * SECOND
        if watcher.bookmark is not None and now >= due and safe:
            watcher.bookmarked_at = now
            watcher.revision = max(watcher.revision, safe)
            data = watcher.bookmark(watcher.revision)
            task = asyncio.get_running_loop().create_task(watcher.write(data, now))
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)
