"""What a controller is: a pure function from a snapshot to a decision.

The runner (server) and the simulator drive controllers the same way:
- Level-triggered. At start every object of every watched collection wakes its keys, as if it had
  just been added; afterwards each change does. A reconcile looks at what is, never at which event
  woke it, so a restart and a normal start are the same path.
- Optimistic. Every op carries the revision it was decided on. A refused transaction changes
  nothing; the key is reconciled again from a newer snapshot.
- Timely. `requeue_at` asks to be woken again though nothing changed. The runner keeps the earliest
  time asked for by the latest reconcile of a key.

- Beside the others, where it says `aside = True`: the server then reconciles it in a thread of its
  own, so it shares nothing that changes with another controller, and has one key.

Next: `all.py`, the list of controllers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from busbar.ledger.entries import Entry
from busbar.model.objects import Key
from busbar.model.time import Instant
from busbar.store.contract import Event, Op, Snapshot, Transaction

Collection = tuple[str, str]
"""(group, resource): what `Snapshot.list` is asked for."""


class Decision(NamedTuple):
    """What a reconcile decided.

    `transactions` are independent: each is committed or refused on its own, in order, so that a
    conflict on one (a user edits a pod) does not hold up the others. `note` is one sentence that
    says what was done; it is the log line.
    """

    transactions: tuple[Transaction, ...] = ()
    requeue_at: Instant | None = None
    note: str = ""


NOTHING = Decision()


class Controller(Protocol):
    """A reconciler."""

    @property
    def name(self) -> str:
        """Name it, for logs and metrics."""
        ...

    @property
    def watches(self) -> tuple[Collection, ...]:
        """Give the collections whose changes wake it."""
        ...

    @property
    def coalesce_ms(self) -> int:
        """Say how long after its first wake a key waits, so that a burst becomes one reconcile."""
        ...

    def keys(self, event: Event) -> Iterable[Key]:
        """Give the keys that a change wakes."""
        ...

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Decide what to do about a key."""
        ...


def decide(
    *ops: Op,
    entries: Iterable[Entry] = (),
    requeue_at: Instant | None = None,
    note: str = "",
) -> Decision:
    """Make a decision of at most one transaction; none where it would change nothing."""
    transaction = Transaction(tuple(ops), tuple(entries))
    transactions = () if transaction.is_empty() else (transaction,)
    return Decision(transactions, requeue_at, note)


def earliest(*instants: Instant | None) -> Instant | None:
    """Give the first of the instants, leaving out None."""
    known = [at for at in instants if at is not None]
    return min(known) if known else None
