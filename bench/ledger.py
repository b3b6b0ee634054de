"""The ledger: durable postings a second through the store's commits, and verifying ten million.

Durable: contracts are held and settled as a market does it, each in a transaction of its own, many
at a time, so that one fsync serves many; beside it SQLite alone writes the same rows in the same
groups. Verification: a generated journal (`journals.py`) is read, hashed and added up again by what
`busbar verify-ledger` and `busbar restore` run.

    python bench/ledger.py [--postings N] [-o json]
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import uvloop
from bench.journals import market_entries, write_journal
from bench.report import Row, as_json, as_table, at_least, at_most, shown

from busbar.ledger.chain import GENESIS, encode, link
from busbar.ledger.entries import Entry
from busbar.store.contract import Committed, Transaction
from busbar.store.sqlite import SqliteStore, schema, verify

CONCURRENCY = 256
"""Commits that wait for their fsync at the same time."""
DURABLE, PER_COMMIT = 200_000, 2
"""Postings to write; entries of one transaction: a hold and a settlement."""
VERIFIED = 10_000_000


def transactions(postings: int) -> list[Transaction]:
    """Give the transactions of a market until they have so many postings."""
    entries = market_entries(postings, seed=1)
    found = []
    while group := tuple(islice(entries, PER_COMMIT)):
        found.append(Transaction((), group))
    return found


async def commit_all(store: SqliteStore, todo: Sequence[Transaction]) -> float:
    """Commit all, CONCURRENCY at a time; gives the seconds until the last is durable."""
    left = iter(todo)

    async def worker() -> None:
        for transaction in left:
            assert isinstance(await store.commit(transaction), Committed)

    begin = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(CONCURRENCY)))
    return time.perf_counter() - begin


def postings_of(todo: Sequence[Transaction]) -> int:
    """Count postings."""
    return sum(len(entry.postings) for transaction in todo for entry in transaction.entries)


def durable(folder: Path, todo: Sequence[Transaction]) -> float:
    """Give the durable postings a second of the store."""

    async def run() -> float:
        store = SqliteStore.open(folder / "store")
        taken = await commit_all(store, todo)
        await store.close()
        return taken

    taken = uvloop.run(run())
    assert list(verify(folder / "store")) == []
    return postings_of(todo) / taken


def sqlite_alone(folder: Path, todo: Sequence[Transaction]) -> float:
    """Give the postings a second of SQLite alone: the same rows, sealed before, the same groups."""
    connection = schema.connect(folder / "alone.db")
    schema.migrate(connection)
    rows = list(_sealed(entry for transaction in todo for entry in transaction.entries))
    size = CONCURRENCY * PER_COMMIT
    begin = time.perf_counter()
    for first in range(0, len(rows), size):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO journal VALUES (?,?,?,?)", rows[first : first + size])
        connection.execute("COMMIT")
    taken = time.perf_counter() - begin
    connection.close()
    return postings_of(todo) / taken


def _sealed(entries: Iterator[Entry]) -> Iterator[tuple[int, str, bytes, str]]:
    head = GENESIS
    for seq, entry in enumerate(entries, 1):
        encoded = encode(entry)
        head = link(head, seq, encoded)
        yield seq, entry.id, encoded, head


def verification(folder: Path, postings: int) -> list[Row]:
    """Give the rows of verifying a generated journal."""
    count = write_journal(folder, postings)
    before = resource.getrusage(resource.RUSAGE_SELF)
    begin = time.perf_counter()
    assert list(verify(folder)) == []
    taken = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    name = f"verifying {postings:,} postings in {count:,} entries"
    goal = 60 * postings / VERIFIED
    return [
        at_most(name, taken, "s", goal)._replace(note=f"{cpu:.1f} s of processor time"),
        shown("the same: the most memory the process had", after.ru_maxrss / 1024, "MiB"),
    ]


def run(postings: int = VERIFIED) -> list[Row]:
    """Measure; gives the rows of the table."""
    folder = Path(tempfile.mkdtemp(prefix="busbar-bench-"))
    try:
        verified = verification(folder, postings)
        todo = transactions(DURABLE)
        alone = sqlite_alone(folder, todo)
        rate = durable(folder, todo)
    finally:
        shutil.rmtree(folder)
    peer = f"SQLite alone, groups of {CONCURRENCY}"
    name = "durable postings through the store's commits"
    return [at_least(name, rate, "1/s", 20_000, peer, alone), *verified]


def rows() -> list[Row]:
    """Give the rows of the table, for `bench/run`."""
    return run()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postings", type=int, default=VERIFIED, help="of the verified journal")
    parser.add_argument("-o", choices=("table", "json"), default="table")
    args = parser.parse_args()
    found = run(args.postings)
    print(as_json(found) if args.o == "json" else as_table(found))


if __name__ == "__main__":
    main()
