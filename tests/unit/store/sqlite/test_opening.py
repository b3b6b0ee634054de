"""What may not be opened is refused in one sentence, and stays as it was."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from busbar.ledger import settlement
from busbar.store.contract import CannotOpen, Transaction, Unopenable
from busbar.store.sqlite import SqliteStore, schema


def refused(path: Path) -> CannotOpen:
    with pytest.raises(CannotOpen) as found:
        SqliteStore.open(path)
    assert "\n" not in str(found.value)
    return found.value


async def test_a_second_opener_is_told_who_has_it(bench: Any) -> None:
    import os

    store = bench.open()
    error = refused(bench.path)
    assert error.why is Unopenable.IN_USE
    assert str(os.getpid()) in str(error)
    assert str(bench.path) in str(error)
    await store.close()
    await bench.open().close()


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    error = refused(tmp_path / "file" / "data")
    assert error.why is Unopenable.UNWRITABLE
    assert str(tmp_path / "file" / "data") in str(error)


async def test_a_newer_database_is_left_alone(bench: Any) -> None:
    await bench.open().close()
    bench.edit("PRAGMA user_version = 99")
    before = bench.database.read_bytes()
    error = refused(bench.path)
    assert error.why is Unopenable.TOO_NEW
    assert "99" in str(error)
    assert bench.database.read_bytes() == before


def test_somebody_elses_database_is_left_alone(bench: Any) -> None:
    bench.path.mkdir()
    bench.edit("CREATE TABLE theirs (x)")
    assert refused(bench.path).why is Unopenable.NOT_A_STORE


def test_a_file_that_is_no_database_is_left_alone(bench: Any) -> None:
    bench.path.mkdir()
    bench.database.write_bytes(b"hello, I am a text\n" * 1000)
    assert refused(bench.path).why is Unopenable.DAMAGED
    assert bench.database.read_bytes().startswith(b"hello")


async def test_what_cannot_be_opened_is_not_kept_locked(bench: Any) -> None:
    await bench.open().close()
    bench.edit("PRAGMA user_version = 99")
    refused(bench.path)
    bench.edit(f"PRAGMA user_version = {len(schema.MIGRATIONS)}")
    await bench.open().close()


DAMAGE = {
    "an object's content": (
        "UPDATE versions SET body = CAST(replace(body, 'data', 'date') AS BLOB)",
        "pods a/p",
    ),
    "an object's name": ("UPDATE versions SET name = 'q'", "pods a/q"),
    "a lost object": ("DELETE FROM versions", "0 versions of objects, not 1"),
    "a balance": ("UPDATE balances SET amount = 11 WHERE amount = 10", "ns/a/available"),
    "a lost balance": ("DELETE FROM balances WHERE amount = 10", "do not sum to zero"),
    "an entry": (
        "UPDATE journal SET entry = CAST(replace(entry, '10', '11') AS BLOB)",
        "journal entry 1",
    ),
    "a lost entry": ("DELETE FROM journal", "the journal ends at entry 0, not at 1"),
    "the store's state": (
        "UPDATE meta SET value = CAST(replace(value, '1', '2') AS BLOB)",
        "own state",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_damage_is_noticed_and_named(bench: Any, damage: str) -> None:
    store = bench.open()
    await bench.put(store, "p")
    await store.commit(Transaction((), (settlement.top_up("a", 10, 1, "k"),)))
    await store.close()
    statement, named = DAMAGE[damage]
    bench.edit(statement)
    error = refused(bench.path)
    assert error.why is Unopenable.DAMAGED
    assert named in str(error)
    assert "backup" in str(error)


async def test_no_flipped_bit_in_an_object_goes_unnoticed(bench: Any) -> None:
    store = bench.open()
    await bench.put(store, "p", 200)
    await store.close()
    whole = bytearray(bench.database.read_bytes())
    start = whole.rindex(b"x" * 200)
    for bit in range(0, 200 * 8, 97):
        damaged = whole.copy()
        damaged[start + bit // 8] ^= 1 << bit % 8
        bench.database.write_bytes(damaged)
        assert "pods a/p" in str(refused(bench.path))


async def test_a_broken_page_is_noticed(bench: Any) -> None:
    store = bench.open()
    for n in range(200):
        await bench.put(store, f"p{n}", 100)
    await store.close()
    whole = bytearray(bench.database.read_bytes())
    whole[-4096:] = b"\xff" * 4096
    bench.database.write_bytes(whole)
    assert refused(bench.path).why is Unopenable.DAMAGED


async def test_commits_are_on_the_disk_when_they_return(bench: Any) -> None:
    await bench.open().close()
    connection = schema.connect(bench.database)
    pragmas = ("journal_mode", "synchronous", "wal_autocheckpoint")
    found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas]
    assert found == ["wal", 2, 4000]
    connection.close()


async def test_only_its_user_can_read_the_database(bench: Any) -> None:
    bench.path.mkdir(mode=0o755)
    store = bench.open()
    await bench.put(store, "p")
    modes = {file.name: file.stat().st_mode & 0o077 for file in bench.path.glob("busbar.db*")}
    assert modes == {"busbar.db": 0, "busbar.db-wal": 0, "busbar.db-shm": 0}
    await store.close()
    bench.database.chmod(0o644)
    await bench.open().close()
    assert bench.database.stat().st_mode & 0o077 == 0


def test_each_migration_happens_whole_or_not_at_all(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    good = (*schema.MIGRATIONS, ("CREATE TABLE more (x)", "INSERT INTO more VALUES (1)"))
    broken = (*good, ("CREATE TABLE half (x)", "INSERT INTO nowhere VALUES (1)"))
    with pytest.raises(sqlite3.OperationalError):
        schema.migrate(connection, broken)
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    assert "more" in tables
    assert "half" not in tables
    schema.migrate(connection, (*good, ("CREATE TABLE half (x)",)))
    schema.migrate(connection, (*good, ("CREATE TABLE half (x)",)))
    assert connection.execute("PRAGMA user_version").fetchone() == (len(good) + 1,)
    assert connection.execute("SELECT x FROM more").fetchall() == [(1,)]
    connection.close()
