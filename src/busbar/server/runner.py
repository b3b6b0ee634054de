"""Runs the controllers: events in, decisions out, commits; the only loop they have.

    watch -> keys -> queue --due--> snapshot -> reconcile -> commit --conflict--> queue
                       ^------------- requeue_at, back-off -------------'

A key is reconciled by one task at a time; a key woken meanwhile is reconciled again. A controller
that raises is a bug: it is logged with its key, tried again later, and the others go on.
`busbar.controllers.queue` is the bookkeeping without I/O. Leadership is the caller's: run this
while leading, with a `guard` that makes every commit insist on it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, NamedTuple

from busbar.controllers.contract import Controller, Decision
from busbar.controllers.listening import Listening
from busbar.controllers.queue import Item, WorkQueue
from busbar.model.objects import Key
from busbar.model.resources import key_of
from busbar.model.time import SECOND, Instant
from busbar.store.contract import (
    Compacted,
    Event,
    EventType,
    Op,
    Refused,
    Snapshot,
    Store,
    StoreFailed,
    Watch,
)

log = logging.getLogger("busbar.runner")

IN_FLIGHT_MAX = 256
"""Keys reconciled at once: enough to fill the store's group commits."""
STALL_MS = 3 * SECOND
"""A loop that was away for longer did not listen to the agents meanwhile."""
WAKE_MS_MAX = SECOND


class _Listener(NamedTuple):
    """A controller, by its number, as whom events wake."""

    number: int
    keys: Callable[[Event], Iterable[Key]]
    coalesce_ms: int


class Runner:
    """Drives controllers against a store until cancelled."""

    def __init__(
        self,
        store: Store,
        controllers: Sequence[Controller],
        now: Callable[[], Instant],
        *,
        listening: Listening | None = None,
        guard: Callable[[], tuple[Op, ...]] = tuple,
    ) -> None:
        self._store = store
        self._controllers = controllers
        self._now = now
        self._listening = listening or Listening()
        self._guard = guard
        self._queue = WorkQueue()
        self._woken = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._by_collection: dict[tuple[str, str], list[_Listener]] = {}
        for number, controller in enumerate(controllers):
            listener = _Listener(number, controller.keys, controller.coalesce_ms)
            for collection in controller.watches:
                self._by_collection.setdefault(collection, []).append(listener)

    async def run(self) -> None:
        """Run until cancelled; unfinished reconciles are then abandoned, which is harmless."""
        self._listening.since = self._now()
        working = asyncio.create_task(self._work(), name="busbar-runner")
        try:
            while True:
                await self._follow()
        finally:
            working.cancel()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(working, *self._tasks, return_exceptions=True)

    async def idle(self) -> None:
        """Wait until nothing is due or in flight; timers may still be set."""
        while self._tasks or self._queue.next_due() <= self._now():
            await asyncio.sleep(0)

    async def _follow(self) -> None:
        """Wake the keys of everything there is, then those of every change."""
        try:
            snapshot = await self._store.snapshot()
            self._wake(
                Event(EventType.ADDED, snapshot.revision, key_of(obj), obj)
                for collection in self._by_collection
                for obj in snapshot.list(*collection)
            )
            watch = self._store.watch_all(after=snapshot.revision)
        except Compacted:
            return
        except StoreFailed as error:
            log.error("controllers wait for the store: %s", error)
            await asyncio.sleep(1)
            return
        await self._listen(watch)

    async def _listen(self, watch: Watch) -> None:
        try:
            async for batch in watch:
                self._wake(batch)
        except Compacted as error:
            log.warning("controllers fell behind and start over: %s", error)
        finally:
            watch.close()

    def _wake(self, events: Iterable[Event]) -> None:
        now, add, listeners = self._now(), self._queue.add, self._by_collection
        for event in events:
            for number, keys, coalesce_ms in listeners.get(event.key[:2], ()):
                for key in keys(event):
                    add(Item(number, key), now + coalesce_ms)
        self._woken.set()

    async def _work(self) -> None:
        while True:
            self._woken.clear()
            now = self._now()
            room = IN_FLIGHT_MAX - len(self._tasks)
            due = self._queue.take(now, room)
            if due:
                self._start(due, await self._store.snapshot(), now)
                await asyncio.sleep(0)
                continue
            await self._sleep(now)

    async def _sleep(self, now: Instant) -> None:
        """Sleep until something is due or woken; notice when the machine was away meanwhile."""
        full = len(self._tasks) >= IN_FLIGHT_MAX
        pause = WAKE_MS_MAX if full else min(WAKE_MS_MAX, self._queue.next_due() - now)
        try:
            async with asyncio.timeout(max(0, pause) / 1000):
                await self._woken.wait()
        except TimeoutError:
            pass
        if self._now() - now > WAKE_MS_MAX + STALL_MS:
            log.warning("the exchange was away for %d ms", self._now() - now)
            self._listening.since = self._now()

    def _start(self, due: Iterable[Item], snapshot: Snapshot, now: Instant) -> None:
        """Reconcile; what has something to commit goes on as a task of its own."""
        for item in due:
            if getattr(self._controllers[item.controller], "aside", False):
                self._keep(self._aside(item, snapshot, now))
                continue
            decision = self._reconcile(item, snapshot, now)
            if decision is not None and decision.transactions:
                self._keep(self._carry_out(item, decision))
            else:
                requeue_at = decision.requeue_at if decision is not None else None
                self._done(item, retry=decision is None, requeue_at=requeue_at)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _aside(self, item: Item, snapshot: Snapshot, now: Instant) -> None:
        """Reconcile in a thread: it takes long, and nothing waits for it."""
        decision = await asyncio.to_thread(self._reconcile, item, snapshot, now)
        if decision is not None and decision.transactions:
            await self._carry_out(item, decision)
        else:
            requeue_at = decision.requeue_at if decision is not None else None
            self._done(item, retry=decision is None, requeue_at=requeue_at)

    def _reconcile(self, item: Item, snapshot: Snapshot, now: Instant) -> Decision | None:
        controller = self._controllers[item.controller]
        try:
            return controller.reconcile(snapshot, item.key, now)
        except Exception:
            log.exception("%s failed on %s", controller.name, item.key)
            return None

    async def _carry_out(self, item: Item, decision: Decision) -> None:
        controller = self._controllers[item.controller]
        try:
            refused = await self._commit(controller, item.key, decision)
        except StoreFailed as error:
            log.error("%s %s: %s", controller.name, item.key, error)
            self._done(item, retry=True)
        except Exception:
            log.exception("%s failed on %s", controller.name, item.key)
            self._done(item, retry=True)
        else:
            self._done(item, retry=refused, requeue_at=decision.requeue_at)

    async def _commit(self, controller: Controller, key: Key, decision: Decision) -> bool:
        """Commit every transaction of a decision at once; say whether any was refused."""
        guard = self._guard()
        guarded = [t._replace(ops=(*guard, *t.ops)) if guard else t for t in decision.transactions]
        results = await asyncio.gather(*self._store.submit(guarded))
        refusals = [result for result in results if isinstance(result, Refused)]
        if decision.note and len(refusals) < len(results):
            log.info("%s", decision.note)
        for refusal in refusals:
            log.debug("%s %s: %s: %s", controller.name, key, refusal.why, refusal.message)
        return bool(refusals)

    def _done(self, item: Item, *, retry: bool, requeue_at: Instant | None = None) -> None:
        self._queue.done(item, self._now(), retry=retry, requeue_at=requeue_at)
        self._woken.set()
