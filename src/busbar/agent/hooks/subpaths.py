"""A part of a volume, bound to a place of its own before a container may see it.

A volume's other users may swap a folder for a symbolic link at any moment. So the way is walked
component by component by descriptors, following no link, and what was reached is bound by its
descriptor: what the runtime mounts later is that, whatever has become of the names meanwhile.
Next: `containers.py`.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath

from busbar.agent.hooks.volumes import Owner
from busbar.agent.mounts import bind, is_mounted, unmount
from busbar.agent.refusals import PodRefused, Reason

_WALK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def bind_below(source: Path, sub_path: str, place: Path, owner: Owner, path: str) -> Path:
    """Bind `sub_path` of the volume at `source` to `place`; folders that are missing are made."""
    parts = PurePosixPath(sub_path).parts
    if sub_path.startswith("/") or ".." in parts:
        raise PodRefused(Reason.INVALID_POD, f"{path}: must be a path below the volume")
    descriptor = os.open(source, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            inner = _step(descriptor, part, owner, path)
            os.close(descriptor)
            descriptor = inner
        _make_place(place, is_folder=stat.S_ISDIR(os.fstat(descriptor).st_mode))
        bind(f"/proc/self/fd/{descriptor}", place)
    finally:
        os.close(descriptor)
    return place


def _step(folder: int, part: str, owner: Owner, path: str) -> int:
    try:
        inner = os.open(part, _WALK, dir_fd=folder)
    except FileNotFoundError:
        inner = _make(folder, part, owner)
    except NotADirectoryError:
        raise PodRefused(Reason.INVALID_POD, f"{path}: leads through a file") from None
    if stat.S_ISLNK(os.fstat(inner).st_mode):
        os.close(inner)
        raise PodRefused(
            Reason.INVALID_POD, f"{path}: {part!r} is a symbolic link; name where it leads to"
        )
    return inner


def _make(folder: int, part: str, owner: Owner) -> int:
    """Make a folder as open as the one it is in, as the kubelet does."""
    os.mkdir(part, 0o755, dir_fd=folder)
    inner = os.open(part, _WALK | os.O_DIRECTORY, dir_fd=folder)
    place = f"/proc/self/fd/{inner}"
    os.chown(place, owner.uid, owner.gid)
    mode = stat.S_IMODE(os.fstat(folder).st_mode)
    if stat.S_IMODE(os.fstat(inner).st_mode) != mode:
        os.chmod(place, mode)
    return inner


def _make_place(place: Path, *, is_folder: bool) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if is_mounted(place):
        unmount(place)
    if is_folder:
        place.mkdir(exist_ok=True)
    else:
        place.touch()
