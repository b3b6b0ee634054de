"""Backup and restore: whole, consistent, and never a revision twice."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from busbar.ledger import settlement
from busbar.model.objects import Key
from busbar.store.contract import CannotOpen, Transaction, Unopenable
from busbar.store.sqlite import backup, restore, verify


async def test_a_backup_of_a_running_store_restores_what_it_was(bench: Any, tmp_path: Path) -> None:
    store = bench.open()
    await bench.put(store, "before")
    await store.commit(Transaction((), (settlement.top_up("a", 10, 1, "k"),)))
    backup(bench.path, tmp_path / "saved")
    newest = await bench.put(store, "after")
    await store.close()

    restore(tmp_path / "saved", bench.path)
    store = bench.open()
    names = [obj["metadata"]["name"] for obj in (await store.list("", "pods")).items]
    assert names == ["before"]
    assert (await store.snapshot()).balance("ns/a/available") == 10
    assert await bench.put(store, "again") > newest
    assert list(verify(bench.path)) == []
    await store.close()


async def test_the_log_of_a_killed_store_is_not_replayed_into_a_restored_one(
    bench: Any, tmp_path: Path
) -> None:
    store = bench.open()
    await bench.put(store, "before")
    backup(bench.path, tmp_path / "saved")
    for n in range(50):
        await bench.put(store, f"after-{n}")
    killed = tmp_path / "killed"
    shutil.copytree(bench.path, killed)
    await store.close()
    assert (killed / "busbar.db-wal").stat().st_size > 0

    restore(tmp_path / "saved", killed)
    bench.path = killed
    store = bench.open()
    assert len((await store.list("", "pods")).items) == 1
    assert await store.get(Key("", "pods", "a", "after-49")) is None
    await store.close()


async def test_a_backup_restored_on_a_new_machine_goes_on_an_epoch_later(
    bench: Any, tmp_path: Path
) -> None:
    store = bench.open()
    last = await bench.put(store, "before")
    backup(bench.path, tmp_path / "saved")
    await store.close()
    bench.path = tmp_path / "new"
    restore(tmp_path / "saved", bench.path)
    store = bench.open()
    assert await store.revision() > last + 2**31
    await store.close()


async def test_a_broken_backup_replaces_nothing(bench: Any, tmp_path: Path) -> None:
    store = bench.open()
    for n in range(50):
        await bench.put(store, f"p{n}", 500)
    backup(bench.path, tmp_path / "saved")
    await store.close()
    whole = (tmp_path / "saved").read_bytes()
    (tmp_path / "saved").write_bytes(whole[: len(whole) // 2])
    before = bench.database.read_bytes()
    with pytest.raises(CannotOpen) as refused:
        restore(tmp_path / "saved", bench.path)
    assert refused.value.why is Unopenable.DAMAGED
    assert bench.database.read_bytes() == before


async def test_nothing_is_restored_under_a_running_store(bench: Any, tmp_path: Path) -> None:
    store = bench.open()
    backup(bench.path, tmp_path / "saved")
    with pytest.raises(CannotOpen) as refused:
        restore(tmp_path / "saved", bench.path)
    assert refused.value.why is Unopenable.IN_USE
    await store.close()


def test_what_is_no_store_is_neither_saved_nor_restored(bench: Any, tmp_path: Path) -> None:
    with pytest.raises(CannotOpen, match="no store"):
        backup(tmp_path, tmp_path / "saved")
    with pytest.raises(CannotOpen, match="no backup"):
        restore(tmp_path / "none", bench.path)


async def test_a_backup_does_not_overwrite(bench: Any, tmp_path: Path) -> None:
    await bench.open().close()
    (tmp_path / "saved").write_text("precious")
    with pytest.raises(FileExistsError):
        backup(bench.path, tmp_path / "saved")
    assert (tmp_path / "saved").read_text() == "precious"
