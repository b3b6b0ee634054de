"""A write that fails: everybody is told in one sentence, nothing unacknowledged is ever seen."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
import threading
from typing import Any

import pytest

from busbar.model.objects import Key
from busbar.store.contract import ABSENT, Put, StoreFailed, Transaction


def sqlite_error(code: int, text: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


FAULTS = {
    "full": (sqlite_error(sqlite3.SQLITE_FULL, "full"), "the disk is full; free some space"),
    "read-only": (sqlite_error(sqlite3.SQLITE_READONLY, "ro"), "it is read-only"),
    "io": (sqlite_error(sqlite3.SQLITE_IOERR | 4 << 8, "disk I/O error"), "disk I/O error"),
    "files": (OSError(errno.EMFILE, "too many"), "too many files are open"),
    "quota": (OSError(errno.EDQUOT, "quota"), "the disk is full"),
    "a bug": (RuntimeError("bug"), "bug"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("place", ["BEGIN", "INSERT INTO versions", "COMMIT"])
async def test_all_pending_and_later_commits_fail_with_one_sentence(
    bench: Any, fault: str, place: str
) -> None:
    store = bench.open()
    await bench.put(store, "before")
    bench.connection.error, said = FAULTS[fault]
    bench.connection.fail_at = place
    tries = [asyncio.create_task(bench.put(store, f"p{n}")) for n in range(5)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    with pytest.raises(StoreFailed) as later:
        await bench.put(store, "later")
    assert all(isinstance(outcome, StoreFailed) for outcome in outcomes)
    assert {str(outcome) for outcome in outcomes} == {str(later.value)}
    assert said in str(later.value)
    assert str(bench.path) in str(later.value)
    assert "\n" not in str(later.value)
    await store.close()


async def test_reads_go_on_and_show_only_what_was_acknowledged(bench: Any) -> None:
    store = bench.open()
    revision = await bench.put(store, "before")
    watch = store.watch_all(after=revision)
    bench.connection.fail_at = "COMMIT"
    with pytest.raises(StoreFailed):
        await bench.put(store, "lost")
    listed = await store.list("", "pods")
    assert [obj["metadata"]["name"] for obj in listed.items] == ["before"]
    assert await store.get(Key("", "pods", "a", "lost")) is None
    assert await store.revision() == revision
    assert watch.take() == ()
    assert await store.journal() == ()
    await store.close()


async def test_opening_again_is_the_recovery(bench: Any) -> None:
    store = bench.open()
    revision = await bench.put(store, "before")
    bench.connection.fail_at = "COMMIT"
    with pytest.raises(StoreFailed):
        await bench.put(store, "lost")
    await store.close()
    store = bench.open()
    assert await bench.put(store, "after") > revision
    names = [obj["metadata"]["name"] for obj in (await store.list("", "pods")).items]
    assert names == ["after", "before"]
    await store.close()


async def test_a_database_that_may_not_grow_is_a_full_disk(bench: Any) -> None:
    store = bench.open()
    await bench.put(store, "small")
    (pages,) = bench.connection.execute("PRAGMA page_count").fetchone()
    bench.connection.execute(f"PRAGMA max_page_count = {pages + 5}")
    with pytest.raises(StoreFailed, match="the disk is full"):
        await bench.put(store, "large", 1_000_000)
    assert await store.get(Key("", "pods", "a", "small")) is not None
    await store.close()


async def test_revisions_that_cannot_be_reserved_are_not_given_out(bench: Any) -> None:
    store = bench.open()
    store._directory.reserved = await store.revision()
    (bench.path / "revisions.new").mkdir()
    with pytest.raises(StoreFailed):
        await bench.put(store, "p")
    await store.close()


async def test_many_transactions_share_a_commit(bench: Any) -> None:
    store = bench.open()
    await bench.put(store, "first")
    bench.connection.statements.clear()
    await asyncio.gather(*(bench.put(store, f"p{n}") for n in range(200)))
    assert bench.connection.statements.count("COMMIT") <= 2
    await store.close()


async def test_nothing_is_answered_or_shown_while_it_is_being_written(bench: Any) -> None:
    store = bench.open()
    first = await bench.put(store, "p")
    bench.connection.gate = threading.Event()
    bench.connection.fail_at = "COMMIT"
    create = Transaction((Put(Key("", "pods", "a", "q"), {"metadata": {}}, ABSENT),))
    winner = asyncio.create_task(store.commit(create))
    while not store._writing:
        await asyncio.sleep(0)
    loser = asyncio.create_task(store.commit(create))
    nothing = asyncio.create_task(store.commit(Transaction()))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not any(task.done() for task in (winner, loser, nothing))
    assert await store.revision() == first
    bench.connection.gate.set()
    outcomes = await asyncio.gather(winner, loser, nothing, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreFailed] * 3
    await store.close()


async def test_a_refusal_that_rests_on_a_lost_transaction_is_not_given(bench: Any) -> None:
    store = bench.open()
    bench.connection.fail_at = "COMMIT"
    first = asyncio.create_task(bench.put(store, "p"))
    second = asyncio.create_task(bench.put(store, "p"))
    outcomes = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreFailed, StoreFailed]
    await store.close()
