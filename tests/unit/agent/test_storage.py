"""What lies on the disk: counted as deep as it goes, once, and not beyond where it leads."""

from __future__ import annotations

import os
from collections import namedtuple
from pathlib import Path

import pytest
from tests.unit.agent.conftest import Node

from busbar.agent import storage
from busbar.agent.files import remove_tree

MIB, GIB = 1 << 20, 1 << 30
Disk = namedtuple("Disk", "f_frsize f_blocks f_bavail")


def fill(path: Path, size: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


async def test_each_folder_has_what_lies_in_it_at_any_depth(tmp_path: Path, node: Node) -> None:
    del node
    fill(tmp_path / "one/a/b/c/file", 3 * MIB)
    fill(tmp_path / "two/file", MIB)
    folders = [tmp_path / "one", tmp_path / "missing", tmp_path / "two"]
    sizes = await storage.usage(folders)
    assert sizes is not None
    assert 3 * MIB <= sizes[0] < 4 * MIB
    assert sizes[1] == 0
    assert MIB <= sizes[2] < 2 * MIB


async def test_links_lead_nowhere_and_names_are_not_counted_twice(tmp_path: Path) -> None:
    elsewhere = fill(tmp_path / "elsewhere/file", 8 * MIB)
    file = fill(tmp_path / "pod/file", 2 * MIB)
    os.link(file, tmp_path / "pod/again")
    (tmp_path / "pod/out").symlink_to(elsewhere.parent)
    (tmp_path / "pod-is-a-link").symlink_to(elsewhere.parent)
    sizes = await storage.usage([tmp_path / "pod", tmp_path / "pod-is-a-link"])
    assert sizes is not None
    assert 2 * MIB <= sizes[0] < 3 * MIB
    assert sizes[1] == 0


async def test_folders_deeper_than_a_path_may_be_long_are_counted(tmp_path: Path) -> None:
    root = tmp_path / "pod"
    root.mkdir()
    here = os.open(root, os.O_RDONLY)
    for _ in range(60):
        os.mkdir("d" * 100, dir_fd=here)
        deeper = os.open("d" * 100, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    file = os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=here)
    os.write(file, b"x" * MIB)
    os.close(file)
    os.close(here)
    try:
        sizes = await storage.usage([root])
        assert sizes is not None
        assert sizes[0] >= MIB
    finally:
        assert remove_tree(root)


async def test_strange_names_change_nothing(tmp_path: Path) -> None:
    root = tmp_path / "pod\n7\tx"
    fill(root / "0\t\n" / "-rf", MIB)
    sizes = await storage.usage([root])
    assert sizes is not None
    assert MIB <= sizes[0] < 2 * MIB


async def test_what_takes_too_long_to_count_is_not_known(tmp_path: Path) -> None:
    fill(tmp_path / "file", 10)
    assert await storage.usage([tmp_path], seconds=0) is None


@pytest.mark.parametrize(
    ("total", "free", "sold"),
    [
        (100 * GIB, 60 * GIB, 50 * GIB),
        (100 * GIB, 60 * GIB + GIB // 2, 50 * GIB),
        (10 * GIB, 9 * GIB, 7 * GIB),
        (100 * GIB, 5 * GIB, 0),
        (GIB, GIB, 0),
    ],
)
def test_what_is_free_is_sold_less_a_reserve_in_whole_gibibytes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, total: int, free: int, sold: int
) -> None:
    disk = Disk(4096, total // 4096, free // 4096)
    monkeypatch.setattr(os, "statvfs", lambda path: disk)
    assert storage.sellable_bytes(tmp_path) == sold
