"""The store contract: what every engine promises, and the words to ask it with.

Promises, held by tests/contract/store for each engine:
- A transaction takes effect as a whole or not at all; `commit` returns after it is durable.
- Every committed transaction that changes objects has one revision, larger than all before it,
  never reused, also after a restart or a restore. Objects carry it as metadata.resourceVersion.
- Preconditions are compared in the same indivisible step, all of them with the state before the
  transaction: compare-and-set has one winner. An object at another revision is a CONFLICT, an
  absent one NOT_FOUND, one that should be absent ALREADY_EXISTS.
- A watch gives every change after its start in revision order, once, and can be resumed at any
  revision not yet compacted; older starts raise `Compacted`.
- Journal entries commit with the objects of their transaction, sum to zero, respect the floors
  of `ledger.entries.has_floor`, and extend one hash chain. The id of an entry is its idempotency
  key: the same entry again has no effect, another entry under the same id is refused. Once a
  month is closed (`ledger.periods`), entries dated in it are refused.
- Records are bytes under a name, kept in the order in which they came and committed with the
  objects and the money of their transaction. They are in no snapshot and no watch, and take no
  memory; they are read by name, listed from the latest back, and dropped from the oldest on.
- Objects handed in and out are shared, never copied: nobody changes them in place.

An engine over a database with several writers (PostgreSQL) fits: all reading is asynchronous,
and nothing here assumes that this process made all the changes. Next: `sortedmap.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from busbar.ledger.entries import Entry, Sealed
from busbar.model.objects import Key, Object

Revision = int

ABSENT: Final = 0
"""Precondition: the object must not exist."""
ANY: Final = -1
"""No precondition (for Put: create or replace)."""
EXISTS: Final = -2
"""Precondition: the object must exist, at whatever revision."""


class Put(NamedTuple):
    """Create or replace an object. `expect` is its present revision, ABSENT, EXISTS or ANY."""

    key: Key
    obj: Object
    expect: Revision = ANY


class Delete(NamedTuple):
    """Remove an object. `expect` is its present revision, EXISTS or ANY (absent is then fine)."""

    key: Key
    expect: Revision = ANY


class Require(NamedTuple):
    """Change nothing, but insist that an object is still at `expect` (or ABSENT, EXISTS)."""

    key: Key
    expect: Revision


Op = Put | Delete | Require


class Record(NamedTuple):
    """Bytes to be kept under a name that no record had before."""

    name: str
    body: bytes


class Shelved(NamedTuple):
    """A record in a list: its name, and how many bytes it takes where it is kept."""

    name: str
    size: int


class Transaction(NamedTuple):
    """Objects, money and records that change together.

    A key occurs in at most one Put or Delete.
    """

    ops: tuple[Op, ...] = ()
    entries: tuple[Entry, ...] = ()
    records: tuple[Record, ...] = ()

    def __add__(self, other: object) -> Transaction:
        """Join two transactions into one."""
        if not isinstance(other, Transaction):
            return NotImplemented
        return Transaction(
            self.ops + other.ops, self.entries + other.entries, self.records + other.records
        )

    def is_empty(self) -> bool:
        """Say whether it would change nothing."""
        return not (self.entries or self.records) and all(
            isinstance(op, Require) for op in self.ops
        )


class Why(StrEnum):
    """The closed list of reasons for which a transaction is refused."""

    CONFLICT = "Conflict"
    ALREADY_EXISTS = "AlreadyExists"
    NOT_FOUND = "NotFound"
    INSUFFICIENT_FUNDS = "InsufficientFunds"
    UNBALANCED = "Unbalanced"
    IDEMPOTENCY = "IdempotencyKeyReused"
    PERIOD_CLOSED = "PeriodClosed"
    TOO_LARGE = "TooLarge"
    MALFORMED = "Malformed"
    """Not plain JSON, a key changed twice, an entry that cannot be read: a bug of the caller."""
    MONEY_STOPPED = "MoneyStopped"
    """The ledger was found not to hold: whoever opened the store lets no money move. No engine
    says so by itself."""


class Committed(NamedTuple):
    """It is durable. `objects` are those put, with resourceVersion set, in the order of the ops.

    `revision` is the store's revision after it; unchanged where only money or nothing changed.
    """

    revision: Revision
    objects: tuple[Object, ...]
    bodies: tuple[bytes, ...] = ()
    """The objects as JSON, where the engine has it at hand."""


class Refused(NamedTuple):
    """Nothing changed. `key` or `account` is what stood in the way; `message` one sentence."""

    why: Why
    message: str
    key: Key | None = None
    account: str = ""


class Page(NamedTuple):
    """Part of a list, all at one revision. `next_key` is where to go on, None at the end.

    `remaining` counts what follows; 0 where a filter makes that as costly as listing it.
    """

    revision: Revision
    items: tuple[Object, ...]
    next_key: Key | None = None
    remaining: int = 0


class EventType(StrEnum):
    """What happened to an object."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


class Event(NamedTuple):
    """A change. For DELETED, `obj` is the last state with the deletion's resourceVersion.

    `previous` is the state before, None for ADDED: a filtered watch needs it to tell whether an
    object came into view or left it.
    """

    type: EventType
    revision: Revision
    key: Key
    obj: Object
    previous: Object | None = None
    body: bytes = b""
    """The object as JSON, where the engine has it at hand; to be sent on, not read."""


class Compacted(Exception):
    """The revision asked for is not known here (any more): list again (HTTP 410 Gone).

    It is older than what is kept, or was never given out here (a client that outlived a restore).
    """

    def __init__(self, asked: Revision, oldest: Revision) -> None:
        fate = "has been compacted" if asked < oldest else "is not one of this store"
        super().__init__(f"revision {asked} {fate}; the oldest kept is {oldest}")
        self.asked = asked
        self.oldest = oldest


class StoreFailed(Exception):
    """The engine can no longer promise durability (disk full, I/O error); one sentence says why.

    Nothing unacknowledged is visible afterwards; reads go on, commits are refused with this.
    """


class Unopenable(StrEnum):
    """The closed list of reasons for which a store cannot be opened."""

    IN_USE = "InUse"
    NOT_A_STORE = "NotAStore"
    TOO_NEW = "TooNew"
    DAMAGED = "Damaged"
    UNWRITABLE = "Unwritable"


class CannotOpen(Exception):
    """A store cannot be opened, and nothing in it was changed; one sentence says why."""

    def __init__(self, why: Unopenable, message: str) -> None:
        super().__init__(message)
        self.why = why


class JournalEnd(Protocol):
    """Where the journal ends."""

    @property
    def seq(self) -> int:
        """Give the sequence number of its last entry, 0 where there is none."""
        ...

    @property
    def hash(self) -> str:
        """Give the hash of its last entry: the head of the chain."""
        ...


class Snapshot(Protocol):
    """A consistent view of everything at one revision. Cheap to take, never changes."""

    @property
    def revision(self) -> Revision:
        """Give the revision it shows."""
        ...

    def get(self, key: Key) -> Object | None:
        """Give an object, or None."""
        ...

    def list(self, group: str, resource: str, namespace: str | None = None) -> Iterable[Object]:
        """Give a collection, of one namespace or all, ordered by (namespace, name)."""
        ...

    def changes(
        self, since: Snapshot | None, group: str, resource: str
    ) -> Iterable[tuple[Object | None, Object | None]]:
        """Give each object of a collection that differs from an other snapshot of the same store.

        As (before, after), None where there was or is none; in no particular order. `since` None
        stands for the empty store. It costs what changed, not what there is: who keeps what it
        derived from the last snapshot need not look at everything again.
        """
        ...

    def balance(self, account: str) -> int:
        """Give an account's balance in nano-euro, 0 if never posted to."""
        ...

    def balances(self) -> Mapping[str, int]:
        """Give all balances."""
        ...

    @property
    def head(self) -> JournalEnd:
        """Give the end of the journal that these balances are the fold of."""
        ...


class Watch(Protocol):
    """An open watch: iterate over it; close it when done.

    Batches preserve revision order; a transaction's events come in one batch, in op order.
    Iteration raises `Compacted` when the consumer fell so far behind that changes were dropped.
    """

    def __aiter__(self) -> AsyncIterator[tuple[Event, ...]]:
        """Iterate over batches of events."""
        ...

    async def __anext__(self) -> tuple[Event, ...]:
        """Wait for the next batch."""
        ...

    def close(self) -> None:
        """End it; the iteration stops."""
        ...


class Store(Protocol):
    """What doors, server and simulator use."""

    async def commit(self, transaction: Transaction) -> Committed | Refused:
        """Make a transaction durable, or refuse it whole. Raises `StoreFailed`."""
        ...

    def submit(
        self, transactions: Sequence[Transaction]
    ) -> Sequence[asyncio.Future[Committed | Refused]]:
        """Commit many: judged now, one after the other; each durable once its future is done."""
        ...

    async def get(self, key: Key) -> Object | None:
        """Give an object at the latest revision, or None."""
        ...

    async def list(
        self,
        group: str,
        resource: str,
        namespace: str | None = None,
        *,
        limit: int = 0,
        start: Key | None = None,
        at: Revision | None = None,
        where: Callable[[Object], bool] | None = None,
    ) -> Page:
        """List a collection ordered by (namespace, name), from `start` on, `limit` items (0: all).

        `at` asks for the state at an older revision (to go on with a paged list): it raises
        `Compacted` where that is no longer kept. `where` filters before the limit applies.
        """
        ...

    def watch(
        self, group: str, resource: str, namespace: str | None = None, *, after: Revision
    ) -> Watch:
        """Watch a collection for changes after a revision; raises `Compacted`."""
        ...

    def watch_all(self, *, after: Revision) -> Watch:
        """Watch everything; for controllers."""
        ...

    async def snapshot(self) -> Snapshot:
        """Give a consistent view of the latest revision."""
        ...

    async def revision(self) -> Revision:
        """Give the latest revision."""
        ...

    async def compact(self, before: Revision) -> None:
        """Forget history before a revision: watches and paged lists cannot start there.

        They still can at `before` itself. Engines also forget by themselves, the oldest first.
        """
        ...

    async def journal(self, after_seq: int = 0, limit: int = 0) -> tuple[Sealed, ...]:
        """Give journal entries in sequence, after one, at most `limit` (0: all)."""
        ...

    async def find_entries(self, prefix: str) -> tuple[Sealed, ...]:
        """Give the journal entries whose ids begin with some text, in sequence.

        It costs what is found, not what there is.
        """
        ...

    async def record(self, name: str) -> bytes | None:
        """Give a record, packed (`packing.py`), or None: who keeps and who sends it want it so."""
        ...

    async def records(self, before: str = "", limit: int = 0) -> tuple[Shelved, ...]:
        """List records from the latest back, or from one (itself left out); `limit` 0: all.

        Nothing where the record to start from is not there.
        """
        ...

    async def drop_records(self, before: str) -> None:
        """Forget the records that came before one; none where it is not there."""
        ...

    async def close(self) -> None:
        """Finish what was accepted and release the engine."""
        ...
