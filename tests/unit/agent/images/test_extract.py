"""A layer is written as the image says, and never anywhere else."""

from __future__ import annotations

import contextlib
import os
import stat
import tarfile
from pathlib import Path

import pytest

from busbar.agent.images.extract import Limits
from busbar.images.refusals import ImageError, ImageRefusal

DIR, SYM, LNK = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
CHR, BLK, FIFO = tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE


def refused(unpack, members) -> ImageRefusal:
    with pytest.raises(ImageError) as caught:
        unpack(members)
    return caught.value.refusal


def test_files_links_and_folders_arrive_as_they_are_in_the_layer(unpack, target: Path) -> None:
    unpack(
        [
            ("usr/", {"type": DIR, "mode": 0o755, "mtime": 1000}),
            ("usr/bin/tool", {"data": b"tool", "mode": 0o755, "mtime": 1234}),
            ("usr/bin/alias", {"type": SYM, "linkname": "tool"}),
            ("usr/bin/same", {"type": LNK, "linkname": "usr/bin/tool"}),
            ("run/pipe", {"type": FIFO, "mode": 0o600}),
        ]
    )
    tool = target / "usr/bin/tool"
    assert tool.read_bytes() == b"tool"
    assert stat.S_IMODE(tool.stat().st_mode) == 0o755
    assert tool.stat().st_mtime == 1234
    assert (target / "usr").stat().st_mtime == 1000
    assert os.readlink(target / "usr/bin/alias") == "tool"
    assert (target / "usr/bin/same").stat().st_ino == tool.stat().st_ino
    assert stat.S_ISFIFO((target / "run/pipe").stat().st_mode)


def test_setuid_bits_stay(unpack, target: Path) -> None:
    unpack([("su", {"data": b"x", "mode": 0o4755}), ("tmp/", {"type": DIR, "mode": 0o1777})])
    assert stat.S_IMODE((target / "su").stat().st_mode) == 0o4755
    assert stat.S_IMODE((target / "tmp").stat().st_mode) == 0o1777


def test_a_path_upwards_is_refused(unpack, outside: Path) -> None:
    assert refused(unpack, [("a/../../outside/new", {"data": b"x"})]) is ImageRefusal.UNSAFE_LAYER
    assert os.listdir(outside) == ["secret"]


def test_an_absolute_path_stays_inside(unpack, target: Path) -> None:
    unpack([("/etc/passwd", {"data": b"mine"})])
    assert (target / "etc/passwd").read_bytes() == b"mine"


@pytest.mark.parametrize("link", ["../outside", "{outside}", "/proc/self/cwd", "/proc/1/root"])
def test_writing_through_a_link_stays_inside(unpack, target: Path, outside: Path, link) -> None:
    link = link.format(outside=outside)
    with contextlib.suppress(ImageError):
        unpack([("a", {"type": SYM, "linkname": link}), ("a/secret", {"data": b"changed"})])
    assert (outside / "secret").read_text() == "secret"
    assert not Path("secret").exists()


def test_a_link_inside_the_image_is_followed(unpack, target: Path) -> None:
    unpack(
        [
            ("usr/bin/", {"type": DIR}),
            ("bin", {"type": SYM, "linkname": "/usr/bin"}),
            ("bin/sh", {"data": b"sh"}),
        ]
    )
    assert (target / "usr/bin/sh").read_bytes() == b"sh"


def test_a_file_replaces_a_link_instead_of_following_it(unpack, target, outside: Path) -> None:
    unpack([("a", {"type": SYM, "linkname": "../outside/secret"}), ("a", {"data": b"changed"})])
    assert (outside / "secret").read_text() == "secret"
    assert (target / "a").read_bytes() == b"changed"


def test_a_folder_swapped_for_a_link_is_not_written_through(unpack, target, outside) -> None:
    unpack(
        [
            ("a/one", {"data": b"1"}),
            ("a", {"type": SYM, "linkname": "/outside"}),
            ("outside/", {"type": DIR}),
            ("a/secret", {"data": b"changed"}),
        ]
    )
    assert (outside / "secret").read_text() == "secret"
    assert (target / "outside/secret").read_bytes() == b"changed"


@pytest.mark.parametrize("link", ["../outside/secret", "/etc/passwd", "missing", ""])
def test_a_hard_link_out_of_the_layer_is_refused(unpack, link) -> None:
    members = [("mine", {"type": LNK, "linkname": link})]
    assert refused(unpack, members) is ImageRefusal.UNSAFE_LAYER


def test_a_hard_link_through_a_link_stays_inside(unpack, target: Path, outside: Path) -> None:
    members = [
        ("a", {"type": SYM, "linkname": "../outside"}),
        ("mine", {"type": LNK, "linkname": "a/secret"}),
    ]
    assert refused(unpack, members) is ImageRefusal.UNSAFE_LAYER
    assert (outside / "secret").stat().st_nlink == 1


def test_a_whiteout_hides_what_lies_below(unpack, target: Path) -> None:
    unpack([("etc/.wh.motd", {})])
    status = os.lstat(target / "etc/motd")
    assert stat.S_ISCHR(status.st_mode)
    assert status.st_rdev == 0


def test_a_whiteout_does_not_remove_what_the_same_layer_brings(unpack, target: Path) -> None:
    unpack([("etc/motd", {"data": b"new"}), ("etc/.wh.motd", {})])
    assert (target / "etc/motd").read_bytes() == b"new"


@pytest.mark.parametrize("name", [".wh.", ".wh..", ".wh...", "a/.wh..."])
def test_a_crafted_whiteout_is_refused(unpack, name) -> None:
    assert refused(unpack, [(name, {})]) is ImageRefusal.UNSAFE_LAYER


def test_a_whiteout_as_a_device_is_refused(unpack) -> None:
    members = [("etc/shadow", {"type": CHR, "devmajor": 0, "devminor": 0})]
    assert refused(unpack, members) is ImageRefusal.UNSAFE_LAYER


def test_attributes_of_overlayfs_are_refused(unpack) -> None:
    members = [
        ("a/", {"type": DIR, "pax_headers": {"SCHILY.xattr.trusted.overlay.redirect": "/etc"}})
    ]
    assert refused(unpack, members) is ImageRefusal.UNSAFE_LAYER


def test_devices_are_left_out(unpack, target: Path) -> None:
    result = unpack(
        [
            ("dev/sda", {"type": BLK, "devmajor": 8, "devminor": 0}),
            ("dev/mem", {"type": CHR, "devmajor": 1, "devminor": 1}),
        ]
    )
    assert result.devices_left_out == 2
    assert os.listdir(target) == []


def test_too_many_entries_are_refused(unpack) -> None:
    members = [(f"f{number}", {}) for number in range(11)]
    with pytest.raises(ImageError) as caught:
        unpack(members, Limits(entries=10))
    assert caught.value.refusal is ImageRefusal.TOO_LARGE


def test_more_bytes_than_allowed_are_refused(unpack) -> None:
    with pytest.raises(ImageError) as caught:
        unpack([("f", {"data": b"x" * 3000})], Limits(bytes=2000))
    assert caught.value.refusal is ImageRefusal.TOO_LARGE


def test_a_path_too_deep_is_refused(unpack) -> None:
    assert refused(unpack, [("a/" * 300 + "f", {})]) is ImageRefusal.UNSAFE_LAYER


def test_a_name_too_long_is_refused(unpack) -> None:
    assert refused(unpack, [("n" * 256, {})]) is ImageRefusal.UNSAFE_LAYER


def test_a_link_that_leads_in_a_circle_is_refused(unpack) -> None:
    members = [("a", {"type": SYM, "linkname": "a"}), ("a/f", {"data": b"x"})]
    assert refused(unpack, members) is ImageRefusal.UNSAFE_LAYER


def test_folders_deepened_through_links_are_refused(unpack, target: Path) -> None:
    step = "d/" * 200
    members = [
        (step, {"type": DIR}),
        ("l0", {"type": SYM, "linkname": step}),
        (f"l0/{step}", {"type": DIR}),
        ("l1", {"type": SYM, "linkname": f"l0/{step}"}),
        (f"l1/{step}", {"type": DIR}),
    ]
    assert refused(unpack, members) is ImageRefusal.UNSAFE_LAYER
