"""Reading a database back into memory at the start, checking every row on the way.

Objects are kept parsed: controllers read all of them at each step, so a cache of parsed objects in
front of bytes would either hold them all or parse them all every second. Measured: a Pod of 1.5 KB
takes 11 KB parsed; 100,000 of them take 1.1 GB and open in 3 s.

Next: `writer.py`.
"""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Final

import msgspec
import orjson

from busbar.ledger.chain import GENESIS, decode, link
from busbar.model.objects import Key
from busbar.store.contract import CannotOpen, Event, EventType, Revision
from busbar.store.history import Batch, History
from busbar.store.judge import stamped
from busbar.store.sqlite.schema import (
    Meta,
    VersionRow,
    balance_crc,
    damaged,
    revision_of,
    version_crc,
)
from busbar.store.view import Head, State

TAIL: Final = 10_000
"""How many of the last journal entries are verified at the start; `verify` does all."""


_VERSIONS: Final = (
    "SELECT id, grp, resource, namespace, name, CAST(body AS BLOB), crc FROM versions ORDER BY id"
)
"""A flipped bit may turn a blob into a text; the checksum is compared with its bytes."""


def load(connection: sqlite3.Connection, meta: Meta, history: History) -> State:
    """Read everything that is needed in memory; raises `CannotOpen` naming what is damaged."""
    state = State()
    try:
        history.floor, history.gaps = meta.floor, list(meta.gaps)
        with _without_collecting():
            _load_versions(connection, meta, state, history)
        _load_balances(connection, state)
        _check_tail(connection, meta)
    except (sqlite3.DatabaseError, msgspec.DecodeError, TypeError, ValueError) as error:
        raise damaged(str(error)) from None
    state.move_to(meta.revision, Head(meta.seq, meta.head))
    return state


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Keep the cycle collector out: JSON has no cycles, and it would take most of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_on:
            gc.enable()


def _load_versions(
    connection: sqlite3.Connection, meta: Meta, state: State, history: History
) -> None:
    count = 0
    rows = map(VersionRow._make, connection.execute(_VERSIONS))
    for revision, group in groupby(rows, key=lambda row: revision_of(row.id)):
        events = []
        size = 0
        for row in group:
            count += 1
            size += len(row.body or b"")
            events.append(_replay(row, revision, state))
        if revision > meta.revision:
            raise damaged(f"there are changes of revision {revision}, the last is {meta.revision}")
        if revision > meta.floor:
            history.append(Batch(revision, tuple(events), size))
    if count != meta.rows:
        raise damaged(f"there are {count} versions of objects, not {meta.rows}")


def _replay(row: VersionRow, revision: Revision, state: State) -> Event:
    """Let a row happen again."""
    key = Key(row.grp, row.resource, row.namespace, row.name)
    if version_crc(row.id, key, row.body) != row.crc:
        raise damaged(f"revision {revision} of {key} does not match its checksum")
    previous = state.get(key)
    if row.body is not None:
        obj = orjson.loads(row.body)
        state.put(key, obj)
        kind = EventType.ADDED if previous is None else EventType.MODIFIED
        return Event(kind, revision, key, obj, previous, row.body)
    if previous is None:
        raise damaged(f"{key} was deleted at revision {revision} without having been there")
    state.delete(key)
    return Event(EventType.DELETED, revision, key, stamped(previous, revision), previous)


def _load_balances(connection: sqlite3.Connection, state: State) -> None:
    balances = dict(read_balances(connection))
    if sum(balances.values()) != 0:
        raise damaged("the balances do not sum to zero")
    state.set_balances(balances)


def read_balances(connection: sqlite3.Connection) -> Iterator[tuple[str, int]]:
    """Read the balances; raises `CannotOpen` for one that is damaged."""
    for account, amount, crc in connection.execute("SELECT account, amount, crc FROM balances"):
        if balance_crc(account, amount) != crc:
            raise damaged(f"the balance of {account} does not match its checksum")
        yield account, amount


def _check_tail(connection: sqlite3.Connection, meta: Meta) -> None:
    """Check that the journal's end is where it should be and its last links hold."""
    query = "SELECT seq, CAST(entry AS BLOB), hash FROM journal WHERE seq >= ? ORDER BY seq"
    first = max(1, meta.seq - TAIL)
    expected, previous = first, GENESIS if first == 1 else None
    for seq, encoded, claimed in connection.execute(query, (first,)):
        if seq != expected:
            raise damaged(f"the journal lacks entry {expected}")
        if previous is not None and link(previous, seq, encoded) != claimed:
            raise damaged(f"journal entry {seq} does not continue the hash chain")
        decode(encoded)
        expected, previous = seq + 1, claimed
    if expected != meta.seq + 1 or (previous or GENESIS) != meta.head:
        raise damaged(f"the journal ends at entry {expected - 1}, not at {meta.seq}")


__all__ = ["CannotOpen", "load", "read_balances"]
