"""Reading the journal of a database, beside a running server or without one; it streams.

Next: `verify.py`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from busbar.ledger.chain import decode
from busbar.ledger.entries import Sealed
from busbar.store.contract import CannotOpen, Unopenable
from busbar.store.sqlite import schema

JOURNAL: Final = "SELECT seq, id, CAST(entry AS BLOB), hash FROM journal ORDER BY seq"


def find_database(path: Path) -> Path:
    """Give the database file of a data directory (or the file itself); raises `CannotOpen`."""
    database = path / "busbar.db" if path.is_dir() else path
    if not database.is_file():
        said = f"there is no store in {path}; name the data directory of one"
        raise CannotOpen(Unopenable.NOT_A_STORE, said)
    return database


def read_journal(path: Path) -> Iterator[Sealed]:
    """Give the journal in a data directory (or database file), all at one moment.

    Raises `CannotOpen` where there is no store, a newer one, or a damaged one.
    """
    connection = schema.connect_for_reading(find_database(path))
    try:
        connection.execute("BEGIN")
        schema.check_format(connection)
        for seq, _, encoded, hash_ in connection.execute(JOURNAL):
            yield Sealed(seq, decode(encoded), hash_)
    except (sqlite3.DatabaseError, msgspec.DecodeError) as error:
        said = f"the journal cannot be read: {error}; run `busbar verify-ledger`"
        raise CannotOpen(Unopenable.DAMAGED, said) from None
    finally:
        connection.close()
