"""One sentence for an operator about a write that failed: what, where, what to do."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path


def sentence(error: Exception, path: Path) -> str:
    """Say why nothing more can be written to a data directory."""
    return f"the store cannot write to {path}: {_cause(error)}; then start Busbar again"


def _cause(error: Exception) -> str:
    number = error.errno if isinstance(error, OSError) else None
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if number in (errno.ENOSPC, errno.EDQUOT) or code == sqlite3.SQLITE_FULL:
        return "the disk is full; free some space"
    if number == errno.EROFS or code == sqlite3.SQLITE_READONLY:
        return "it is read-only; make it writable"
    if number in (errno.EACCES, errno.EPERM) or code in (
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_CANTOPEN,
    ):
        return "permission is denied; let Busbar's user write there"
    if number in (errno.EMFILE, errno.ENFILE):
        return "too many files are open; raise the limit (ulimit -n)"
    return f"the disk reports an error ({error}); check the disk"
