"""Group commit: changes that arrive while one commit is being synced share the next one.

Changes are applied on the event loop's thread, where they cost microseconds and never wait for
the interpreter's lock; only COMMIT, which waits for the disk, runs in a thread of its own. Large
changes are applied in that thread too. Next: `blobs.py`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from busbar.apis.s3.errors import Code, S3Error
from busbar.apis.s3.storage.index import Change, new_versions

BATCH_MAX = 128

T = TypeVar("T")
Op = Callable[[Change], Any]


class _Waiting(NamedTuple):
    op: Op
    future: asyncio.Future[Any]
    large: bool


class GroupCommit:
    """The only writer of the index. `released` is told which files a commit has orphaned."""

    def __init__(self, db: sqlite3.Connection, released: Callable[[Iterable[str]], None]) -> None:
        self._db = db
        self._versions = new_versions(db)
        self._released = released
        self._waiting: deque[_Waiting] = deque()
        self._thread = ThreadPoolExecutor(1, "s3-commit")
        self._task: asyncio.Task[None] | None = None

    async def run(self, op: Callable[[Change], T], *, large: bool = False) -> T:
        """Apply a change; returns when it is durable, raises what the change refused with."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._waiting.append(_Waiting(op, future, large))
        if self._task is None:
            self._task = loop.create_task(self._work())
        # A caller that goes away must not take its change back half-way.
        return await asyncio.shield(future)

    async def close(self) -> None:
        """Finish what is waiting."""
        if self._task is not None:
            await self._task
        self._thread.shutdown()

    async def _work(self) -> None:
        try:
            while self._waiting:
                # Let every request that is ready now join the batch.
                await asyncio.sleep(0)
                batch = [self._waiting.popleft()]
                while self._waiting and len(batch) < BATCH_MAX and not batch[-1].large:
                    batch.append(self._waiting.popleft())
                await self._apply(batch)
        finally:
            self._task = None

    async def _apply(self, batch: list[_Waiting]) -> None:
        loop = asyncio.get_running_loop()
        try:
            if batch[-1].large:
                change, results = await loop.run_in_executor(
                    self._thread, lambda: self._run_all(batch)
                )
                await loop.run_in_executor(self._thread, self._db.execute, "COMMIT")
            else:
                change, results = self._run_all(batch)
                await loop.run_in_executor(self._thread, self._db.execute, "COMMIT")
        except BaseException as failure:
            self._rollback()
            if len(batch) > 1 and isinstance(failure, Exception):
                # One bad change must not fail its neighbours.
                for item in batch:
                    await self._apply([item])
                return
            _fail(batch, failure)
            if not isinstance(failure, Exception):
                raise
            return
        self._released(change.garbage)
        for item, result in zip(batch, results, strict=True):
            if item.future.cancelled():
                continue
            if isinstance(result, S3Error):
                item.future.set_exception(result)
            else:
                item.future.set_result(result)

    def _run_all(self, batch: list[_Waiting]) -> tuple[Change, list[Any]]:
        self._db.execute("BEGIN IMMEDIATE")
        change = Change(self._db, self._versions)
        results = []
        for item in batch:
            try:
                results.append(item.op(change))
            except S3Error as refusal:
                results.append(refusal)
        return change, results

    def _rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")


def _fail(batch: list[_Waiting], failure: BaseException) -> None:
    for item in batch:
        if not item.future.cancelled():
            item.future.set_exception(translated(failure))


def translated(failure: BaseException) -> BaseException:
    """Give the refusal that a client should see for a failure of the index."""
    if isinstance(failure, sqlite3.OperationalError) and "full" in str(failure):
        return S3Error(Code.InsufficientStorage, "The disk is full; nothing was changed.")
    if isinstance(failure, sqlite3.Error):
        return S3Error(
            Code.InternalError,
            f"The object index could not be written: {failure}. Nothing changed.",
        )
    return failure
