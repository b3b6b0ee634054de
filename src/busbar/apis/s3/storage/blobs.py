"""Files of large bodies, under names made here: never anything a client wrote.

tmp/<name> is written and synced, renamed to blobs/<2 hex>/<name>, and that folder synced, before
the index may mention it. Reading needs a pin, removing waits for the last pin. Next: `store.py`.
"""

from __future__ import annotations

import errno
import os
import threading
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from busbar.apis.s3.errors import Code, S3Error
from busbar.apis.s3.storage import writeback

READ_BYTES = 512 * 1024
WRITEBACK_BYTES = 8 * 1024 * 1024
FREE_BYTES_MIN = 64 * 1024 * 1024
"""Uploads stop before the disk is full, so that the index and the rest of the cloud can write."""


class Blobs:
    """The files of a data directory."""

    def __init__(self, root: Path) -> None:
        self._tmp = root / "tmp"
        self._blobs = root / "blobs"
        self._pins: Counter[str] = Counter()
        self._doomed: set[str] = set()
        self._tmp.mkdir(parents=True, exist_ok=True)
        self._blobs.mkdir(exist_ok=True)
        _sync_folder(root)

    def sweep(self, in_use: Iterable[str]) -> int:
        """Remove what a crash left behind; gives how many files. Only at start."""
        known = set(in_use)
        orphans = list(self._tmp.iterdir())
        orphans += [path for path in self._blobs.glob("*/*") if path.name not in known]
        for path in orphans:
            path.unlink()
        return len(orphans)

    def any(self) -> bool:
        """Is there any finished file?"""
        return any(True for _ in self._blobs.glob("*/*"))

    def check_free(self, wanted: int) -> None:
        """Refuse a body that would fill the disk."""
        stat = os.statvfs(self._tmp)
        if stat.f_bavail * stat.f_frsize < wanted + FREE_BYTES_MIN:
            raise full()

    def path(self, name: str) -> Path:
        """Give where a file lies."""
        return self._blobs / name[:2] / name

    def pin(self, names: Iterable[str]) -> None:
        """Keep files readable until `unpin`."""
        self._pins.update(names)

    def unpin(self, names: Iterable[str]) -> list[str]:
        """Give pins back; gives the files that may now be removed."""
        free = []
        for name in names:
            self._pins[name] -= 1
            if self._pins[name] <= 0:
                del self._pins[name]
                if name in self._doomed:
                    self._doomed.discard(name)
                    free.append(name)
        return free

    def doom(self, names: Iterable[str]) -> list[str]:
        """Mark files that the index has forgotten; gives those that may be removed at once."""
        free = []
        for name in names:
            if self._pins.get(name):
                self._doomed.add(name)
            else:
                free.append(name)
        return free

    def remove(self, names: Iterable[str]) -> None:
        """Remove files. One that cannot be removed now is an orphan for the next start."""
        for name in names:
            try:
                self.path(name).unlink(missing_ok=True)
            except OSError:
                continue

    @contextmanager
    def writer(self) -> Iterator[BlobWriter]:
        """Open a new file; it vanishes unless `finish` was reached."""
        writer = BlobWriter(self, self._tmp / uuid.uuid4().hex)
        try:
            yield writer
        finally:
            writer.close()


class BlobWriter:
    """A file being written. All methods block: they are called in threads."""

    def __init__(self, blobs: Blobs, path: Path) -> None:
        self._blobs = blobs
        self._path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._finished = False
        self._size = 0
        self._handed = 0
        # A cancelled upload closes while its last batch may still be written in a thread; without
        # the lock that batch could land in whatever file gets the descriptor next.
        self._writing = threading.Lock()

    def write(self, pieces: Iterable[bytes | memoryview]) -> None:
        """Append; a full disk is refused as such."""
        with self._writing:
            try:
                for piece in pieces:
                    view = memoryview(piece)
                    while view:
                        written = os.write(self._fd, view)
                        self._size += written
                        view = view[written:]
            except OSError as failure:
                raise _translated(failure) from failure
            if self._size - self._handed >= WRITEBACK_BYTES:
                writeback.start(self._fd, self._handed, self._size - self._handed)
                self._handed = self._size

    def finish(self) -> str:
        """Make the file durable; gives its name."""
        target = self._blobs.path(self._path.name)
        try:
            os.fdatasync(self._fd)
            if not target.parent.exists():
                target.parent.mkdir(exist_ok=True)
                _sync_folder(target.parent.parent)
            os.rename(self._path, target)
            self._path = target
            _sync_folder(target.parent)
        except OSError as failure:
            raise _translated(failure) from failure
        self._finished = True
        return target.name

    def close(self) -> None:
        """Close; remove the file unless it was finished."""
        with self._writing:
            os.close(self._fd)
            self._fd = -1
        if not self._finished:
            self._path.unlink(missing_ok=True)


def full() -> S3Error:
    """Give the refusal of a full disk."""
    return S3Error(
        Code.InsufficientStorage,
        "The disk has no room for this object; nothing was changed. Delete something or add space.",
    )


def _translated(failure: OSError) -> S3Error:
    if failure.errno in (errno.ENOSPC, errno.EDQUOT):
        return full()
    return S3Error(
        Code.InternalError,
        f"The disk refused the object ({failure.strerror}); nothing was changed.",
    )


def _sync_folder(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
