"""A packed folder is the same layer every time, with the whiteouts of the image specification."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tarfile
from pathlib import Path

import pytest
import zstandard

from busbar.images.layers import pack, tree_bytes


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc/b").write_text("b")
    (tree / "etc/a").write_text("aa")
    (tree / "link").symlink_to("etc/a")
    os.mknod(tree / "etc/gone", stat.S_IFCHR, os.makedev(0, 0))
    for path in (tree / "etc/a", tree / "etc/b", tree / "etc"):
        os.utime(path, ns=(10**18 + 7, 10**18 + 7))
    return tree


def test_entries_are_in_order_and_whiteouts_are_files(tree: Path, tmp_path: Path) -> None:
    pack(tree, tmp_path / "layer", False, lambda _: None)
    with tarfile.open(tmp_path / "layer") as tar:
        assert tar.getnames() == ["etc", "link", "etc/a", "etc/b", "etc/.wh.gone"]
        assert tar.getmember("etc/a").mtime == 10**9
        assert tar.getmember("link").linkname == "etc/a"


def test_digests_are_those_of_what_was_written(tree: Path, tmp_path: Path) -> None:
    packed = pack(tree, tmp_path / "layer", True, lambda _: None)
    stored = (tmp_path / "layer").read_bytes()
    plain = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(stored)).read()
    assert packed.digest == "sha256:" + hashlib.sha256(stored).hexdigest()
    assert packed.diff_id == "sha256:" + hashlib.sha256(plain).hexdigest()
    assert packed.size == len(stored)
    assert packed.media_type.endswith("+zstd")


def test_the_same_folder_gives_the_same_layer(tree: Path, tmp_path: Path) -> None:
    first = pack(tree, tmp_path / "one", False, lambda _: None)
    assert pack(tree, tmp_path / "two", False, lambda _: None) == first


def test_progress_ends_with_all_bytes(tree: Path, tmp_path: Path) -> None:
    seen: list[int] = []
    pack(tree, tmp_path / "layer", False, seen.append)
    assert seen[-1] == tree_bytes(tree) == 3
    assert seen == sorted(seen)
