"""Volumes as folders: what is offered, what is refused, what is written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.unit.agent.conftest import NoBuckets, pod

from busbar.agent.hooks import volumes
from busbar.agent.hooks.references import Sources
from busbar.agent.hooks.volumes import Owner, kind_of
from busbar.agent.refusals import PodRefused, Reason
from busbar.agent.runtimes.contract import PodSandbox
from busbar.model.objects import Object

OWNER = Owner(os.getuid(), os.getgid())
SOURCES = Sources(
    {
        ("configmaps", "conf"): {"a": b"A", "b": b"B"},
        ("secrets", "key"): {"token": b"s3cret"},
    }
)
BUCKET = {"driver": "bucket.busbar.dev", "volumeAttributes": {"bucket": "data"}}


class Memory:
    """Stands for the kernel's memory file systems."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.mounted: dict[Path, int] = {}
        monkeypatch.setattr(volumes, "is_mounted", self.mounted.__contains__)
        monkeypatch.setattr(volumes, "unmount", self.mounted.pop)
        monkeypatch.setattr(volumes, "_mount_memory", self.mounted.__setitem__)


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    return Memory(monkeypatch)


async def make(
    folder: Path, *made: Object, buckets: Any = None, owner: Owner = OWNER
) -> dict[str, Path]:
    facts = {"podIP": "10.88.0.7", "hostIP": "192.0.2.1"}
    named = [{"name": f"v{index}", **volume} for index, volume in enumerate(made)]
    one = pod(volumes=named)
    return await volumes.prepare(one, folder, owner, SOURCES, buckets or NoBuckets(), facts)


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(
    "kind", ["hostPath", "nfs", "iscsi", "persistentVolumeClaim", "local", "ephemeral", "image"]
)
def test_what_would_reach_the_machine_is_refused(kind: str) -> None:
    with pytest.raises(PodRefused, match=f"spec.volumes\\[0\\].{kind}: is not offered") as caught:
        kind_of({"name": "v", kind: {"path": "/"}}, "spec.volumes[0]")
    assert caught.value.reason is Reason.INVALID_POD


def test_other_drivers_are_refused() -> None:
    with pytest.raises(PodRefused, match="the only driver here is"):
        kind_of({"name": "v", "csi": {"driver": "ebs.csi.aws.com"}}, "spec.volumes[0]")


async def test_files_of_every_source_are_written(tmp_path: Path, memory: Memory) -> None:
    made = await make(
        tmp_path,
        {"configMap": {"name": "conf"}},
        {"secret": {"secretName": "key", "items": [{"key": "token", "path": "x/y/t"}]}},
        {"downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "metadata.name"}}]}},
        {
            "projected": {
                "sources": [
                    {"configMap": {"name": "conf", "items": [{"key": "a", "path": "p"}]}},
                    {"secret": {"name": "key"}},
                    {
                        "downwardAPI": {
                            "items": [{"path": "ip", "fieldRef": {"fieldPath": "status.podIP"}}]
                        }
                    },
                ]
            }
        },
    )
    assert tree(made["v0"]) == {"a": "A", "b": "B"}
    assert tree(made["v1"]) == {"x/y/t": "s3cret"}
    assert tree(made["v2"]) == {"n": "p"}
    assert tree(made["v3"]) == {"ip": "10.88.0.7", "p": "A", "token": "s3cret"}
    assert set(memory.mounted) == set(made.values())  # None of it on the vendor's disk.


async def test_modes_are_as_asked(tmp_path: Path, memory: Memory) -> None:
    del memory
    items = [{"key": "a", "path": "a", "mode": 0o400}, {"key": "b", "path": "b"}]
    made = await make(
        tmp_path, {"configMap": {"name": "conf", "defaultMode": 0o755, "items": items}}
    )
    assert (made["v0"] / "a").stat().st_mode & 0o7777 == 0o400
    assert (made["v0"] / "b").stat().st_mode & 0o7777 == 0o755


async def test_no_file_gets_a_set_user_id_bit(tmp_path: Path, memory: Memory) -> None:
    del memory
    made = await make(tmp_path, {"configMap": {"name": "conf", "defaultMode": 0o6755}})
    assert (made["v0"] / "a").stat().st_mode & 0o7777 == 0o755


async def test_a_group_of_the_volumes_may_read_and_inherits(tmp_path: Path, memory: Memory) -> None:
    del memory
    items = [{"key": "token", "path": "x/t"}]
    made = await make(
        tmp_path,
        {"secret": {"secretName": "key", "defaultMode": 0o400, "items": items}},
        {"emptyDir": {}},
        owner=OWNER._replace(is_shared=True),
    )
    modes = {p.name: p.stat().st_mode & 0o7777 for p in made["v0"].rglob("*")}
    assert modes == {"x": 0o2755, "t": 0o440}
    assert made["v0"].stat().st_mode & 0o2050 == 0o2050
    assert made["v1"].stat().st_mode & 0o7777 == 0o2777


def test_volumes_belong_to_root_or_the_group_inside_the_pod() -> None:
    sandbox = PodSandbox("u", "10.88.0.7", "", 1 << 20, 1 << 21)
    assert Owner.of(sandbox, None) == Owner(1 << 20, 1 << 21)
    assert Owner.of(sandbox, 0) == Owner(1 << 20, 1 << 21, True)
    assert Owner.of(sandbox, 2000) == Owner(1 << 20, (1 << 21) + 2000, True)
    assert Owner.of(sandbox, None, 185).only_user == (1 << 20) + 185


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "", ".", ".."])
async def test_a_file_stays_below_its_volume(tmp_path: Path, memory: Memory, path: str) -> None:
    del memory
    with pytest.raises(PodRefused, match="must be a path below the volume"):
        await make(tmp_path, {"configMap": {"name": "conf", "items": [{"key": "a", "path": path}]}})


async def test_what_is_missing_is_refused_unless_optional(tmp_path: Path, memory: Memory) -> None:
    del memory
    with pytest.raises(PodRefused, match="'nosuch' does not exist") as caught:
        await make(tmp_path, {"configMap": {"name": "nosuch"}})
    assert caught.value.retry
    made = await make(tmp_path, {"secret": {"secretName": "nosuch", "optional": True}})
    assert tree(made["v0"]) == {}


async def test_a_whole_volume_is_not_written_again(tmp_path: Path, memory: Memory) -> None:
    del memory
    made = await make(tmp_path, {"configMap": {"name": "conf"}})
    (made["v0"] / "a").write_text("seen by a container")
    await make(tmp_path, {"configMap": {"name": "conf"}})
    assert (made["v0"] / "a").read_text() == "seen by a container"


async def test_a_volume_that_a_crash_cut_short_is_written_again(
    tmp_path: Path, memory: Memory
) -> None:
    target = tmp_path / "volumes" / "configMap" / "v0"
    target.mkdir(parents=True)
    memory.mounted[target] = 1
    made = await make(tmp_path, {"configMap": {"name": "conf"}})
    assert tree(made["v0"]) == {"a": "A", "b": "B"}


async def test_an_empty_folder_is_everybodys(tmp_path: Path, memory: Memory) -> None:
    made = await make(tmp_path, {"emptyDir": {}}, {})
    for folder in made.values():
        assert list(folder.iterdir()) == []
        assert folder.stat().st_mode & 0o777 == 0o777
    assert not memory.mounted


async def test_a_folder_in_memory_has_a_size(tmp_path: Path, memory: Memory) -> None:
    made = await make(
        tmp_path,
        {"emptyDir": {"medium": "Memory", "sizeLimit": "2Mi"}},
        {"emptyDir": {"medium": "Memory"}},
    )
    assert memory.mounted == {made["v0"]: 2 << 20, made["v1"]: 64 << 20}


async def test_buckets_are_mounted_by_name(tmp_path: Path) -> None:
    class Buckets(NoBuckets):
        async def mount(self, pod: Object, bucket: str, target: Path, owner: Owner) -> None:
            target.mkdir(parents=True)
            (target / "bucket").write_text(bucket)

    made = await make(
        tmp_path, {"csi": BUCKET}, {"csi": {"driver": "bucket.busbar.dev"}}, buckets=Buckets()
    )
    assert [tree(folder)["bucket"] for folder in made.values()] == ["data", "v1"]


async def test_a_release_follows_no_link_and_leaves_the_logs(
    tmp_path: Path, memory: Memory
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    folder = tmp_path / "pod"
    made = await make(folder, {"emptyDir": {}}, {"configMap": {"name": "conf"}})
    (made["v0"] / "link").symlink_to(outside)
    (folder / "logs").mkdir()
    for _ in range(2):
        await volumes.release(pod(), folder, NoBuckets())
    assert [path.name for path in folder.iterdir()] == ["logs"]
    assert (outside / "precious").exists()
    assert not memory.mounted
