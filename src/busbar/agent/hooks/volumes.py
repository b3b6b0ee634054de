"""A Pod's volumes as folders of this machine, ready to be bound into its containers.

emptyDir, configMap, secret, downwardAPI, projected and buckets (a `csi` volume of the driver
`bucket.busbar.dev`). hostPath and everything else that would reach the machine is refused: a
consumer has no business on a vendor's disk. Secrets lie in memory only. Next: `containers.py`.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from busbar.agent.files import remove_tree
from busbar.agent.hooks.environment import field_of
from busbar.agent.hooks.references import Sources
from busbar.agent.mounts import is_mounted, mounts_below, unmount, unmount_below
from busbar.agent.refusals import PodRefused, Reason
from busbar.agent.runtimes.contract import PodSandbox
from busbar.model.objects import Object, spec_of
from busbar.model.quantities import whole
from busbar.model.wellknown import CSI_BUCKET

_SUPPORTED = ("emptyDir", "configMap", "secret", "downwardAPI", "projected", "csi")
_MEMORY_MAX = 64 << 20


_FILES_OF_GROUP, _FOLDERS_OF_GROUP = 0o440, 0o2550
"""What fsGroup adds to the modes of what the agent writes, as the kubelet does."""


class Owner(NamedTuple):
    """The machine's ids that a Pod's volumes belong to."""

    uid: int
    gid: int
    is_shared: bool = False
    """The group is the Pod's fsGroup: it may read, and what is made there belongs to it too."""
    only_user: int | None = None
    """Who all containers of the Pod run as, where that is known to be one and not root."""

    @classmethod
    def of(cls, sandbox: PodSandbox, fs_group: int | None, only_user: int | None = None) -> Owner:
        """Give the ids: root's inside the Pod, or its fsGroup; `only_user` as the Pod says it."""
        gid = sandbox.gid_base + (fs_group or 0)
        user = None if only_user is None else sandbox.uid_base + only_user
        return cls(sandbox.uid_base, gid, fs_group is not None, user)


class BucketMounter(Protocol):
    """Mounts buckets as folders."""

    async def mount(self, pod: Object, bucket: str, target: Path, owner: Owner) -> None:
        """Mount a bucket of the Pod's namespace; fine if it is mounted already."""
        ...

    async def unmount(self, target: Path) -> None:
        """Unmount; fine if it is not mounted."""
        ...


def kind_of(volume: Object, path: str) -> str:
    """Give a volume's kind, refusing what is not for a foreign machine."""
    kinds = [field for field, value in volume.items() if field != "name" and value is not None]
    kind = kinds[0] if kinds else "emptyDir"
    if kind not in _SUPPORTED:
        raise PodRefused(
            Reason.INVALID_POD,
            f"{path}.{kind}: is not offered on the exchange; use one of {', '.join(_SUPPORTED)}",
        )
    if kind == "csi" and volume["csi"].get("driver") != CSI_BUCKET:
        raise PodRefused(
            Reason.INVALID_POD, f"{path}.csi.driver: the only driver here is {CSI_BUCKET}"
        )
    return kind


async def prepare(
    pod: Object,
    folder: Path,
    owner: Owner,
    sources: Sources,
    buckets: BucketMounter,
    facts: dict[str, str],
) -> dict[str, Path]:
    """Make all volumes below the Pod's folder; gives volume name to folder."""
    made: dict[str, Path] = {}
    for index, volume in enumerate(spec_of(pod).get("volumes") or ()):
        path = f"spec.volumes[{index}]"
        kind = kind_of(volume, path)
        target = folder / "volumes" / kind / volume["name"]
        made[volume["name"]] = target
        if kind == "csi":
            attributes = volume["csi"].get("volumeAttributes") or {}
            bucket = attributes.get("bucket") or volume["name"]
            await buckets.mount(pod, bucket, target, owner)
        elif kind == "emptyDir":
            _empty_dir(target, volume.get("emptyDir") or {}, owner, path)
        else:
            files = _files(pod, volume[kind], kind, sources, facts, path)
            _write_files(target, files, owner)
    return made


async def release(pod: Object, folder: Path, buckets: BucketMounter) -> None:
    """Unmount and delete everything below the Pod's volumes folder. Never follows a mount."""
    root = folder / "volumes"
    for target in sorted((root / "csi").glob("*")):
        await buckets.unmount(target)
    for kind in _SUPPORTED:
        for target in sorted((root / kind).glob("*")):
            if kind != "csi" and is_mounted(target):
                unmount(target)
    if unmount_below(folder / "subpaths") and not mounts_below(root):
        await asyncio.to_thread(remove_tree, root)


class File(NamedTuple):
    """One file to write into a volume; `name` may have folders."""

    name: str
    data: bytes
    mode: int


def _files(
    pod: Object,
    source: dict[str, Any],
    kind: str,
    sources: Sources,
    facts: dict[str, str],
    path: str,
) -> list[File]:
    mode = int(source.get("defaultMode") or 0o644)
    if kind == "projected":
        found = []
        for index, part in enumerate(source.get("sources") or ()):
            for name, inner in part.items():
                if name in ("configMap", "secret", "downwardAPI"):
                    where = f"{path}.projected.sources[{index}]"
                    inner = {"defaultMode": mode, **inner}
                    found += _files(pod, inner, name, sources, facts, where)
        return found
    if kind == "downwardAPI":
        return [
            _file(
                item["path"],
                field_of(
                    pod, (item.get("fieldRef") or {}).get("fieldPath", ""), facts, path
                ).encode(),
                int(item.get("mode") or mode),
                path,
            )
            for item in source.get("items") or ()
        ]
    resource = "configmaps" if kind == "configMap" else "secrets"
    name = source.get("name") or source.get("secretName") or ""
    keys = sources.keys(resource, name, path, bool(source.get("optional")))
    items = source.get("items")
    if items is None:
        return [_file(key, data, mode, path) for key, data in keys.items()]
    found = []
    for item in items:
        data = sources.value(
            resource, name, item.get("key", ""), path, bool(source.get("optional"))
        )
        if data is not None:
            found.append(_file(item["path"], data, int(item.get("mode") or mode), path))
    return found


def _file(name: str, data: bytes, mode: int, path: str) -> File:
    parts = Path(name).parts
    if not parts or Path(name).is_absolute() or ".." in parts:
        raise PodRefused(Reason.INVALID_POD, f"{path}: {name!r} must be a path below the volume")
    return File(name, data, mode & 0o777)


def _empty_dir(target: Path, source: dict[str, Any], owner: Owner, path: str) -> None:
    target.mkdir(parents=True, exist_ok=True)
    if source.get("medium") == "Memory" and not is_mounted(target):
        size = whole(source["sizeLimit"], f"{path}.sizeLimit") if source.get("sizeLimit") else 0
        _mount_memory(target, size or _MEMORY_MAX)
    os.chown(target, owner.uid, owner.gid)
    target.chmod(0o2777 if owner.is_shared else 0o777)


def _write_files(target: Path, files: list[File], owner: Owner) -> None:
    """Write a volume of small files, in memory: secrets never reach the vendor's disk."""
    target.mkdir(parents=True, exist_ok=True)
    whole_marker = target.with_name(f".{target.name}.whole")
    if is_mounted(target):
        if whole_marker.exists():
            return
        unmount(target)  # A crash cut the writing short.
    size = sum(len(file.data) + 4096 for file in files) + (1 << 20)
    _mount_memory(target, min(size, _MEMORY_MAX))
    for file in files:
        path = target / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.data)
        path.chmod(file.mode)
    for place, _, names in os.walk(target):
        _hand_over(Path(place), owner, _FOLDERS_OF_GROUP)
        for name in names:
            _hand_over(Path(place) / name, owner, _FILES_OF_GROUP)
    whole_marker.touch()


def _hand_over(path: Path, owner: Owner, of_group: int) -> None:
    os.chown(path, owner.uid, owner.gid)
    if owner.is_shared:
        path.chmod(path.stat().st_mode & 0o7777 | of_group)


def _mount_memory(target: Path, size: int) -> None:
    options = f"size={size},mode=0755,nosuid,nodev"
    if _run("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(target)):
        raise PodRefused(
            Reason.RUNTIME_FAILED, f"memory could not be mounted at {target}", retry=True
        )


def _run(*command: str) -> int:
    return subprocess.run(command, check=False, capture_output=True).returncode
