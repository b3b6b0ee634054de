"""Backup beside a running server, and restore into a stopped one's data directory.

A restore is not a file copy: a write-ahead log left by a killed server would be replayed into the
restored database. Revisions go on behind those given out before; see `directory.py`.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

from busbar.store.contract import CannotOpen, Unopenable
from busbar.store.sqlite import schema
from busbar.store.sqlite.directory import DataDirectory


def backup(path: Path, target: Path) -> None:
    """Write a consistent copy of the store in a data directory to a new file.

    Raises `CannotOpen` where there is no store, `FileExistsError` for an existing target.
    """
    database = path / "busbar.db"
    if not database.is_file():
        said = f"there is no store in {path}; name the data directory of one"
        raise CannotOpen(Unopenable.NOT_A_STORE, said)
    target.touch(mode=0o600, exist_ok=False)
    source, copy = schema.connect_for_reading(database), sqlite3.connect(target)
    try:
        schema.check_format(source)
        source.backup(copy)
    finally:
        copy.close()
        source.close()
    sync(target)


def restore(saved: Path, path: Path) -> None:
    """Put a backup in the place of the store in a data directory. Raises `CannotOpen`."""
    directory = DataDirectory(path)
    try:
        _check(saved)
        fresh = directory.database.with_suffix(".restored")
        shutil.copyfile(saved, fresh)
        fresh.chmod(0o600)
        sync(fresh)
        for suffix in ("-wal", "-shm"):
            directory.database.with_name(directory.database.name + suffix).unlink(missing_ok=True)
        fresh.replace(directory.database)
        sync(path)
    finally:
        directory.release()


def _check(saved: Path) -> None:
    """Insist that a file is a whole store before anything is replaced by it."""
    if not saved.is_file():
        raise CannotOpen(Unopenable.NOT_A_STORE, f"there is no backup at {saved}")
    connection = sqlite3.connect(f"{saved.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        schema.check_format(connection)
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok" or schema.read_meta(connection) is None:
            raise schema.damaged(f"the backup {saved} is not whole")
    except sqlite3.DatabaseError as error:
        raise schema.damaged(f"the backup {saved}: {error}") from None
    finally:
        connection.close()


def sync(path: Path) -> None:
    """Have a file's content, or a folder's names, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
