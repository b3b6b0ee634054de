"""The engine without a disk: for simulation and tests. Deterministic, and never suspends.

Only `Watch.__anext__` waits; everything else can be driven by `coroutine.send(None)` or through
`commit_now` and `snapshot_now`. Durable means: until the object is dropped. Next:
`upkeep.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from busbar.ledger.entries import Entry, Sealed
from busbar.store.contract import (
    Committed,
    Refused,
    Revision,
    Shelved,
    StoreFailed,
    Transaction,
)
from busbar.store.history import MAX_BYTES, MAX_EVENTS, History
from busbar.store.judge import Effect, apply, judge
from busbar.store.packing import pack
from busbar.store.reading import Readable
from busbar.store.view import State, View


class MemoryStore(Readable):
    """Keeps the store contract in memory."""

    def __init__(self, *, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        self._state = State()
        self._journal: list[Sealed] = []
        self._closed = False
        self._seq_by_id: dict[str, int] = {}
        self._records: dict[str, bytes] = {}
        super().__init__(self._state.view(), History(max_events, max_bytes))

    async def commit(self, transaction: Transaction) -> Committed | Refused:
        """Commit, or refuse."""
        return self.commit_now(transaction)

    def submit(
        self, transactions: Sequence[Transaction]
    ) -> Sequence[asyncio.Future[Committed | Refused]]:
        """Commit, or refuse, one after the other; the futures are done."""
        loop, submitted = asyncio.get_running_loop(), []
        for transaction in transactions:
            done = loop.create_future()
            done.set_result(self.commit_now(transaction))
            submitted.append(done)
        return submitted

    def commit_now(self, transaction: Transaction) -> Committed | Refused:
        """Commit without an event loop."""
        if self._closed:
            raise StoreFailed("the store is closed")
        effect = judge(self._state, transaction, self._known, self._records.__contains__)
        if isinstance(effect, Refused):
            return effect
        if not effect.is_nothing():
            self._take(effect)
        return effect.committed

    def snapshot_now(self) -> View:
        """Give a snapshot without an event loop."""
        return self._visible

    def journal_now(self, after_seq: int = 0, limit: int = 0) -> tuple[Sealed, ...]:
        """Give journal entries without an event loop."""
        return tuple(self._journal[after_seq : after_seq + limit if limit else None])

    async def journal(self, after_seq: int = 0, limit: int = 0) -> tuple[Sealed, ...]:
        """Give journal entries in sequence."""
        return self.journal_now(after_seq, limit)

    async def find_entries(self, prefix: str) -> tuple[Sealed, ...]:
        """Give the journal entries whose ids begin with some text."""
        found = (seq for id_, seq in self._seq_by_id.items() if id_.startswith(prefix))
        return tuple(self._journal[seq - 1] for seq in sorted(found))

    def record_now(self, name: str) -> bytes | None:
        """Give a record as it came, without an event loop."""
        return self._records.get(name)

    async def record(self, name: str) -> bytes | None:
        """Give a record, packed; it is kept as it came."""
        body = self._records.get(name)
        return None if body is None else pack(body)

    async def records(self, before: str = "", limit: int = 0) -> tuple[Shelved, ...]:
        """List records from the latest back."""
        names = list(self._records)
        if before:
            names = names[: names.index(before)] if before in self._records else []
        latest = names[-limit:] if limit else names
        return tuple(Shelved(name, len(self._records[name])) for name in reversed(latest))

    async def drop_records(self, before: str) -> None:
        """Forget the records that came before one."""
        if before in self._records:
            names = list(self._records)
            for name in names[: names.index(before)]:
                del self._records[name]

    async def compact(self, before: Revision) -> None:
        """Forget history before a revision."""
        self._history.compact(min(before, self._visible.revision))

    async def close(self) -> None:
        """End the watches."""
        self._closed = True
        self._history.end()

    def _known(self, id_: str) -> Entry | None:
        seq = self._seq_by_id.get(id_)
        return None if seq is None else self._journal[seq - 1].entry

    def _take(self, effect: Effect) -> None:
        apply(self._state, effect)
        for sealed, _ in effect.journalled:
            self._journal.append(sealed)
            self._seq_by_id[sealed.entry.id] = sealed.seq
        self._records.update(effect.records)
        self._publish(self._state.view(), (effect,))
