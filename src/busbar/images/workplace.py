"""A directory for work in progress that many processes share. Next: `layout.py`, which uses it.

Who works holds the lock shared; who cleans up needs it alone. The kernel lets go of the lock of a
process that dies, so what it left behind is removed as soon as nobody else works.
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


class Workplace:
    """`tmp` holds the work, `lock` is the file that is locked; both on one file system."""

    def __init__(self, tmp: Path, lock: Path) -> None:
        self._tmp = tmp
        self._lock = lock

    @contextlib.contextmanager
    def working(self) -> Iterator[Path]:
        """Hold off whoever wants to be alone; gives a directory that is removed afterwards."""
        self._tmp.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(BlockingIOError), self.alone():
            pass
        with locked(self._lock, fcntl.LOCK_SH):
            directory = Path(tempfile.mkdtemp(dir=self._tmp))
            try:
                yield directory
            finally:
                shutil.rmtree(directory, ignore_errors=True)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody works meanwhile, and what the dead left is gone; else raises BlockingIOError."""
        self._tmp.mkdir(parents=True, exist_ok=True)
        with locked(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB):
            self._clear()
            yield
            self._clear()

    def _clear(self) -> None:
        for path in self._tmp.iterdir():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(path: Path, operation: int) -> Iterator[None]:
    """Hold a flock(2) on a file, which is made where it is missing."""
    with open(path, "a") as lock:
        fcntl.flock(lock, operation)
        yield
