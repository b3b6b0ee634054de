"""Layers put on top of each other by overlayfs show what the image specification says."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from busbar.agent.images.extract import Limits
from busbar.agent.images.sources import open_stream
from busbar.agent.images.unpack import unpack_layer
from busbar.images.layers import pack

LOWER = ["etc/motd", "etc/passwd", "data/a", "data/b", "old/x", "was-folder/x"]


def layer(place: Path, names: list[str], folders: tuple[str, ...] = ()) -> Path:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.type = tarfile.DIRTYPE if name in folders else tarfile.REGTYPE
            tar.addfile(entry, io.BytesIO())
    return unpacked(place, out.getvalue())


def unpacked(place: Path, content: bytes) -> Path:
    place.mkdir()
    diff_id = "sha256:" + hashlib.sha256(content).hexdigest()
    source = open_stream(io.BufferedReader(io.BytesIO(content)), 1 << 20)
    unpack_layer(source, place, diff_id, Limits())
    return place


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[object]:
    """Mounts layers, lowest first, for the length of a test."""
    mounted: list[Path] = []

    def mount(*layers: Path, writable: bool = False) -> Path:
        target = tmp_path / f"merged{len(mounted)}"
        target.mkdir()
        options = "lowerdir=" + ":".join(str(path) for path in reversed(layers))
        if writable:
            (tmp_path / "upper").mkdir()
            (tmp_path / "work").mkdir()
            options += f",upperdir={tmp_path}/upper,workdir={tmp_path}/work"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, target], check=True)
        mounted.append(target)
        return target

    yield mount
    for target in mounted:
        subprocess.run(["umount", target], check=True)


def files(tree: Path) -> list[str]:
    found = (path for path in tree.rglob("*") if not path.is_dir())
    return sorted(str(path.relative_to(tree)) for path in found)


def test_whiteouts_hide_single_files_and_whole_folders(tmp_path: Path, stack) -> None:
    names = ["etc/.wh.motd", "data/.wh..wh..opq", "data/c", ".wh.old"]
    upper = layer(tmp_path / "upper-layer", names)
    merged = stack(layer(tmp_path / "lower", LOWER), upper)
    assert files(merged) == ["data/c", "etc/passwd", "was-folder/x"]


def test_a_folder_made_anew_shows_nothing_of_the_deleted_one(tmp_path: Path, stack) -> None:
    names = [".wh.was-folder", "was-folder", "was-folder/y"]
    upper = layer(tmp_path / "upper-layer", names, folders=("was-folder",))
    merged = stack(layer(tmp_path / "lower", LOWER), upper)
    assert os.listdir(merged / "was-folder") == ["y"]


def test_what_a_build_changes_in_an_overlay_is_packed_and_unpacked_again(tmp_path, stack) -> None:
    lower = layer(tmp_path / "lower", LOWER)
    work = stack(lower, writable=True)
    (work / "etc/motd").unlink()
    (work / "etc/new").write_text("new")
    subprocess.run(["rm", "-r", work / "data"], check=True)
    (work / "data").mkdir()
    (work / "data/c").write_text("c")
    expected = files(work)
    packed = tmp_path / "packed"
    pack(tmp_path / "upper", packed, True, lambda _: None)
    content = packed.read_bytes()
    plain = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content)).read()
    again = unpacked(tmp_path / "again", plain)
    assert files(stack(lower, again)) == expected
    assert expected == ["data/c", "etc/new", "etc/passwd", "old/x", "was-folder/x"]
