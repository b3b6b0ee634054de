"""Start writing pages to the disk before the file is complete, so that its sync has less to do.

Only a hint: durability comes from fdatasync. Python has no name for Linux' sync_file_range(2).
Next: `blobs.py`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

_WRITE = 2
"""SYNC_FILE_RANGE_WRITE: start, do not wait."""


def _find() -> Callable[[int, int, int, int], int] | None:
    try:
        function = ctypes.CDLL(None).sync_file_range
    except (OSError, AttributeError):
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    found: Callable[[int, int, int, int], int] = function
    return found


_sync_file_range = _find()


def start(fd: int, offset: int, length: int) -> None:
    """Hand a range of a file to the disk, if the system can."""
    if _sync_file_range is not None:
        _sync_file_range(fd, offset, length, _WRITE)
