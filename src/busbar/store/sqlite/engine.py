"""The engine: judges on the event loop, writes in one thread, shows only what is durable.

Transactions are judged in order against the state with all those still being written, so that
hundreds share one fsync. Others see a transaction, and its caller hears of it, once it is on the
disk. When a write fails the store has failed: nothing pending becomes visible, all commits are
refused from then on, reads go on; opening it again is the recovery. Next: `verify.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

import orjson

from busbar.ledger.chain import decode
from busbar.ledger.entries import Entry, Sealed
from busbar.ledger.periods import is_closing_id
from busbar.store.contract import (
    CannotOpen,
    Committed,
    EventType,
    Refused,
    Revision,
    Shelved,
    StoreFailed,
    Transaction,
    Unopenable,
)
from busbar.store.history import MAX_BYTES, MAX_EVENTS, Batch, History
from busbar.store.judge import Effect, KnownEntry, apply, judge
from busbar.store.reading import Readable
from busbar.store.sqlite import schema
from busbar.store.sqlite.directory import DataDirectory
from busbar.store.sqlite.failure import sentence
from busbar.store.sqlite.load import load
from busbar.store.sqlite.schema import Meta
from busbar.store.sqlite.shelf import Shelf, is_recorded
from busbar.store.sqlite.writer import Forgotten, Write, Writer
from busbar.store.view import State, View

Connect = Callable[[Path], sqlite3.Connection]
_NONE: Final[Mapping[str, Entry | None]] = MappingProxyType({})


class _Pending(NamedTuple):
    """A caller who waits, and what to tell it."""

    future: asyncio.Future[Committed | Refused]
    result: Committed | Refused


class SqliteStore(Readable):
    """Keeps the store contract in a data directory. Make one with `open`."""

    def __init__(
        self,
        directory: DataDirectory,
        connection: sqlite3.Connection,
        meta: Meta,
        state: State,
        history: History,
        forgotten: list[Forgotten],
    ) -> None:
        super().__init__(state.view(), history)
        self.cluster = meta.cluster
        self._state = state
        self._directory = directory
        self._connection = connection
        self._reader = schema.connect_for_reading(directory.database)
        self._journal_reader = schema.connect_for_reading(directory.database)
        self._journal_lock = asyncio.Lock()
        self._shelf = Shelf(directory.database)
        self._forgotten = forgotten
        self._effects: list[Effect] = []
        self._pending: list[_Pending] = []
        self._in_flight: list[_Pending] = []
        self._entries: dict[str, Entry] = {}
        self._recording: set[str] = set()
        self._dropped: list[str] = []
        self._open_months: set[str] = set()
        """Closings that every entry is held against, known not to be there."""
        self._writing = False
        self._scheduled = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._failed: str | None = None
        self._closed = False
        self._writer = Writer(connection, directory, meta.rows)
        self._writer.start()

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        max_events: int = MAX_EVENTS,
        max_bytes: int = MAX_BYTES,
        connect: Connect = schema.connect,
    ) -> SqliteStore:
        """Open or create the store in a data directory; raises `CannotOpen`."""
        directory = DataDirectory(path)
        try:
            return cls._open(directory, max_events, max_bytes, connect)
        except CannotOpen:
            directory.release()
            raise
        except (sqlite3.Error, OSError) as error:
            directory.release()
            raise _unopenable(error, path) from None

    @classmethod
    def _open(
        cls, directory: DataDirectory, max_events: int, max_bytes: int, connect: Connect
    ) -> SqliteStore:
        directory.protect()
        connection = connect(directory.database)
        try:
            schema.migrate(connection)
            found = schema.read_meta(connection)
            first = directory.first_revision(found.revision if found else None)
            forgotten: list[Forgotten] = []
            history = History(max_events, max_bytes, lambda batch: _forget(batch, forgotten))
            meta = found or Meta(cluster=str(uuid.uuid4()), floor=first)
            state = load(connection, meta, history)
            meta = _moved_on(meta, first)
            history.gaps = list(meta.gaps)
            state.move_to(first, state.head)
            directory.reserve(first)
            schema.write_meta(connection, meta)
            return cls(directory, connection, meta, state, history, forgotten)
        except BaseException:
            connection.close()
            raise

    async def commit(self, transaction: Transaction) -> Committed | Refused:
        """Make a transaction durable, or refuse it whole."""
        self._check_usable()
        return await self._submit(transaction, self._known)

    def submit(
        self, transactions: Sequence[Transaction]
    ) -> Sequence[asyncio.Future[Committed | Refused]]:
        """Judge transactions now; a future is done once its own is durable, or refused."""
        self._check_usable()
        ids = [entry.id for transaction in transactions for entry in transaction.entries]
        # Others than ours are rare, and looked up one by one.
        kept = self._look_up([id_ for id_ in ids if id_.isascii() and id_.isprintable()])
        known = partial(self._known, kept=kept)
        return [self._submit(transaction, known) for transaction in transactions]

    def _submit(
        self, transaction: Transaction, known: KnownEntry
    ) -> asyncio.Future[Committed | Refused]:
        judged = judge(self._state, transaction, known, self._is_recorded)
        if isinstance(judged, Effect):
            result: Committed | Refused = judged.committed
            if not judged.is_nothing():
                self._accept(judged)
        else:
            result = judged
        pending = _Pending(asyncio.get_running_loop().create_future(), result)
        # Also a refusal waits: it may rest on a transaction that is not on the disk yet.
        if not (self._effects or self._writing):
            pending.future.set_result(result)
        elif self._effects:
            self._pending.append(pending)
            self._schedule()
        else:
            self._in_flight.append(pending)
        return pending.future

    async def compact(self, before: Revision) -> None:
        """Forget history before a revision."""
        self._check_usable()
        self._history.compact(min(before, self._visible.revision))
        await self._written()

    async def journal(self, after_seq: int = 0, limit: int = 0) -> tuple[Sealed, ...]:
        """Give journal entries in sequence."""
        last = self._visible.head.seq
        if limit:
            last = min(last, after_seq + limit)
        async with self._journal_lock:
            return await asyncio.to_thread(self._read_journal, after_seq, last)

    async def find_entries(self, prefix: str) -> tuple[Sealed, ...]:
        """Give the journal entries whose ids begin with some text: a range of the ids' index."""
        last = self._visible.head.seq
        async with self._journal_lock:
            return await asyncio.to_thread(self._find_entries, prefix, last)

    async def record(self, name: str) -> bytes | None:
        """Give a record, packed, or None."""
        return await self._shelf.get(name)

    async def records(self, before: str = "", limit: int = 0) -> tuple[Shelved, ...]:
        """List records from the latest back."""
        return await self._shelf.list(before, limit)

    async def drop_records(self, before: str) -> None:
        """Forget the records that came before one, some at a time."""
        while await self._shelf.list(before, 1):
            self._check_usable()
            self._dropped.append(before)
            await self._written()

    async def close(self) -> None:
        """Finish what was accepted and release the data directory."""
        if self._closed:
            return
        while self._failed is None and (self._effects or self._writing):
            await self._idle.wait()
        self._closed = True
        self._history.end()
        self._writer.stop()
        self._reader.close()
        async with self._journal_lock:
            self._journal_reader.close()
        await self._shelf.close()
        self._connection.close()
        if self._failed is None:
            self._directory.settle(self._state.revision)
        self._directory.release()

    def _check_usable(self) -> None:
        if self._failed is not None:
            raise StoreFailed(self._failed)
        if self._closed:
            raise StoreFailed("the store is closed")

    def _accept(self, effect: Effect) -> None:
        apply(self._state, effect)
        self._effects.append(effect)
        self._idle.clear()
        for sealed, _ in effect.journalled:
            self._entries[sealed.entry.id] = sealed.entry
            self._open_months.discard(sealed.entry.id)
        self._recording.update(record.name for record in effect.records)

    def _known(self, id_: str, kept: Mapping[str, Entry | None] = _NONE) -> Entry | None:
        """Find an entry by id: among those being written, then in the database.

        `kept` is what the database was found to have of some ids.
        """
        pending = self._entries.get(id_)
        if pending is not None or self._state.head.seq == 0 or id_ in self._open_months:
            return pending
        if id_ in kept:
            return kept[id_]
        rows = self._reader.execute("SELECT entry FROM journal WHERE id = ?", (id_,)).fetchall()
        if not rows and is_closing_id(id_):
            self._open_months.add(id_)
        return decode(rows[0][0]) if rows else None

    def _look_up(self, ids: Sequence[str]) -> dict[str, Entry | None]:
        """Find entries in the database: many in one step, since each gives up the lock."""
        if len(ids) < 2:
            return {}
        query = "SELECT id, entry FROM journal WHERE id IN (SELECT value FROM json_each(?))"
        rows = self._reader.execute(query, (orjson.dumps(ids).decode(),)).fetchall()
        return {**dict.fromkeys(ids), **{id_: decode(encoded) for id_, encoded in rows}}

    def _is_recorded(self, name: str) -> bool:
        return name in self._recording or is_recorded(self._reader, name)

    def _schedule(self) -> None:
        """Write soon: first everybody who is ready may add to it."""
        if not (self._writing or self._scheduled):
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """Hand all that is pending to the writer."""
        self._scheduled = False
        if self._writing or self._failed is not None:
            return
        self._writing = True
        loop = asyncio.get_running_loop()
        view, effects = self._state.view(), self._effects
        self._in_flight, self._effects, self._pending = self._pending, [], []
        forgotten = self._forgotten.copy()
        self._forgotten.clear()
        dropped, self._dropped = tuple(self._dropped), []

        def done(error: Exception | None) -> None:
            # Without a loop nobody waits any more.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._wrote, view, effects, error)

        self._writer.submit(Write(effects, forgotten, self._meta(), dropped, done))

    def _meta(self) -> Meta:
        state, history = self._state, self._history
        gaps = tuple(history.gaps)
        return Meta(self.cluster, state.revision, history.floor, gaps, *state.head)

    def _wrote(
        self,
        view: View,
        effects: list[Effect],
        error: Exception | None,
    ) -> None:
        """Show and acknowledge what is durable now, or fail for good."""
        self._writing = False
        pending, self._in_flight = self._in_flight, []
        if error is not None:
            self._fail(sentence(error, self._directory.path), pending)
            return
        self._publish(view, effects)
        for effect in effects:
            for sealed, _ in effect.journalled:
                self._entries.pop(sealed.entry.id, None)
            self._recording.difference_update(record.name for record in effect.records)
        for future, result in pending:
            if not future.done():
                future.set_result(result)
        if self._effects or self._pending:
            self._flush()
        else:
            self._idle.set()

    def _fail(self, message: str, pending: list[_Pending]) -> None:
        self._failed = message
        self._idle.set()
        for future, _ in pending + self._pending:
            if not future.done():
                future.set_exception(StoreFailed(message))
        self._effects, self._pending = [], []

    async def _written(self) -> None:
        """Wait until what is to be forgotten is forgotten on the disk too."""
        future: asyncio.Future[Committed | Refused] = asyncio.get_running_loop().create_future()
        self._pending.append(_Pending(future, Committed(self._visible.revision, ())))
        self._schedule()
        await future

    def _find_entries(self, prefix: str, last: int) -> tuple[Sealed, ...]:
        rows = self._journal_reader.execute(
            "SELECT seq, CAST(entry AS BLOB), hash FROM journal"
            " WHERE id >= ? AND id < ? AND seq <= ? ORDER BY seq",
            (prefix, prefix + "\U0010ffff", last),
        )
        return tuple(Sealed(seq, decode(encoded), hash_) for seq, encoded, hash_ in rows)

    def _read_journal(self, after_seq: int, last: int) -> tuple[Sealed, ...]:
        query = "SELECT seq, entry, hash FROM journal WHERE seq > ? AND seq <= ? ORDER BY seq"
        rows = self._journal_reader.execute(query, (after_seq, last))
        return tuple(Sealed(seq, decode(encoded), hash_) for seq, encoded, hash_ in rows)


def _moved_on(meta: Meta, first: Revision) -> Meta:
    """Give the store's state after going on at a later revision than it knew."""
    gaps = meta.gaps if first == meta.revision else (*meta.gaps, (meta.revision, first))
    return Meta(meta.cluster, first, meta.floor, gaps, meta.seq, meta.head, meta.rows)


def _forget(batch: Batch, forgotten: list[Forgotten]) -> None:
    """Note which rows cannot be reached once a batch's events are forgotten."""
    for event in batch.events:
        if event.previous is not None:
            version = int(event.previous["metadata"]["resourceVersion"])
            forgotten.append(Forgotten(event.key, version))
        if event.type is EventType.DELETED:
            forgotten.append(Forgotten(event.key, event.revision))


def _unopenable(error: Exception, path: Path) -> CannotOpen:
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        return schema.damaged(str(error))
    return CannotOpen(Unopenable.UNWRITABLE, sentence(error, path))
