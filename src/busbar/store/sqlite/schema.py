"""What lies in the database, and how an older one becomes a newer one.

`versions` is append-only history and present state in one: the present state of an object is its
last row; compaction removes rows that no watch or paged list can reach any more. A row's id holds
the revision and the place within its transaction. A row without a body is a deletion.

Rows carry a CRC-32 over all their columns (SQLite has no page checksums): a flipped bit is noticed
when it is read. The journal has its hash chain instead, `records` the check sum of their packing.
Next: `load.py`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

import msgspec

from busbar.ledger.chain import GENESIS
from busbar.model.objects import Key
from busbar.store.contract import CannotOpen, Revision, Unopenable

APPLICATION_ID: Final = 0x42555342
ORDINAL_BITS: Final = 15
"""Places within a transaction: room for more than `judge.MAX_OPS`."""

Migration = tuple[str, ...]

MIGRATIONS: Final[tuple[Migration, ...]] = (
    (
        f"PRAGMA application_id = {APPLICATION_ID}",
        """CREATE TABLE versions (
            id INTEGER PRIMARY KEY, grp TEXT NOT NULL, resource TEXT NOT NULL,
            namespace TEXT NOT NULL, name TEXT NOT NULL, body BLOB, crc INTEGER NOT NULL)
            STRICT""",
        """CREATE TABLE journal (
            seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, entry BLOB NOT NULL,
            hash TEXT NOT NULL) STRICT""",
        """CREATE TABLE balances (
            account TEXT PRIMARY KEY, amount INTEGER NOT NULL, crc INTEGER NOT NULL)
            WITHOUT ROWID, STRICT""",
        """CREATE TABLE meta (
            name TEXT PRIMARY KEY, value BLOB NOT NULL, crc INTEGER NOT NULL)
            WITHOUT ROWID, STRICT""",
    ),
    (
        """CREATE TABLE records (
            seq INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, body BLOB NOT NULL) STRICT""",
    ),
)
"""Step n makes format n+1 out of format n; format 0 is an empty file. Steps are never edited."""


class Meta(msgspec.Struct, frozen=True):
    """What the store knows about itself as a whole; one row, rewritten by each write."""

    cluster: str
    revision: Revision = 0
    floor: Revision = 0
    gaps: tuple[tuple[Revision, Revision], ...] = ()
    seq: int = 0
    head: str = GENESIS
    rows: int = 0
    """How many rows `versions` has: a lost one is noticed."""


class VersionRow(NamedTuple):
    """A row of `versions`."""

    id: int
    grp: str
    resource: str
    namespace: str
    name: str
    body: bytes | None
    crc: int


def row_id(revision: Revision, ordinal: int) -> int:
    """Give the id of the row for the change at a place within a transaction."""
    return revision << ORDINAL_BITS | ordinal


def revision_of(id_: int) -> Revision:
    """Give the revision of a row."""
    return id_ >> ORDINAL_BITS


def version_row(revision: Revision, ordinal: int, key: Key, body: bytes | None) -> VersionRow:
    """Make a row with its checksum."""
    id_ = row_id(revision, ordinal)
    return VersionRow(id_, *key, body, version_crc(id_, key, body))


def version_crc(id_: int, key: Key, body: bytes | None) -> int:
    """Compute a row's checksum."""
    head = "\0".join((str(id_), *key, "deleted" if body is None else "")).encode()
    return crc32(body or b"", crc32(head))


def balance_crc(account: str, amount: int) -> int:
    """Compute the checksum of a balance."""
    return crc32(f"{account}\0{amount}".encode())


def write_meta(connection: sqlite3.Connection, meta: Meta) -> None:
    """Replace what the store knows about itself."""
    value = msgspec.json.encode(meta)
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('store', ?, ?)", (value, crc32(value)))


def read_meta(connection: sqlite3.Connection) -> Meta | None:
    """Read what the store knows about itself, None where it is new; raises `CannotOpen`."""
    rows = connection.execute(
        "SELECT CAST(value AS BLOB), crc FROM meta WHERE name = 'store'"
    ).fetchall()
    if not rows:
        return None
    value, crc = rows[0]
    if crc32(value) != crc:
        raise damaged("the record of the store's own state does not match its checksum")
    return msgspec.json.decode(value, type=Meta)


def damaged(what: str) -> CannotOpen:
    """Say what is damaged and what to do."""
    said = f"the database is damaged: {what}; restore the data directory from a backup"
    return CannotOpen(Unopenable.DAMAGED, said)


def connect(path: Path) -> sqlite3.Connection:
    """Open the database for writing: a commit is on the disk when it returns."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "temp_store = MEMORY",
        "cache_size = -4000",
        "wal_autocheckpoint = 4000",
        "journal_size_limit = 67108864",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    return connection


def connect_for_reading(path: Path) -> sqlite3.Connection:
    """Open the database for reading beside a writer, in this process or another."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA cache_size = -1000")
    return connection


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring a database to the newest format, each step whole or not at all."""
    check_format(connection, len(migrations))
    format_ = _format(connection)
    for number, step in enumerate(migrations[format_:], format_ + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in step:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def check_format(connection: sqlite3.Connection, newest: int = len(MIGRATIONS)) -> None:
    """Refuse what is not ours, and what a newer Busbar wrote."""
    format_ = _format(connection)
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION_ID and (tables or format_):
        said = "the database in the data directory is not a Busbar store; choose another directory"
        raise CannotOpen(Unopenable.NOT_A_STORE, said)
    if format_ > newest:
        said = (
            f"the database has format {format_}, this Busbar knows formats up to {newest}:"
            " a newer version wrote it; upgrade Busbar"
        )
        raise CannotOpen(Unopenable.TOO_NEW, said)


def _format(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
