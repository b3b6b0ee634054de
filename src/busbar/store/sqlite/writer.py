"""The one thread that writes: many transactions, one fsync. Next: `engine.py`."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from queue import SimpleQueue
from typing import NamedTuple

from busbar.model.objects import Key
from busbar.store.contract import Revision
from busbar.store.judge import Effect
from busbar.store.packing import pack
from busbar.store.sqlite.bulk import insert, run
from busbar.store.sqlite.directory import DataDirectory
from busbar.store.sqlite.schema import (
    Meta,
    VersionRow,
    balance_crc,
    row_id,
    version_row,
    write_meta,
)


class Forgotten(NamedTuple):
    """A version of an object that nothing can reach any more."""

    key: Key
    revision: Revision


class Write(NamedTuple):
    """What becomes durable at once. `meta.rows` is the writer's to fill in."""

    effects: Sequence[Effect]
    forgotten: Sequence[Forgotten]
    meta: Meta
    dropped: Sequence[str]
    """Records of which some of those that came before are to go."""
    done: Callable[[Exception | None], None]
    """Called in the writer's thread."""


DROP_AT_ONCE = 64
"""Records that go in one transaction: they are large, and others wait meanwhile."""
_DROP = f"""DELETE FROM records WHERE seq IN (
SELECT seq FROM records WHERE seq < (SELECT seq FROM records WHERE name = ?)
ORDER BY seq LIMIT {DROP_AT_ONCE})"""

_FORGET = """DELETE FROM versions WHERE id IN (
WITH gone(low, high, grp, resource, namespace, name) AS (VALUES {})
SELECT v.id FROM gone CROSS JOIN versions AS v ON v.id >= gone.low AND v.id < gone.high
WHERE v.grp = gone.grp AND v.resource = gone.resource
AND v.namespace = gone.namespace AND v.name = gone.name)"""


class Writer:
    """Owns the writing connection from `start` to `stop`."""

    def __init__(self, connection: sqlite3.Connection, directory: DataDirectory, rows: int) -> None:
        self._connection = connection
        self._directory = directory
        self._rows = rows
        self._queue: SimpleQueue[Write | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def submit(self, write: Write) -> None:
        """Queue a write."""
        self._queue.put(write)

    def stop(self) -> None:
        """Finish what is queued and end."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (write := self._queue.get()) is not None:
            write.done(self.write(write))

    def write(self, write: Write) -> Exception | None:
        """Make it durable, or say what went wrong; then nothing of it is in the database."""
        try:
            self._directory.reserve(write.meta.revision)
            self._transact(write)
        except Exception as error:
            # Whatever it is: an engine that goes on after a failed write acknowledges what is lost.
            self._roll_back()
            return error
        return None

    def _transact(self, write: Write) -> None:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        added = self._append(write.effects)
        gone = self._forget(write.forgotten)
        self._journal(write.effects)
        self._record(write)
        rows = self._rows + added - gone
        write_meta(connection, _with_rows(write.meta, rows))
        connection.execute("COMMIT")
        self._rows = rows

    def _append(self, effects: Sequence[Effect]) -> int:
        rows = list(_version_rows(effects))
        insert(self._connection, "INSERT INTO versions", rows)
        return len(rows)

    def _forget(self, forgotten: Sequence[Forgotten]) -> int:
        # An id holds the revision and an unknown place within it; few rows share a revision.
        rows = [(row_id(r, 0), row_id(r + 1, 0), *key) for key, r in forgotten]
        return run(self._connection, _FORGET, rows)

    def _journal(self, effects: Sequence[Effect]) -> None:
        lines = [
            (sealed.seq, sealed.entry.id, encoded, sealed.hash)
            for effect in effects
            for sealed, encoded in effect.journalled
        ]
        if not lines:
            return
        balances = {account: n for e in effects for account, n in e.balances.items()}
        insert(self._connection, "INSERT INTO journal", lines)
        sums = [(account, n, balance_crc(account, n)) for account, n in balances.items()]
        insert(self._connection, "INSERT OR REPLACE INTO balances", sums)

    def _record(self, write: Write) -> None:
        """Pack and keep records: here, where nobody's turn is taken by it."""
        for effect in write.effects:
            for name, body in effect.records:
                row = name, pack(body)
                self._connection.execute("INSERT INTO records (name, body) VALUES (?, ?)", row)
        for before in write.dropped:
            self._connection.execute(_DROP, (before,))

    def _roll_back(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            pass  # the store has failed already; it is read back from the disk at the next start


def _version_rows(effects: Sequence[Effect]) -> Iterator[VersionRow]:
    for effect in effects:
        for ordinal, event in enumerate(effect.changes):
            yield version_row(event.revision, ordinal, event.key, event.body or None)


def _with_rows(meta: Meta, rows: int) -> Meta:
    return Meta(meta.cluster, meta.revision, meta.floor, meta.gaps, meta.seq, meta.head, rows)
