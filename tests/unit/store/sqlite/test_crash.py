"""kill -9 at every write point: what was acknowledged, to somebody outside, is there afterwards."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from busbar.model.objects import Key
from busbar.store.sqlite import SqliteStore, verify

VICTIM = """
import asyncio, os, sqlite3, sys
from pathlib import Path
from busbar.ledger import settlement
from busbar.model.objects import Key
from busbar.store.contract import Put, Transaction
from busbar.store.sqlite import SqliteStore, schema

path, place, when, count = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])

class Deadly(sqlite3.Connection):
    left = count
    def execute(self, sql, *args):
        return self.reach(sql, super().execute, args)
    def reach(self, sql, run, args):
        if not sql.startswith(place):
            return run(sql, *args)
        self.left -= 1
        if self.left == 0 and when == "before":
            os._exit(9)
        result = run(sql, *args)
        if self.left == 0:
            os._exit(9)
        return result

def connect(file):
    schema.connect(file).close()
    connection = sqlite3.connect(
        file, isolation_level=None, check_same_thread=False, factory=Deadly)
    sqlite3.Connection.execute(connection, "PRAGMA synchronous = FULL")
    return connection

async def worker(store, number):
    for n in range(1000):
        ops = [Put(Key("", "pods", side, f"p{number}-{n}"), {"metadata": {}}) for side in "ab"]
        ops.append(Put(Key("", "configmaps", "a", f"c{number}"), {"metadata": {}}))
        money = settlement.top_up("a", 1, n, f"{number}-{n}")
        done = await store.commit(Transaction(tuple(ops), (money,)))
        os.write(1, f"{number}-{n} {done.revision}\\n".encode())

async def main():
    store = SqliteStore.open(path, connect=connect, max_events=50)
    await asyncio.gather(*(worker(store, number) for number in range(4)))

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("place", "when"),
    [
        ("BEGIN", "before"),
        ("INSERT INTO versions", "after"),
        ("DELETE FROM versions", "after"),
        ("INSERT INTO journal", "before"),
        ("COMMIT", "before"),
        ("COMMIT", "after"),
    ],
)
def test_nothing_acknowledged_is_lost_and_nothing_is_half_there(
    tmp_path: Path, place: str, when: str
) -> None:
    command = [sys.executable, "-c", VICTIM, str(tmp_path), place, when, "30"]
    victim = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert victim.returncode == 9, victim.stderr
    acknowledged = [line.split() for line in victim.stdout.splitlines()]
    assert len(acknowledged) >= 20

    store = SqliteStore.open(tmp_path)
    snapshot = store._visible
    for name, revision in acknowledged:
        for side in "ab":
            found = snapshot.get(Key("", "pods", side, f"p{name}"))
            assert found is not None
            assert found["metadata"]["resourceVersion"] == revision
    assert snapshot.revision >= max(int(revision) for _, revision in acknowledged)
    pods = len(snapshot.list("", "pods"))
    assert pods == 2 * snapshot.balance("ns/a/available") >= 2 * len(acknowledged)
    assert list(verify(tmp_path)) == []
