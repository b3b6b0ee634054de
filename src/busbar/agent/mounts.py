"""Mounts, told from the kernel's own list: `os.path.ismount` does not see bind mounts.

Next: `hooks/volumes.py`, `runtimes/runc/runtime.py`.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

MNT_DETACH = 2
MS_BIND = 4096
_libc = ctypes.CDLL(None, use_errno=True)


def mounts_below(directory: Path) -> list[Path]:
    """Give what is mounted at or below a directory, the deepest first."""
    prefix = str(directory)
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        place = line.split(" ", 5)[4].encode().decode("unicode_escape")
        if place == prefix or place.startswith(prefix + "/"):
            found.append(Path(place))
    return sorted(found, key=lambda path: len(path.parts), reverse=True)


def is_mounted(path: Path) -> bool:
    """Say whether something is mounted at a path."""
    return path in mounts_below(path)


def bind(source: str, target: Path) -> None:
    """Mount a folder or file at a second place."""
    if _libc.mount(os.fsencode(source), os.fsencode(target), None, MS_BIND, None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{target}: {os.strerror(number)}")


def unmount(path: Path) -> bool:
    """Unmount, lazily; says whether there was something."""
    return bool(_libc.umount2(os.fsencode(path), MNT_DETACH) == 0)


def unmount_below(directory: Path) -> bool:
    """Unmount everything at or below a directory; says whether nothing is left mounted there."""
    for path in mounts_below(directory):
        unmount(path)
    return not mounts_below(directory)
