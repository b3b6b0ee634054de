"""Opens paths inside a directory that the kernel lets nobody leave.

openat2(2) with RESOLVE_IN_ROOT resolves `..`, absolute paths and symbolic links as if the
directory were the root of the file system. Next: `extract.py`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat

from busbar.agent.images.tarstream import unsafe

_SYS_OPENAT2 = 437  # the same number on every architecture
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_IN_ROOT = 0x10
_PATH_FLAGS = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
CACHE = 32
DEPTH_MAX = 256


class _OpenHow(ctypes.Structure):
    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


_libc = ctypes.CDLL(None, use_errno=True)
_HOW = _OpenHow(_PATH_FLAGS, 0, _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS)
_HOW_SIZE = ctypes.c_size_t(ctypes.sizeof(_OpenHow))


def open_directory(root: int, path: bytes) -> int:
    """A descriptor (O_PATH) of the directory `path` as seen from the directory `root`."""
    descriptor: int = _libc.syscall(
        _SYS_OPENAT2, ctypes.c_int(root), ctypes.c_char_p(path), ctypes.byref(_HOW), _HOW_SIZE
    )
    if descriptor < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return descriptor


class Root:
    """A directory that is being filled; hands out its folders, making the missing ones."""

    def __init__(self, path: str) -> None:
        self.descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._open: dict[bytes, int] = {}
        self._stale = False
        self._depth = os.readlink(f"/proc/self/fd/{self.descriptor}").count("/")

    def folder(self, path: bytes) -> int:
        """The folder `path` (no leading slash, no `..`; empty for the root itself)."""
        if not path:
            return self.descriptor
        descriptor = self._open.get(path)
        if descriptor is None:
            descriptor = self._open[path] = self._resolve(path)
            self._check_depth(descriptor)
        return descriptor

    def replaced(self) -> None:
        """An entry has been replaced, so a path may lead elsewhere from the next entry on."""
        self._stale = True

    def next_entry(self) -> None:
        """Between two entries, when nobody holds a folder, let go of what is stale or too many."""
        if self._stale or len(self._open) > CACHE:
            self._forget()

    def _forget(self) -> None:
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()
        self._stale = False

    def close(self) -> None:
        """Close all that is open."""
        self._forget()
        os.close(self.descriptor)

    def _check_depth(self, descriptor: int) -> None:
        """Short paths through links can build folders deeper than anything can remove."""
        try:
            place = os.readlink(f"/proc/self/fd/{descriptor}")
        except OSError:
            raise unsafe("its folders are too deep") from None
        if place.count("/") > self._depth + DEPTH_MAX:
            raise unsafe("its folders are too deep")

    def _resolve(self, path: bytes) -> int:
        try:
            return open_directory(self.descriptor, path)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise _refusal(error, path) from None
        above, _, name = path.rpartition(b"/")
        try:
            os.mkdir(name, 0o755, dir_fd=self.folder(above))
            return open_directory(self.descriptor, path)
        except OSError as error:
            # It exists and still cannot be opened: a link that leads nowhere.
            raise _refusal(error, path) from None


def _refusal(error: OSError, path: bytes) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENOSYS, errno.EMFILE):
        return error
    shown = path.decode(errors="replace")[:200]
    return unsafe(f"{shown!r} is no folder that can be written to")


def remove(folder: int, name: bytes) -> None:
    """Remove a file, a link or a whole folder, following nothing."""
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISDIR(status.st_mode):
        os.unlink(name, dir_fd=folder)
        return
    inside = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    try:
        for child in os.listdir(inside):
            remove(inside, os.fsencode(child))
    finally:
        os.close(inside)
    os.rmdir(name, dir_fd=folder)
