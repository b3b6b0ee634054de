"""Who a container runs as: `User` of an image, looked up in the image's own files.

The files are a stranger's, so they are read with care: at most a megabyte, no symbolic links out
of the layer. Next: `config.py`.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from busbar.agent.runtimes.contract import ContainerSpec
from busbar.agent.runtimes.runc.identities import SIZE

_BYTES_MAX = 1 << 20


class UnknownUser(ValueError):
    """The container cannot be who it should be; one sentence."""


def identity(spec: ContainerSpec) -> tuple[int, int, list[int]]:
    """Give uid, gid and further gids of a container."""
    uid, gid, further = lookup(spec.user, spec.layers)
    if uid == 0 and spec.not_root:
        raise UnknownUser(
            "securityContext.runAsNonRoot: it would run as root; set runAsUser, or use an image "
            "with another user"
        )
    gid = gid if spec.group is None else spec.group
    further = () if spec.only_these_groups else further
    return uid, gid, list(dict.fromkeys((*further, *spec.groups)))


def lookup(user: str, layers: tuple[Path, ...]) -> tuple[int, int, tuple[int, ...]]:
    """Give uid, gid and further gids of `user`: "", "uid", "uid:gid", "name" or "name:group"."""
    name, _, group = user.partition(":")
    if not name:
        name = "0"
    passwd = _entries(layers, "etc/passwd")
    entry = next((e for e in passwd if len(e) > 3 and name in (e[0], e[2])), None)
    if entry is None and not name.isdigit():
        raise UnknownUser(f"the image has no user {name!r}")
    uid = _number(entry[2] if entry else name, user)
    gid = _number(entry[3] if entry else "0", user)
    groups = _entries(layers, "etc/group")
    if group:
        return uid, _group(group, groups), ()
    login = entry[0] if entry else ""
    further = [e[2] for e in groups if len(e) > 3 and login and login in e[3].split(",")]
    return uid, gid, tuple(_number(text, user) for text in further)


def _number(text: str, user: str) -> int:
    """Give an id; only so many are a Pod's own."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise UnknownUser(f"user {user!r} of the image has the id {text[:20]!r}, which is none")
    if int(text) >= SIZE:
        raise UnknownUser(f"user {user!r} has an id of {text}; ids end at {SIZE - 1}")
    return int(text)


def _group(name: str, groups: list[list[str]]) -> int:
    if name.isdigit():
        return _number(name, name)
    found = next((e for e in groups if len(e) > 2 and e[0] == name), None)
    if found is None:
        raise UnknownUser(f"the image has no group {name!r}")
    return _number(found[2], name)


def _open(layer: Path, name: str) -> int:
    """Open a layer's file, step by step: a folder on the way may be a link to the machine's."""
    # Not blocking: a named pipe of that name would be waited for without end.
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    place = os.open(layer, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for step in name.split("/"):
        try:
            deeper = os.open(step, flags, dir_fd=place)
        finally:
            os.close(place)
        place = deeper
    return place


def _entries(layers: tuple[Path, ...], name: str) -> list[list[str]]:
    """Read a colon-separated file of the topmost layer that has it."""
    for layer in reversed(layers):
        try:
            descriptor = _open(layer, name)
        except OSError:
            continue
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return []  # A layer above has deleted it, or it is nothing that can be read.
            text = file.read(_BYTES_MAX).decode(errors="replace")
        return [line.split(":") for line in text.splitlines() if ":" in line]
    return []
