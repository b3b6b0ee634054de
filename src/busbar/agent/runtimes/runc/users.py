"""Who a container runs as: `User` of an image, looked up in the image's own files.

The files are a stranger's, so they are read with care: at most a megabyte, no symbolic links out
of the layer. Next: `config.py`.
"""

from __future__ import annotations

import os
from pathlib import Path

_BYTES_MAX = 1 << 20


class UnknownUser(ValueError):
    """The image knows no such user or group; one sentence."""


def lookup(user: str, layers: tuple[Path, ...]) -> tuple[int, int, tuple[int, ...]]:
    """Give uid, gid and further gids of `user`: "", "uid", "uid:gid", "name" or "name:group"."""
    name, _, group = user.partition(":")
    if not name:
        name = "0"
    passwd = _entries(layers, "etc/passwd")
    entry = next((e for e in passwd if len(e) > 3 and name in (e[0], e[2])), None)
    if entry is None and not name.isdigit():
        raise UnknownUser(f"the image has no user {name!r}")
    uid = int(entry[2]) if entry else int(name)
    gid = int(entry[3]) if entry else 0
    groups = _entries(layers, "etc/group")
    if group:
        gid = _group(group, groups)
        return uid, gid, ()
    login = entry[0] if entry else ""
    further = tuple(int(e[2]) for e in groups if len(e) > 3 and login and login in e[3].split(","))
    return uid, gid, further


def _group(name: str, groups: list[list[str]]) -> int:
    if name.isdigit():
        return int(name)
    found = next((e for e in groups if len(e) > 2 and e[0] == name), None)
    if found is None:
        raise UnknownUser(f"the image has no group {name!r}")
    return int(found[2])


def _entries(layers: tuple[Path, ...], name: str) -> list[list[str]]:
    """Read a colon-separated file of the topmost layer that has it."""
    for layer in reversed(layers):
        try:
            descriptor = os.open(layer / name, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            continue
        with os.fdopen(descriptor, "rb") as file:
            text = file.read(_BYTES_MAX).decode(errors="replace")
        return [line.split(":") for line in text.splitlines() if ":" in line]
    return []
