"""A cloud in one file, and back: the store, the keys that cannot be made again, the settings.

    store beside a running cloud ─▶ copy ─▶ ledger verified ─▶ tar, under its name once whole
    tar ─▶ unpacked aside ─▶ digests, store opened, ledger verified ─▶ put in place

Nothing is replaced before all of it was found good. Buckets' objects and images are not in it:
they are files that may be copied as they are. Source: `store/sqlite/backup.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

from busbar.model.time import Instant, format_instant
from busbar.server.pki import write_private
from busbar.server.settings import ServerSettings
from busbar.store.contract import CannotOpen
from busbar.store.sqlite import SqliteStore, schema
from busbar.store.sqlite.backup import backup, restore, sync
from busbar.store.sqlite.verify import verify

FORMAT: Final = 1
MANIFEST: Final = "busbar-backup.json"
STORE: Final = "store/busbar.db"
SETTINGS: Final = "busbar.json"
PKI: Final = ("ca.pem", "ca.key", "podkeys.key", "serviceaccounts.key")
"""The server's own certificate is not among them: it is made anew for whatever machine it is."""


class BackupRefused(Exception):
    """A backup cannot be made or taken; one sentence says why. Nothing was changed."""


class LedgerRefused(BackupRefused):
    """The ledger in it does not verify."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says of itself."""

    format: int
    version: str
    made: str
    cluster: str
    revision: int
    entries: int
    """How many entries the journal has."""
    head: str
    """The hash of the last one."""
    files: dict[str, str]
    """SHA-256 of each file in it."""


def make(settings: ServerSettings, target: Path, now: Instant) -> Manifest:
    """Write a backup to a new file, beside a running cloud or not; gives what is in it."""
    _check_kept(settings)
    if target.exists():
        raise BackupRefused(f"{target} exists already; name a file that does not")
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as aside:
        copy = Path(aside) / "busbar.db"
        backup(settings.database, copy)
        _check_ledger(copy, "the store's ledger")
        meta = _meta(copy)
        files = {STORE: copy, SETTINGS: settings.directory / SETTINGS}
        files |= {f"pki/{name}": settings.pki / name for name in PKI}
        files = {name: path for name, path in files.items() if path.is_file()}
        manifest = Manifest(
            format=FORMAT,
            version=version("busbar"),
            made=format_instant(now),
            cluster=meta.cluster,
            revision=meta.revision,
            entries=meta.seq,
            head=meta.head,
            files={name: _digest(path) for name, path in files.items()},
        )
        whole = Path(aside) / "whole"
        _pack(whole, manifest, files, now)
        sync(whole)
        whole.rename(target)
        sync(target.parent)
    return manifest


@contextlib.contextmanager
def opened(source: Path, near: Path) -> Iterator[tuple[Manifest, Path]]:
    """Unpack a backup aside, in a folder of `near`, and check all of it; then it may be placed."""
    near.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=near) as aside:
        place = Path(aside)
        try:
            manifest = _unpack(source, place)
        except (tarfile.TarError, EOFError, msgspec.DecodeError, KeyError) as error:
            raise BackupRefused(f"{source} is not a whole backup: {error}") from None
        for name, digest in manifest.files.items():
            if not (place / name).is_file() or _digest(place / name) != digest:
                raise BackupRefused(f"{source} was changed since it was made: {name} differs")
        _check_store(place / STORE, source, place / "tried")
        yield manifest, place


def put_in_place(settings: ServerSettings, unpacked: Path) -> None:
    """Replace a stopped cloud's store and keys by those of an opened backup.

    Settings that are there stay: they are this machine's.
    """
    _check_kept(settings)
    restore(unpacked / STORE, settings.database)
    for name in PKI:
        if (unpacked / "pki" / name).is_file():
            write_private(settings.pki / name, (unpacked / "pki" / name).read_bytes())
    # Issued under the CA that was here before; the next start makes both anew.
    for stale in (settings.pki / "server.pem", settings.pki / "server.key", settings.kubeconfig):
        stale.unlink(missing_ok=True)
    kept = settings.directory / SETTINGS
    if not kept.exists() and (unpacked / SETTINGS).is_file():
        shutil.copyfile(unpacked / SETTINGS, kept)


def _check_kept(settings: ServerSettings) -> None:
    if settings.store == "memory":
        raise BackupRefused("this cloud keeps its store in memory: busbar.json says so")


def present(settings: ServerSettings) -> schema.Meta | None:
    """Give what is known of the store that is in place; None where there is none to read."""
    try:
        return _meta(settings.database / "busbar.db")
    except (CannotOpen, BackupRefused, sqlite3.Error):
        return None


def _meta(database: Path) -> schema.Meta:
    if not database.is_file():
        raise BackupRefused(f"there is no store at {database}")
    connection = schema.connect_for_reading(database)
    try:
        meta = schema.read_meta(connection)
    finally:
        connection.close()
    if meta is None:
        raise BackupRefused(f"{database} is empty: start the cloud once, then save it")
    return meta


def _check_ledger(database: Path, what: str) -> None:
    for finding in verify(database):
        raise LedgerRefused(f"{what} does not verify: {finding}")


def _check_store(database: Path, source: Path, tried: Path) -> None:
    """Open a copy as a start would, which reads each row's checksum; and verify the ledger."""
    if not database.is_file():
        raise BackupRefused(f"{source} holds no store")
    tried.mkdir()
    shutil.copyfile(database, tried / database.name)

    async def start() -> None:
        await SqliteStore.open(tried).close()

    asyncio.run(start())
    shutil.rmtree(tried)
    _check_ledger(database, f"the ledger in {source}")


def _pack(whole: Path, manifest: Manifest, files: dict[str, Path], now: Instant) -> None:
    whole.touch(mode=0o600)
    with tarfile.open(whole, "w") as archive:
        described = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
        entry = tarfile.TarInfo(MANIFEST)
        entry.size, entry.mode, entry.mtime = len(described), 0o600, now // 1000
        archive.addfile(entry, io.BytesIO(described))
        for name, path in files.items():
            archive.add(path, name, recursive=False)


def _unpack(source: Path, place: Path) -> Manifest:
    """Take the files that a backup has, and no other, out of an archive of whoever made it."""
    known = {STORE, SETTINGS, *(f"pki/{name}" for name in PKI)}
    manifest = None
    with tarfile.open(source) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            if content is None or (member.name not in known and member.name != MANIFEST):
                raise BackupRefused(f"{source} is not a backup: it holds {member.name[:100]!r}")
            if member.name == MANIFEST:
                manifest = msgspec.json.decode(content.read(1 << 20), type=Manifest)
                continue
            target = place / member.name
            target.parent.mkdir(mode=0o700, exist_ok=True)
            with target.open("xb") as file:
                target.chmod(0o600)
                shutil.copyfileobj(content, file, 1 << 20)
    if manifest is None:
        raise BackupRefused(f"{source} is not a backup: it has no {MANIFEST}")
    if manifest.format > FORMAT:
        raise BackupRefused(f"{source} is of a newer Busbar ({manifest.version}); use that one")
    if not set(manifest.files) <= known:
        raise BackupRefused(f"{source} is not a whole backup: it names files that it cannot have")
    return manifest


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
