"""Parts of volumes: what is bound is what was looked at, whatever is swapped in later."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.runtimes.promises import UID, pod
from tests.e2e.runtimes.conftest import RuncStage

from busbar.agent.hooks.subpaths import bind_below
from busbar.agent.hooks.volumes import Owner
from busbar.agent.mounts import mounts_below, unmount_below
from busbar.agent.refusals import PodRefused
from busbar.agent.runtimes.contract import Mount


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "volume" / "a").mkdir(parents=True)
    (tmp_path / "volume" / "a" / "file").write_text("inside")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("outside")
    yield tmp_path / "volume"
    assert unmount_below(tmp_path / "places")


def bound(volume: Path, sub_path: str) -> Path:
    place = volume.parent / "places" / "0"
    return bind_below(volume, sub_path, place, Owner(1 << 20, 1 << 20), "spec.x.subPath")


def test_folders_and_files_are_bound(volume: Path) -> None:
    assert (bound(volume, "a") / "file").read_text() == "inside"
    unmount_below(volume.parent / "places")
    (volume.parent / "places" / "0").rmdir()
    assert bound(volume, "a/file").read_text() == "inside"


def test_missing_folders_are_made_for_the_pod(volume: Path) -> None:
    bound(volume, "a/b/c")
    assert (volume / "a/b/c").stat().st_uid == 1 << 20
    assert (volume / "a/b").stat().st_gid == 1 << 20


def test_what_is_made_is_as_open_as_what_it_is_in(volume: Path) -> None:
    volume.chmod(0o2777)
    bound(volume, "new/deep")
    assert (volume / "new").stat().st_mode & 0o7777 == 0o2777
    assert (volume / "new/deep").stat().st_mode & 0o7777 == 0o2777


@pytest.mark.parametrize(
    "sub_path", ["..", "a/../../outside", "/etc", "link", "link/file", "deep/x"]
)
def test_ways_out_are_refused(volume: Path, sub_path: str) -> None:
    (volume / "link").symlink_to("../outside")
    (volume / "deep").symlink_to("/")
    with pytest.raises(PodRefused, match="subPath"):
        bound(volume, sub_path)
    assert mounts_below(volume.parent / "places") == []


def test_a_file_on_the_way_is_refused(volume: Path) -> None:
    with pytest.raises(PodRefused, match="leads through a file"):
        bound(volume, "a/file/x")


def test_a_link_swapped_in_later_leads_nowhere(volume: Path) -> None:
    place = bound(volume, "a")
    (volume / "a").rename(volume / "was-a")
    (volume / "a").symlink_to("../outside")
    assert (place / "file").read_text() == "inside"


def test_binding_again_takes_what_is_there_now(volume: Path) -> None:
    bound(volume, "a")
    (volume / "a").rename(volume / "was-a")
    (volume / "a").mkdir()
    (volume / "a" / "file").write_text("new")
    assert (bound(volume, "a") / "file").read_text() == "new"
    assert len(mounts_below(volume.parent / "places")) == 1


async def test_a_container_sees_its_part_only(stage: RuncStage, volume: Path) -> None:
    await stage.runtime.prepare(pod(UID))
    mounts = (Mount(bound(volume, "a"), "/data"),)
    _, said = await stage.ended("ls /data; cat /data/file", mounts=mounts)
    assert said.split() == ["file", "inside"]
