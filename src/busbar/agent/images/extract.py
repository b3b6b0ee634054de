"""Writes a layer to a directory for overlayfs, whatever the layer tries.

Nothing is written outside the directory (`rootfd.py`), nothing follows a link at its last
component, devices are never made, and whiteouts become overlayfs's own only under the names the
image specification gives them (image-spec/layer.md, kernel.org: overlayfs.rst). Set-user-id bits
stay: the container runs without new privileges. Next: `unpack.py`.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from busbar.agent.images import tarstream
from busbar.agent.images.rootfd import DEPTH_MAX, Root, remove
from busbar.agent.images.tarstream import Entry, Source, unsafe
from busbar.images.refusals import ImageError, ImageRefusal

WHITEOUT = b".wh."
OPAQUE = b".wh..wh..opq"
RESERVED = b".wh..wh."
OPAQUE_XATTR = "trusted.overlay.opaque"
NAME_BYTES_MAX = 255
PATH_BYTES_MAX = 4095
SPECIAL_BITS = 0o7000
REPORT_EVERY = 256
Made = TypeVar("Made")
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass
class Limits:
    """What one layer may hold at most."""

    entries: int = 1_000_000
    bytes: int = 64 << 30


@dataclass
class Extracted:
    """What was written."""

    entries: int = 0
    bytes: int = 0
    devices_left_out: int = 0


class Extraction:
    """One layer being written below `target`, an empty directory."""

    def __init__(self, target: str, limits: Limits, report: Callable[[int], None]) -> None:
        self._root = Root(target)
        self._limits = limits
        self._report = report
        self._folders: list[tuple[bytes, int]] = []
        self.result = Extracted()

    def run(self, source: Source) -> Extracted:
        """Write every member of the tar."""
        try:
            for entry in tarstream.entries(source):
                self._count(entry)
                self._root.next_entry()
                self._write(entry, source)
            self._date_folders()
        finally:
            self._root.close()
        self._report(self.result.bytes)
        return self.result

    def _count(self, entry: Entry) -> None:
        self.result.entries += 1
        self.result.bytes += entry.size
        if self.result.entries > self._limits.entries:
            raise ImageError(
                ImageRefusal.TOO_LARGE,
                f"A layer of the image has more than {self._limits.entries} entries.",
            )
        if self.result.bytes > self._limits.bytes:
            raise ImageError(
                ImageRefusal.TOO_LARGE, "A layer of the image unpacks to more than is allowed."
            )
        if self.result.entries % REPORT_EVERY == 0:
            self._report(self.result.bytes)

    def _write(self, entry: Entry, source: Source) -> None:
        path = clean_path(entry.name)
        above, _, name = path.rpartition(b"/")
        if not name:
            self._root_entry(entry)
            return
        if entry.kind in (tarstream.CHARACTER, tarstream.BLOCKDEV):
            self._leave_out(entry)
            return
        folder = self._root.folder(above)
        if name.startswith(WHITEOUT):
            self._whiteout(entry, folder, name)
        elif entry.kind == tarstream.REGULAR:
            self._file(entry, source, folder, name)
        elif entry.kind == tarstream.DIRECTORY:
            self._folder(entry, folder, name)
            self._folders.append((path, entry.mtime_ns))
        elif entry.kind == tarstream.SYMLINK:
            self._symlink(entry, folder, name)
        elif entry.kind == tarstream.HARDLINK:
            self._hardlink(entry, folder, name)
        elif entry.kind == tarstream.FIFO:
            self._anew(folder, name, lambda: os.mkfifo(name, entry.mode, dir_fd=folder))
            self._own(entry, folder, name)
        else:
            raise unsafe("it has an entry of an unknown kind")

    def _root_entry(self, entry: Entry) -> None:
        if entry.kind != tarstream.DIRECTORY:
            raise unsafe("the root is no folder")
        os.fchown(self._root.descriptor, entry.uid, entry.gid)
        os.fchmod(self._root.descriptor, entry.mode)

    def _leave_out(self, entry: Entry) -> None:
        """Devices are the runtime's to give; 0:0 would hide files of the layers below."""
        if entry.kind == tarstream.CHARACTER and entry.device == (0, 0):
            raise unsafe("it carries a whiteout of overlayfs")
        self.result.devices_left_out += 1

    def _file(self, entry: Entry, source: Source, folder: int, name: bytes) -> None:
        def create() -> int:
            return os.open(name, _CREATE, entry.mode & ~SPECIAL_BITS, dir_fd=folder)

        descriptor = self._anew(folder, name, create)
        try:
            if entry.size:
                source.spool(entry.size, descriptor)
            if entry.uid or entry.gid:
                os.fchown(descriptor, entry.uid, entry.gid)
            if entry.mode & SPECIAL_BITS:
                os.fchmod(descriptor, entry.mode)
            for key, value in _allowed_xattrs(entry):
                os.setxattr(descriptor, key, value)
            os.utime(descriptor, ns=(entry.mtime_ns, entry.mtime_ns))
        finally:
            os.close(descriptor)

    def _folder(self, entry: Entry, folder: int, name: bytes) -> None:
        _allowed_xattrs(entry)
        try:
            os.mkdir(name, entry.mode, dir_fd=folder)
        except FileExistsError:
            self._replace_by_folder(entry, folder, name)
        self._own(entry, folder, name)
        os.chmod(name, entry.mode, dir_fd=folder)

    def _replace_by_folder(self, entry: Entry, folder: int, name: bytes) -> None:
        there = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISDIR(there.st_mode):
            return
        self._remove(folder, name)
        os.mkdir(name, entry.mode, dir_fd=folder)
        if stat.S_ISCHR(there.st_mode):
            # What lay below was deleted before this folder was made: none of it shows through.
            self._make_opaque(folder, name)

    def _symlink(self, entry: Entry, folder: int, name: bytes) -> None:
        if not 0 < len(entry.link) <= PATH_BYTES_MAX or b"\0" in entry.link:
            raise unsafe("a symbolic link has no target")
        self._anew(folder, name, lambda: os.symlink(entry.link, name, dir_fd=folder))
        self._own(entry, folder, name)

    def _hardlink(self, entry: Entry, folder: int, name: bytes) -> None:
        above, _, base = clean_path(entry.link).rpartition(b"/")
        if not base or base.startswith(WHITEOUT):
            raise unsafe("a hard link has no target")
        origin = self._root.folder(above)
        try:
            there = os.stat(base, dir_fd=origin, follow_symlinks=False)
        except FileNotFoundError:
            raise unsafe("a hard link leads to nothing in its layer") from None
        if not (stat.S_ISREG(there.st_mode) or stat.S_ISLNK(there.st_mode)):
            raise unsafe("a hard link leads to something that is no file")
        if (origin, base) == (folder, name):
            return

        def link() -> None:
            os.link(base, name, src_dir_fd=origin, dst_dir_fd=folder, follow_symlinks=False)

        self._anew(folder, name, link)

    def _whiteout(self, entry: Entry, folder: int, name: bytes) -> None:
        if entry.size:
            raise unsafe("a whiteout has content")
        if name == OPAQUE:
            # Written through /proc, as the descriptor of a folder is only a path.
            os.setxattr(f"/proc/self/fd/{folder}", OPAQUE_XATTR, b"y")
            return
        if name.startswith(RESERVED):
            return
        hidden = name.removeprefix(WHITEOUT)
        if hidden in (b"", b".", b".."):
            raise unsafe("a whiteout names nothing")
        try:
            os.mknod(hidden, stat.S_IFCHR, os.makedev(0, 0), dir_fd=folder)
        except FileExistsError:
            there = os.stat(hidden, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISDIR(there.st_mode):
                self._make_opaque(folder, hidden)

    def _make_opaque(self, folder: int, name: bytes) -> None:
        inside = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
        try:
            os.setxattr(inside, OPAQUE_XATTR, b"y")
        finally:
            os.close(inside)

    def _anew(self, folder: int, name: bytes, make: Callable[[], Made]) -> Made:
        """Make an entry; one of the same name that came earlier in the layer gives way."""
        try:
            return make()
        except FileExistsError:
            self._remove(folder, name)
            return make()

    def _remove(self, folder: int, name: bytes) -> None:
        remove(folder, name)
        self._root.replaced()

    def _own(self, entry: Entry, folder: int, name: bytes) -> None:
        os.chown(name, entry.uid, entry.gid, dir_fd=folder, follow_symlinks=False)
        if entry.kind != tarstream.DIRECTORY:
            times = (entry.mtime_ns, entry.mtime_ns)
            os.utime(name, ns=times, dir_fd=folder, follow_symlinks=False)

    def _date_folders(self) -> None:
        """Last, as every file written into a folder changes its time."""
        for path, mtime_ns in reversed(self._folders):
            self._root.next_entry()
            above, _, name = path.rpartition(b"/")
            try:
                folder = self._root.folder(above)
                os.utime(name, ns=(mtime_ns, mtime_ns), dir_fd=folder, follow_symlinks=False)
            except (ImageError, FileNotFoundError):
                continue  # a later entry took its place


def clean_path(name: bytes) -> bytes:
    """A member's path without leading slash and empty parts; refuses what points upwards."""
    if b"\0" in name or len(name) > PATH_BYTES_MAX:
        raise unsafe("a path is too long or has a zero byte")
    parts = [part for part in name.split(b"/") if part not in (b"", b".")]
    if b".." in parts:
        raise unsafe("a path points out of the image")
    if len(parts) > DEPTH_MAX or any(len(part) > NAME_BYTES_MAX for part in parts):
        raise unsafe("a path is too deep or a name too long")
    return b"/".join(parts)


def _allowed_xattrs(entry: Entry) -> list[tuple[bytes, bytes]]:
    allowed = []
    for key, value in entry.xattrs.items():
        if key.startswith(b"trusted.overlay."):
            raise unsafe("it carries attributes of overlayfs")
        if key == b"security.capability" or key.startswith(b"user."):
            allowed.append((key, value))
    return allowed


def is_disk_full(error: OSError) -> bool:
    """Whether the write failed for want of space, quota or inodes."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)
