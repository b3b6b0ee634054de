"""The log of a process in the background, which may not fill the disk it runs on.

`busbar up` and `busbar agent start` open the log file and hand it to the process as its standard
output and error, so that a traceback lands there too. The process itself turns the page: the file
becomes FILE.1, FILE.1 becomes FILE.2, and the oldest goes. No rotating service is needed. A process
in the foreground writes where its supervisor wants it, and turns nothing.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

BYTES_MAX = 16 * 1024 * 1024
KEPT = 3
"""Older files beside the present one: all in all at most 64 MiB, and a message's length."""
FORMAT = "%(asctime)s %(name)s %(message)s"


def configure(file: Path, bytes_max: int = BYTES_MAX) -> None:
    """Log to standard error; where that is `file`, within bounds."""
    handler = BoundedHandler(file, bytes_max)
    logging.basicConfig(level=logging.INFO, format=FORMAT, handlers=[handler])


class BoundedHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to standard error and turns the page when the file behind it is full."""

    def __init__(self, file: Path, bytes_max: int, descriptor: int = 2) -> None:
        super().__init__()
        self._file = file
        self._bytes_max = bytes_max
        self._descriptor = descriptor
        self._limit = bytes_max

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; the handler's lock is held."""
        super().emit(record)
        if os.fstat(self._descriptor).st_size >= self._limit and self._is_ours():
            self._turn()

    def _is_ours(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._file.stat())
        except OSError:
            return False

    def _turn(self) -> None:
        try:
            for number in range(KEPT, 0, -1):
                older = self._file if number == 1 else _numbered(self._file, number - 1)
                if older.exists():
                    older.replace(_numbered(self._file, number))
            fresh = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError:
            # A full disk, perhaps: the page stays as it is for another while.
            self._limit += self._bytes_max
            return
        for target in {1, self._descriptor} if self._descriptor == 2 else {self._descriptor}:
            os.dup2(fresh, target)
        os.close(fresh)
        self._limit = self._bytes_max


def _numbered(file: Path, number: int) -> Path:
    return file.with_name(f"{file.name}.{number}")
