"""Revisions are never given out twice, whatever was restored."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from busbar.store.contract import CannotOpen, Compacted
from busbar.store.sqlite import bump_epoch
from busbar.store.sqlite.directory import BLOCK, EPOCH


async def stopped_with(bench: Any, *names: str) -> int:
    store = bench.open()
    for name in names:
        await bench.put(store, name)
    revision: int = await store.revision()
    await store.close()
    return revision


def copy(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target


async def test_a_clean_stop_leaves_no_gap(bench: Any) -> None:
    last = await stopped_with(bench, "a", "b")
    store = bench.open()
    assert await store.revision() == last
    assert await bench.put(store, "c") == last + 1
    await store.close()


async def test_an_older_database_put_back_goes_on_behind_what_was_given_out(
    bench: Any, tmp_path: Path
) -> None:
    old = await stopped_with(bench, "a")
    backup = tmp_path / "backup.db"
    shutil.copy(bench.database, backup)
    newest = await stopped_with(bench, "b", "c", "d")
    shutil.copy(backup, bench.database)
    store = bench.open()
    assert await store.revision() >= newest
    assert await bench.put(store, "e") > newest
    for forgotten in range(old + 1, newest):
        with pytest.raises(Compacted):
            store.watch_all(after=forgotten)
    store.watch_all(after=old)
    await store.close()


async def test_what_a_lost_time_gave_out_stays_unknown_after_more_restarts(
    bench: Any, tmp_path: Path
) -> None:
    old = await stopped_with(bench, "a")
    shutil.copy(bench.database, tmp_path / "backup.db")
    await stopped_with(bench, "b", "c", "d")
    shutil.copy(tmp_path / "backup.db", bench.database)
    await stopped_with(bench, "e")
    store = bench.open()
    for compacted in (0, old):
        await store.compact(compacted)
        with pytest.raises(Compacted):
            store.watch_all(after=old + 1)
    await store.close()


async def test_a_database_without_its_high_water_goes_on_an_epoch_later(bench: Any) -> None:
    last = await stopped_with(bench, "a")
    (bench.path / "revisions").unlink()
    store = bench.open()
    assert await store.revision() == last + EPOCH
    await store.close()


@pytest.mark.parametrize("content", ["", "0\n", "none", "9" * 30, "\N{SUPERSCRIPT TWO}"])
async def test_a_spoilt_high_water_counts_as_missing(bench: Any, content: str) -> None:
    last = await stopped_with(bench, "a")
    (bench.path / "revisions").write_text(content)
    store = bench.open()
    assert await store.revision() == last + EPOCH
    await store.close()


async def test_a_killed_store_goes_on_behind_what_it_may_have_given_out(
    bench: Any, tmp_path: Path
) -> None:
    store = bench.open()
    last = await bench.put(store, "a")
    bench.path = copy(bench.path, tmp_path / "killed")
    again = bench.open()
    assert last < await again.revision() <= last + 2 * BLOCK
    assert len((await again.list("", "pods")).items) == 1
    again.watch_all(after=last)
    await again.close()
    await store.close()


async def test_more_revisions_are_reserved_before_they_run_out(bench: Any) -> None:
    store = bench.open()
    last = store._directory.reserved
    (bench.path / "revisions.new").mkdir()
    store._state.move_to(last - 2, store._state.head)
    assert await bench.put(store, "while it cannot be renewed") == last - 1
    (bench.path / "revisions.new").rmdir()
    assert await bench.put(store, "in time") == last
    assert int((bench.path / "revisions").read_text()) > last
    await store.close()


async def test_a_lost_database_does_not_start_at_one_again(bench: Any) -> None:
    last = await stopped_with(bench, "a", "b")
    bench.database.unlink()
    store = bench.open()
    assert await store.revision() >= last
    assert (await store.list("", "pods")).items == ()
    await store.close()


async def test_a_whole_directory_restored_is_bumped_by_hand(bench: Any, tmp_path: Path) -> None:
    await stopped_with(bench, "a")
    backup = copy(bench.path, tmp_path / "backup")
    newest = await stopped_with(bench, "b", "c")
    shutil.rmtree(bench.path)
    shutil.copytree(backup, bench.path)
    bumped = bump_epoch(bench.path)
    store = bench.open()
    assert await store.revision() == bumped > newest
    await store.close()


async def test_a_running_store_is_not_bumped(bench: Any) -> None:
    store = bench.open()
    with pytest.raises(CannotOpen):
        bump_epoch(bench.path)
    await store.close()


def test_where_no_store_is_nothing_is_bumped(tmp_path: Path) -> None:
    with pytest.raises(CannotOpen, match="no store"):
        bump_epoch(tmp_path)
