"""Auditing the ledger in a database, beside a running server or without one.

Streams: the journal may be larger than memory. Everything is read in one transaction, so that a
server that goes on writing is not mistaken for damage.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

from busbar.ledger.chain import decode
from busbar.ledger.entries import Sealed
from busbar.ledger.fold import Defect, Finding, Verifier
from busbar.store.contract import CannotOpen
from busbar.store.sqlite import schema
from busbar.store.sqlite.load import read_balances
from busbar.store.sqlite.reading import JOURNAL, find_database


def verify(path: Path) -> Iterator[Finding]:
    """Give everything wrong with the ledger in a data directory (or database file), in order.

    Nothing given is good. Raises `CannotOpen` where there is no store, or a newer one.
    """
    connection = schema.connect_for_reading(find_database(path))
    try:
        connection.execute("BEGIN")
        schema.check_format(connection)
        yield from _verify(connection)
    except sqlite3.DatabaseError as error:
        yield Finding(Defect.UNREADABLE, 0, f"the database cannot be read: {error}")
    finally:
        connection.close()


def _verify(connection: sqlite3.Connection) -> Iterator[Finding]:
    verifier = Verifier()
    for seq, id_, encoded, hash_ in connection.execute(JOURNAL):
        try:
            entry = decode(encoded)
        except msgspec.DecodeError as error:
            yield Finding(Defect.UNREADABLE, seq, f"entry {seq} cannot be read: {error}")
            verifier.skip(seq, hash_)
            continue
        yield from verifier.feed(Sealed(seq, entry, hash_))
        if entry.id != id_:
            said = f"entry {seq} is filed under the id {id_!a}, not {entry.id!a}"
            yield Finding(Defect.ID_REUSED, seq, said)
    yield from _verify_end(connection, verifier)


def _verify_end(connection: sqlite3.Connection, verifier: Verifier) -> Iterator[Finding]:
    head = balances = None
    try:
        meta = schema.read_meta(connection)
        head = meta.head if meta else None
        balances = dict(read_balances(connection))
    except CannotOpen as error:
        yield Finding(Defect.UNREADABLE, 0, str(error))
    yield from verifier.finish(balances, head)
