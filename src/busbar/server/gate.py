"""A store through which no money moves while its ledger is in doubt. Next: `audit.py`.

Everything else goes on: reading, objects, reports of agents. What would move money is refused and
decided anew later, as with every refusal, so nothing is lost when the gate opens again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from busbar.ledger.entries import Sealed
from busbar.model.objects import Key, Object
from busbar.store.contract import (
    Committed,
    Page,
    Refused,
    Revision,
    Shelved,
    Snapshot,
    Store,
    Transaction,
    Watch,
    Why,
)


class MoneyGate:
    """Keeps the store contract; `stopped` says why no money moves, "" while it does."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.stopped = ""

    def commit(self, transaction: Transaction) -> Coroutine[Any, Any, Committed | Refused]:
        """Commit, unless it moves money and none may move."""
        if self.stopped and transaction.entries:
            return _refuse(self.stopped)
        return self._store.commit(transaction)

    def submit(
        self, transactions: Sequence[Transaction]
    ) -> Sequence[asyncio.Future[Committed | Refused]]:
        """Commit many, but for those that move money where none may move."""
        if not self.stopped:
            return self._store.submit(transactions)
        return [
            asyncio.ensure_future(_refuse(self.stopped))
            if transaction.entries
            else self._store.submit((transaction,))[0]
            for transaction in transactions
        ]

    def get(self, key: Key) -> Coroutine[Any, Any, Object | None]:
        """Give an object at the latest revision, or None."""
        return self._store.get(key)

    def list(
        self,
        group: str,
        resource: str,
        namespace: str | None = None,
        *,
        limit: int = 0,
        start: Key | None = None,
        at: Revision | None = None,
        where: Callable[[Object], bool] | None = None,
    ) -> Coroutine[Any, Any, Page]:
        """List a collection."""
        return self._store.list(
            group, resource, namespace, limit=limit, start=start, at=at, where=where
        )

    def watch(
        self, group: str, resource: str, namespace: str | None = None, *, after: Revision
    ) -> Watch:
        """Watch a collection."""
        return self._store.watch(group, resource, namespace, after=after)

    def watch_all(self, *, after: Revision) -> Watch:
        """Watch everything."""
        return self._store.watch_all(after=after)

    def snapshot(self) -> Coroutine[Any, Any, Snapshot]:
        """Give a consistent view of the latest revision."""
        return self._store.snapshot()

    def revision(self) -> Coroutine[Any, Any, Revision]:
        """Give the latest revision."""
        return self._store.revision()

    def compact(self, before: Revision) -> Coroutine[Any, Any, None]:
        """Forget history before a revision."""
        return self._store.compact(before)

    def journal(
        self, after_seq: int = 0, limit: int = 0
    ) -> Coroutine[Any, Any, tuple[Sealed, ...]]:
        """Give journal entries in sequence."""
        return self._store.journal(after_seq, limit)

    def find_entries(self, prefix: str) -> Coroutine[Any, Any, tuple[Sealed, ...]]:
        """Give the journal entries whose ids begin with some text."""
        return self._store.find_entries(prefix)

    def record(self, name: str) -> Coroutine[Any, Any, bytes | None]:
        """Give a record, packed, or None."""
        return self._store.record(name)

    def records(self, before: str = "", limit: int = 0) -> Coroutine[Any, Any, tuple[Shelved, ...]]:
        """List records from the latest back."""
        return self._store.records(before, limit)

    def drop_records(self, before: str) -> Coroutine[Any, Any, None]:
        """Forget the records that came before one."""
        return self._store.drop_records(before)

    def close(self) -> Coroutine[Any, Any, None]:
        """Close the store."""
        return self._store.close()


async def _refuse(why: str) -> Refused:
    return Refused(Why.MONEY_STOPPED, why)
