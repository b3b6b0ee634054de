"""Whether a transaction may take effect, and which: the same for every engine.

Judging changes nothing. `apply` then changes the state; an engine decides when others see it.
Next: `history.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import orjson

from busbar.ledger.chain import encode, link
from busbar.ledger.checks import MAX_BALANCE, Fault, check_entry
from busbar.ledger.entries import Entry, Sealed, has_floor
from busbar.ledger.periods import closing_id, month_of
from busbar.model.money import format_euro
from busbar.model.objects import Key, Object
from busbar.store.contract import (
    ABSENT,
    ANY,
    EXISTS,
    Committed,
    Delete,
    Event,
    EventType,
    Op,
    Put,
    Record,
    Refused,
    Require,
    Revision,
    Transaction,
    Why,
)
from busbar.store.view import Head, State

MAX_OPS: Final = 20_000
MAX_OBJECT_BYTES: Final = 8 * 1024 * 1024
"""Far above the 1.5 MB of a Kubernetes object: the record of a clearing of 10,000 orders fits."""

MAX_RECORD_BYTES: Final = 64 * 1024 * 1024
MAX_RECORD_NAME: Final = 253

KnownEntry = Callable[[str], Entry | None]
"""Finds a journalled entry by its id."""
KnownRecord = Callable[[str], bool]
"""Says whether there is a record of a name."""

_PLAIN = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


class Journalled(NamedTuple):
    """A sealed entry and its canonical encoding."""

    sealed: Sealed
    encoded: bytes


class Effect(NamedTuple):
    """What a transaction does. The events have their objects' JSON; none where one was deleted."""

    committed: Committed
    changes: tuple[Event, ...]
    journalled: tuple[Journalled, ...]
    balances: dict[str, int]
    head: Head
    records: tuple[Record, ...] = ()

    def is_nothing(self) -> bool:
        """Say whether it changes nothing."""
        return not (self.changes or self.journalled or self.records)


def judge(
    state: State, transaction: Transaction, known: KnownEntry, recorded: KnownRecord
) -> Effect | Refused:
    """Decide what a transaction does to a state, or why it may not."""
    ops, entries, records = transaction
    if len(ops) > MAX_OPS:
        return Refused(Why.TOO_LARGE, f"a transaction has at most {MAX_OPS} operations")
    if len(ops) > 1 and (twice := _changed_twice(ops)):
        return twice
    changes = _judge_ops(state, ops) if ops else ()
    if isinstance(changes, Refused):
        return changes
    money = _judge_entries(state, entries, known) if entries else ((), {}, state.head)
    if isinstance(money, Refused):
        return money
    if records and (refused := _check_records(records, recorded)):
        return refused
    revision = state.revision + 1 if changes else state.revision
    put = [event for event in changes if event.body]
    objects, bodies = tuple(event.obj for event in put), tuple(event.body for event in put)
    return Effect(Committed(revision, objects, bodies), changes, *money, records)


def apply(state: State, effect: Effect) -> None:
    """Let an effect happen."""
    for event in effect.changes:
        if event.body:
            state.put(event.key, event.obj)
        else:
            state.delete(event.key)
    if effect.balances:
        state.set_balances(effect.balances)
    state.move_to(effect.committed.revision, effect.head)


def _judge_ops(state: State, ops: tuple[Op, ...]) -> tuple[Event, ...] | Refused:
    revision = state.revision + 1
    changes: list[Event] = []
    for op in ops:
        present = state.get(op.key)
        refused = _check_expectation(op.key, op.expect, present)
        if refused is not None:
            return refused
        if isinstance(op, Put):
            change = _put(op, present, revision)
            if isinstance(change, Refused):
                return change
            changes.append(change)
        elif isinstance(op, Delete) and present is not None:
            last = stamped(present, revision)
            changes.append(Event(EventType.DELETED, revision, op.key, last, present))
    return tuple(changes)


def _put(op: Put, present: Object | None, revision: Revision) -> Event | Refused:
    try:
        obj = stamped(op.obj, revision)
        body = orjson.dumps(obj, option=_PLAIN)
    except KeyError:
        return Refused(Why.MALFORMED, f"{op.key} has no metadata", op.key)
    except (TypeError, ValueError, RecursionError) as error:
        return Refused(Why.MALFORMED, f"{op.key} is not plain JSON: {error}", op.key)
    if len(body) > MAX_OBJECT_BYTES:
        said = f"{op.key} has {len(body)} bytes, at most {MAX_OBJECT_BYTES} are stored"
        return Refused(Why.TOO_LARGE, said, op.key)
    kind = EventType.ADDED if present is None else EventType.MODIFIED
    return Event(kind, revision, op.key, obj, present, body)


def stamped(obj: Object, revision: Revision) -> Object:
    """Copy with metadata.resourceVersion set."""
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(revision)}}


def _check_expectation(key: Key, expect: Revision, present: Object | None) -> Refused | None:
    if expect == ANY:
        return None
    if present is None:
        if expect == ABSENT:
            return None
        return Refused(Why.NOT_FOUND, f"{key} does not exist", key)
    if expect == ABSENT:
        return Refused(Why.ALREADY_EXISTS, f"{key} already exists", key)
    found = present["metadata"]["resourceVersion"]
    if expect == EXISTS or found == str(expect):
        return None
    said = f"{key} was changed meanwhile: it is at revision {found}, not {expect}; read it again"
    return Refused(Why.CONFLICT, said, key)


def _changed_twice(ops: tuple[Op, ...]) -> Refused | None:
    seen: set[Key] = set()
    for op in ops:
        if not isinstance(op, Require):
            if op.key in seen:
                said = f"{op.key} is changed twice in one transaction"
                return Refused(Why.MALFORMED, said, op.key)
            seen.add(op.key)
    return None


def _check_records(records: tuple[Record, ...], recorded: KnownRecord) -> Refused | None:
    own: set[str] = set()
    for name, body in records:
        if not name or not name.isascii() or len(name) > MAX_RECORD_NAME:
            said = f"a record's name has 1 to {MAX_RECORD_NAME} ASCII characters"
            return Refused(Why.MALFORMED, said)
        if len(body) > MAX_RECORD_BYTES:
            said = f"the record {name} has {len(body)} bytes, at most {MAX_RECORD_BYTES} are kept"
            return Refused(Why.TOO_LARGE, said)
        if name in own or recorded(name):
            return Refused(Why.ALREADY_EXISTS, f"there is a record {name} already")
        own.add(name)
    return None


def _judge_entries(
    state: State, entries: tuple[Entry, ...], known: KnownEntry
) -> tuple[tuple[Journalled, ...], dict[str, int], Head] | Refused:
    journalled: list[Journalled] = []
    balances: dict[str, int] = {}
    own: dict[str, Entry] = {}
    seq, head = state.head
    months: set[str] = set()
    for entry in entries:
        earlier = own.get(entry.id) or known(entry.id)
        if earlier is not None:
            if earlier.same_effect(entry):
                continue
            said = f"the idempotency key {entry.id!a} was used before for something else"
            return Refused(Why.IDEMPOTENCY, said)
        refused = (
            _check_sound(entry)
            or _check_period(entry, own, known, months)
            or _post(state, entry, balances)
        )
        if refused is not None:
            return refused
        own[entry.id] = entry
        seq, encoded = seq + 1, encode(entry)
        head = link(head, seq, encoded)
        journalled.append(Journalled(Sealed(seq, entry, head), encoded))
    return tuple(journalled), balances, Head(seq, head)


_WHY_UNSOUND = {
    Fault.SUM_NOT_ZERO: Why.UNBALANCED,
    Fault.TOO_FEW_POSTINGS: Why.UNBALANCED,
    Fault.TOO_MANY_POSTINGS: Why.TOO_LARGE,
    Fault.AMOUNT_OUT_OF_RANGE: Why.TOO_LARGE,
    Fault.TEXT_TOO_LONG: Why.TOO_LARGE,
}


def _check_sound(entry: Entry) -> Refused | None:
    finding = check_entry(entry)
    if finding is None:
        return None
    return Refused(_WHY_UNSOUND.get(finding.fault, Why.MALFORMED), finding.message)


def _check_period(
    entry: Entry, own: dict[str, Entry], known: KnownEntry, months: set[str]
) -> Refused | None:
    """Refuse an entry dated in a closed month. `months` are those found open before."""
    closing = closing_id(month_of(entry.at))
    if closing in own or (closing not in months and known(closing) is not None):
        said = (
            f"entry {entry.id!a} is dated in {month_of(entry.at)}, which is closed:"
            " date it later and refer back"
        )
        return Refused(Why.PERIOD_CLOSED, said)
    months.add(closing)
    return None


def _post(state: State, entry: Entry, balances: dict[str, int]) -> Refused | None:
    """Add an entry's postings to the changed balances."""
    for account, amount in entry.postings:
        before = balances[account] if account in balances else state.balance(account)
        after = before + amount
        if after < 0 and amount < 0 and has_floor(account):
            said = (
                f"{account} has {format_euro(before)} €, {entry.id} takes {format_euro(-amount)} €"
            )
            return Refused(Why.INSUFFICIENT_FUNDS, said, account=account)
        if abs(after) > MAX_BALANCE:
            said = f"{account} would go beyond what an account may hold"
            return Refused(Why.TOO_LARGE, said, account=account)
        balances[account] = after
    return None
