"""The store alone: durable creates a second, one commit's latency, snapshots, restart, audit.

Peers, in the same run on the same disk: SQLite committing the same rows in the same groups with
nothing around it (the ceiling of this design), one `fsync`, and a copied dict.

    python bench/store.py [--objects N] [-o json]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import orjson
import uvloop
from bench.report import Row, as_json, as_table, at_least, at_most

from busbar.ledger import settlement
from busbar.model.objects import Key, Object
from busbar.store.contract import ABSENT, Committed, Put, Transaction
from busbar.store.sqlite import SqliteStore, schema, verify

CONCURRENCY = 64


def config_map(number: int) -> Object:
    """Give a small object, as `kubectl create configmap` makes one."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": f"c{number:07d}",
            "namespace": "default",
            "uid": f"00000000-0000-4000-8000-{number:012d}",
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"app": "bench"},
        },
        "data": {"key": "value", "other": "x" * 64},
    }


def create(number: int) -> Transaction:
    """Give the transaction that creates it."""
    key = Key("", "configmaps", "default", f"c{number:07d}")
    return Transaction((Put(key, config_map(number), ABSENT),))


async def creates_per_second(store: SqliteStore, count: int, offset: int) -> float:
    """Create objects, CONCURRENCY at a time, one per transaction."""
    numbers = iter(range(offset, offset + count))

    async def worker() -> None:
        for number in numbers:
            assert isinstance(await store.commit(create(number)), Committed)

    begin = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))
    return count / (time.perf_counter() - begin)


def ceiling(folder: Path, count: int) -> float:
    """Give the rows a second of SQLite alone, in groups of CONCURRENCY, each group durable."""
    connection = schema.connect(folder / "ceiling.db")
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB)")
    body = orjson.dumps(config_map(1))
    begin = time.perf_counter()
    for first in range(0, count, CONCURRENCY):
        connection.execute("BEGIN IMMEDIATE")
        rows = [(number, body) for number in range(first, first + CONCURRENCY)]
        connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
        connection.execute("COMMIT")
    elapsed = time.perf_counter() - begin
    connection.close()
    return count / elapsed


async def single_commit_ms(store: SqliteStore, count: int, offset: int) -> float:
    """Give the median latency of a commit that nobody shares."""
    taken = []
    for number in range(offset, offset + count):
        begin = time.perf_counter()
        await store.commit(create(number))
        taken.append((time.perf_counter() - begin) * 1000)
    return statistics.median(taken)


def single_sqlite_ms(folder: Path, count: int) -> float:
    """Give the median latency of a commit of one row by SQLite alone."""
    connection = schema.connect(folder / "single.db")
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB)")
    body, taken = orjson.dumps(config_map(1)), []
    for number in range(count):
        begin = time.perf_counter()
        connection.execute("INSERT INTO t VALUES (?, ?)", (number, body))
        taken.append((time.perf_counter() - begin) * 1000)
    connection.close()
    return statistics.median(taken)


def fsync_ms(folder: Path, count: int = 200) -> float:
    """Give the median time of appending a page to a file and fsync."""
    taken = []
    with (folder / "plain").open("wb", buffering=0) as file:
        for _ in range(count):
            begin = time.perf_counter()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            taken.append((time.perf_counter() - begin) * 1000)
    return statistics.median(taken)


def snapshot_us(store: SqliteStore, rounds: int = 2000) -> tuple[float, float]:
    """Give the time of one changed object and a snapshot, and of copying a dict as large."""
    state, view = store._state, store._visible
    key = Key("", "configmaps", "default", "c0000001")
    obj = view.get(key)
    assert obj is not None
    begin = time.perf_counter()
    for _ in range(rounds):
        state.put(key, obj)
        state.view()
    ours = (time.perf_counter() - begin) / rounds
    plain = dict(view.collection("", "configmaps").items())
    begin = time.perf_counter()
    for _ in range(5):
        plain.copy()
    return ours * 1e6, (time.perf_counter() - begin) / 5 * 1e6


def restart_seconds(path: Path) -> tuple[float, float]:
    """Give the time to open a filled store, and to read the same rows with SQLite alone."""
    begin = time.perf_counter()
    store = SqliteStore.open(path)
    ours = time.perf_counter() - begin
    uvloop.run(store.close())
    connection = sqlite3.connect(path / "busbar.db")
    begin = time.perf_counter()
    for row in connection.execute("SELECT * FROM versions ORDER BY id"):
        orjson.loads(row[5])
    elapsed = time.perf_counter() - begin
    connection.close()
    return ours, elapsed


async def book(store: SqliteStore, count: int) -> None:
    """Journal entries."""
    for first in range(0, count, 500):
        entries = [settlement.top_up("a", 1, n, str(n)) for n in range(first, first + 500)]
        await store.commit(Transaction((), tuple(entries)))


def audited_per_second(path: Path, count: int) -> float:
    """Give the journal entries verified a second."""
    begin = time.perf_counter()
    assert list(verify(path)) == []
    return count / (time.perf_counter() - begin)


async def _with_store(path: Path, objects: int, entries: int) -> tuple[float, float, float, float]:
    store = SqliteStore.open(path)
    await creates_per_second(store, 500, 10**6)
    rate = await creates_per_second(store, objects, 0)
    latency = await single_commit_ms(store, 300, 2 * 10**6)
    ours, copied = snapshot_us(store)
    await book(store, entries)
    await store.close()
    return rate, latency, ours, copied


def run(objects: int = 30_000, entries: int = 20_000) -> list[Row]:
    """Measure; gives the rows of the table."""
    folder = Path(tempfile.mkdtemp(prefix="busbar-bench-"))
    try:
        raw, alone, fsync = (
            ceiling(folder, objects),
            single_sqlite_ms(folder, 300),
            fsync_ms(folder),
        )
        path = folder / "data"
        rate, latency, ours, copied = uvloop.run(_with_store(path, objects, entries))
        audit = audited_per_second(path, entries)
        opened, read = restart_seconds(path)
    finally:
        shutil.rmtree(folder)
    return [
        at_least("store creates", rate, "1/s", 10_000, "SQLite alone, groups of 64", raw),
        at_most("store single commit p50", latency, "ms", 5, "SQLite alone", alone),
        at_most("store single commit ÷ fsync", latency / fsync, "x", 10, "fsync, ms", fsync),
        at_most("store write + snapshot", ours, "us", 50, "copy of a dict", copied),
        at_most("store restart", opened, "s", 10, "read and parse alone", read),
        at_least("ledger verification", audit, "1/s", 50_000),
    ]


def rows() -> list[Row]:
    """Give the rows of the table, for `bench/run`."""
    return run()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=30_000)
    parser.add_argument("-o", choices=("table", "json"), default="table")
    args = parser.parse_args()
    found = run(args.objects)
    print(as_json(found) if args.o == "json" else as_table(found))


if __name__ == "__main__":
    main()
