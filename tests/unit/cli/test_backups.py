"""`busbar backup` and `restore`: one sentence for each no, and nothing replaced unasked."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.cli.fakes import Result

from busbar.cli import processes
from busbar.model.objects import Key
from busbar.store.contract import ANY, Put, Transaction
from busbar.store.sqlite import SqliteStore

Busbar = Callable[..., Result]


def put(data: Path, name: str) -> None:
    """Have an object in the store of a stopped cloud."""

    async def commit() -> None:
        store = SqliteStore.open(data / "store")
        thing = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
        await store.commit(Transaction((Put(Key("", "configmaps", "x", name), thing, ANY),)))
        await store.close()

    asyncio.run(commit())


def names(data: Path) -> list[str]:
    async def read() -> list[str]:
        store = SqliteStore.open(data / "store")
        found = [obj["metadata"]["name"] for obj in (await store.list("", "configmaps")).items]
        await store.close()
        return found

    return asyncio.run(read())


@pytest.fixture
def file(busbar: Busbar, data: Path, tmp_path: Path) -> Path:
    """A backup with one object; there is a second since."""
    put(data, "first")
    saved = tmp_path / "saved.tar"
    result = busbar("backup", saved)
    assert result.code == 0, result.err
    assert "keep it where only the operator reads it" in result.err
    put(data, "second")
    return saved


def test_a_backup_comes_back(busbar: Busbar, data: Path, file: Path) -> None:
    result = busbar("restore", file, "--yes", "-o", "json")
    assert result.code == 0
    assert json.loads(result.out)["entries"] == 0
    assert "start it with `busbar up`" in result.err
    assert names(data) == ["first"]


def test_what_is_there_is_not_replaced_unasked(busbar: Busbar, data: Path, file: Path) -> None:
    result = busbar("restore", file)
    assert (result.code, result.out) == (2, "")
    assert "holds a cloud at revision 2 with 0 entries; replace it by that of" in result.err
    assert "Say so with --yes" in result.err
    assert names(data) == ["first", "second"]


def test_into_an_empty_place_it_goes_unasked(
    busbar: Busbar, data: Path, file: Path, tmp_path: Path
) -> None:
    assert busbar("--data", tmp_path / "new", "restore", file).code == 0
    assert names(tmp_path / "new") == ["first"]


def test_a_cloud_that_is_up_is_not_replaced(busbar: Busbar, data: Path, file: Path) -> None:
    processes.write_pid(data / "busbar.pid", os.getpid())
    result = busbar("restore", file, "--yes")
    assert result == Result(5, "", "busbar: the cloud is up; stop it with `busbar down` first\n")


@pytest.mark.parametrize(
    ("command", "code", "sentence"),
    [
        (("backup", "new.tar"), 4, "there is no store in"),
        (("restore", "nosuch.tar"), 4, "there is no file nosuch.tar"),
        (("restore", "/etc/hostname"), 5, "is not a whole backup"),
    ],
    ids=["no cloud", "no file", "no backup"],
)
def test_a_no_is_a_sentence(
    busbar: Busbar, command: tuple[str, ...], code: int, sentence: str
) -> None:
    result = busbar(*command)
    assert (result.code, result.out) == (code, "")
    assert sentence in result.err
    assert result.err.count("\n") == 1
