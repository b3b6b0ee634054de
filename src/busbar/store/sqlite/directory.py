"""What lies beside the database: the lock against a second process, and the revisions' high water.

Revisions are never reused, not even after an older database was restored into the directory. The
file `revisions` holds a number that no revision given out exceeds: reserved ahead in blocks while
the store runs, exact after a clean stop. A store that opens goes on behind it:

- stopped cleanly: the number is the database's own, revisions go on without a gap;
- killed, or an older database restored: revisions jump to the number;
- the file is missing or older than the database (the whole directory was restored elsewhere):
  nobody knows what was given out, so they jump by `EPOCH`. `bump_epoch` asks for that by hand,
  for a restored directory that looks whole.

Clients that know a revision from the lost time are then told to list again. Next: `schema.py`.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

from busbar.store.contract import CannotOpen, Revision, Unopenable

EPOCH: Final = 1 << 32
BLOCK: Final = 100_000


class DataDirectory:
    """The directory of one store, locked by this process until `release`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = path / "busbar.db"
        self._revisions = path / "revisions"
        self._lock = self._acquire()
        self.reserved: Revision = 0

    def first_revision(self, last: Revision | None) -> Revision:
        """Give the revision to go on from, where the database's own is `last` (None: it is new)."""
        known = self._read()
        if last is None:
            return known or 0
        if known is None or known < last:
            return last + EPOCH
        return known

    def reserve(self, revision: Revision) -> None:
        """Promise that revisions a block beyond this one are never given out again.

        Renewed when half the block is used, so that a failure (no file left to open) has time to
        pass; raises `OSError` once the block is used up.
        """
        if revision + BLOCK // 2 < self.reserved:
            return
        try:
            self._write(revision + BLOCK)
            self.reserved = revision + BLOCK
        except OSError:
            if revision >= self.reserved:
                raise

    def protect(self) -> None:
        """Let nobody else read the database: Secrets lie in it. SQLite's other files follow it."""
        self.database.touch(mode=0o600)
        self.database.chmod(0o600)

    def settle(self, revision: Revision) -> None:
        """Say at a clean stop which revision was the last."""
        self._write(revision)

    def release(self) -> None:
        """Let another process have it."""
        os.close(self._lock)

    def bump(self, last: Revision) -> Revision:
        """Let the next start go on an epoch later."""
        revision = max(last, self._read() or 0) + EPOCH
        self._write(revision)
        return revision

    def _acquire(self) -> int:
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            said = f"cannot use the data directory {self.path}: {error.strerror}"
            raise CannotOpen(Unopenable.UNWRITABLE, said) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(lock, 20).decode("ascii", "replace").strip() or "unknown"
            os.close(lock)
            said = (
                f"another Busbar (process {owner}) runs on the data directory {self.path};"
                " stop it first, or choose another directory"
            )
            raise CannotOpen(Unopenable.IN_USE, said) from None
        self._sign(lock)
        return lock

    def _sign(self, lock: int) -> None:
        """Write who holds the lock, for the other's refusal; a full disk does not matter here."""
        try:
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            pass

    def _read(self) -> Revision | None:
        try:
            text = self._revisions.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None
        return int(text) if text.isdecimal() and len(text) < 19 else None

    def _write(self, revision: Revision) -> None:
        """Replace the number so that after a power cut the old or the new one is there."""
        fresh = self._revisions.with_suffix(".new")
        with fresh.open("w", encoding="ascii") as file:
            file.write(f"{revision}\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._revisions)
        folder = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def bump_epoch(path: Path) -> Revision:
    """After restoring a whole data directory from a backup: make revisions go on an epoch later.

    Gives the revision the next start begins at. Raises `CannotOpen` where a store runs there.
    """
    from busbar.store.sqlite import schema

    directory = DataDirectory(path)
    try:
        if not directory.database.exists():
            said = f"there is no store in {path}; restore the backup into it first"
            raise CannotOpen(Unopenable.NOT_A_STORE, said)
        connection = schema.connect(directory.database)
        try:
            schema.check_format(connection)
            meta = schema.read_meta(connection)
        finally:
            connection.close()
        return directory.bump(meta.revision if meta else 0)
    finally:
        directory.release()
