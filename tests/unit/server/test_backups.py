"""A cloud in one file: whole, verified, and put in place only when all of it is good."""

from __future__ import annotations

import asyncio
import io
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from busbar.ledger.settlement import top_up
from busbar.model.objects import Key
from busbar.server import settings as server_settings
from busbar.server.addresses import CannotStart
from busbar.server.backups import BackupRefused, LedgerRefused, make, opened, put_in_place
from busbar.server.main import open_store
from busbar.server.pki import open_authority
from busbar.server.podkeys import load_or_make_key
from busbar.server.settings import ServerSettings
from busbar.store.contract import ANY, CannotOpen, Put, Transaction, Unopenable
from busbar.store.sqlite import SqliteStore

NOW = 1_800_000_000_000


class Cloud:
    """A data directory as a server leaves it."""

    def __init__(self, directory: Path, **changes: object) -> None:
        self.settings = server_settings.replace(ServerSettings(data=str(directory)), **changes)

    def begin(self) -> Cloud:
        server_settings.save(self.settings)
        open_authority(self.settings.pki, NOW)
        load_or_make_key(self.settings.pki / "podkeys.key")
        self.pay("first")
        return self

    def with_store(self, do: Callable[[SqliteStore], object]) -> object:
        async def opened_store() -> object:
            store = SqliteStore.open(self.settings.database)
            try:
                result = do(store)
                return await result if asyncio.iscoroutine(result) else result
            finally:
                await store.close()

        return asyncio.run(opened_store())

    def pay(self, key: str) -> None:
        async def commit(store: SqliteStore) -> None:
            thing = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": key}}
            put = Put(Key("", "configmaps", "xyz", key), thing, ANY)
            await store.commit(Transaction((put,), (top_up("xyz", 10, NOW, key),)))

        self.with_store(commit)

    def balance(self) -> object:
        async def read(store: SqliteStore) -> int:
            return (await store.snapshot()).balance("ns/xyz/available")

        return self.with_store(read)

    def secrets(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.settings.pki.iterdir()}


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud(tmp_path / "cloud").begin()


@pytest.fixture
def saved(cloud: Cloud, tmp_path: Path) -> Path:
    target = tmp_path / "saved.tar"
    make(cloud.settings, target, NOW)
    return target


def restore(cloud: Cloud, source: Path) -> None:
    with opened(source, cloud.settings.directory) as (_, unpacked):
        put_in_place(cloud.settings, unpacked)


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        return {m.name: archive.extractfile(m).read() for m in archive}  # type: ignore[union-attr]


def rewrite(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def test_a_backup_restores_what_it_was(cloud: Cloud, saved: Path) -> None:
    cloud.pay("second")
    assert cloud.balance() == 20
    restore(cloud, saved)
    assert cloud.balance() == 10


def test_a_backup_is_made_beside_a_running_cloud(cloud: Cloud, tmp_path: Path) -> None:
    manifest = cloud.with_store(lambda _: make(cloud.settings, tmp_path / "b.tar", NOW))
    assert manifest.entries == 1  # type: ignore[attr-defined]
    assert (tmp_path / "b.tar").stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_it_goes_to_another_machine_with_its_keys(
    cloud: Cloud, saved: Path, tmp_path: Path
) -> None:
    other = Cloud(tmp_path / "other")
    restore(other, saved)
    assert other.balance() == 10
    assert other.secrets() == cloud.secrets()
    assert server_settings.load(other.settings.directory).api_port == 6443
    assert (other.settings.pki / "ca.key").stat().st_mode & 0o077 == 0


def test_settings_that_are_there_stay_and_what_the_other_ca_signed_goes(
    saved: Path, tmp_path: Path
) -> None:
    other = Cloud(tmp_path / "other", api_port=7443).begin()
    for stale in (other.settings.pki / "server.pem", other.settings.kubeconfig):
        stale.write_text("of another CA")
    restore(other, saved)
    assert server_settings.load(other.settings.directory).api_port == 7443
    assert not (other.settings.pki / "server.pem").exists()
    assert not other.settings.kubeconfig.exists()


def test_a_running_cloud_is_not_replaced(cloud: Cloud, saved: Path) -> None:
    before = cloud.secrets()
    with pytest.raises(CannotOpen) as refused:
        cloud.with_store(lambda _: _restore_in_thread(cloud, saved))
    assert refused.value.why is Unopenable.IN_USE
    assert cloud.secrets() == before


async def _restore_in_thread(cloud: Cloud, saved: Path) -> None:
    await asyncio.to_thread(restore, cloud, saved)


@pytest.mark.parametrize("name", ["store/busbar.db", "pki/ca.key", "busbar.json"])
def test_a_changed_file_is_refused_and_nothing_replaced(
    cloud: Cloud, saved: Path, name: str
) -> None:
    files = members(saved)
    rewrite(saved, files | {name: files[name] + b" "})
    cloud.pay("second")
    with pytest.raises(BackupRefused, match=f"was changed since it was made: {name} differs"):
        restore(cloud, saved)
    assert cloud.balance() == 20
    assert list(cloud.settings.directory.glob(".restore-*")) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw[: len(raw) // 2],
        lambda raw: b"nonsense",
        lambda raw: b"",
    ],
    ids=["half", "nonsense", "nothing"],
)
def test_what_is_not_a_whole_backup_is_refused(
    cloud: Cloud, saved: Path, change: Callable[[bytes], bytes]
) -> None:
    saved.write_bytes(change(saved.read_bytes()))
    with pytest.raises(BackupRefused, match="is not a whole backup"):
        restore(cloud, saved)
    assert cloud.balance() == 10


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "store/other", "pki"])
def test_a_backup_with_a_strange_file_is_refused(cloud: Cloud, saved: Path, name: str) -> None:
    rewrite(saved, members(saved) | {name: b"x"})
    with pytest.raises(BackupRefused, match="it holds"):
        restore(cloud, saved)


def test_a_backup_of_a_newer_busbar_is_refused(cloud: Cloud, saved: Path) -> None:
    files = members(saved)
    name = "busbar-backup.json"
    rewrite(saved, files | {name: files[name].replace(b'"format": 1', b'"format": 2')})
    with pytest.raises(BackupRefused, match="is of a newer Busbar"):
        restore(cloud, saved)


def forge(cloud: Cloud) -> None:
    """Change an amount in the journal, as somebody with the disk in hand would."""
    connection = sqlite3.connect(cloud.settings.database / "busbar.db")
    (entry,) = connection.execute("SELECT entry FROM journal WHERE seq = 1").fetchone()
    forged = bytes(entry).replace(b"first", b"fyrst")
    assert forged != bytes(entry)
    connection.execute("UPDATE journal SET entry = ? WHERE seq = 1", (forged,))
    connection.commit()
    connection.close()


def test_a_ledger_that_does_not_verify_is_not_called_a_backup(cloud: Cloud, tmp_path: Path) -> None:
    forge(cloud)
    with pytest.raises(LedgerRefused, match="the store's ledger does not verify"):
        make(cloud.settings, tmp_path / "b.tar", NOW)
    assert not (tmp_path / "b.tar").exists()


def test_a_backup_does_not_overwrite(cloud: Cloud, saved: Path) -> None:
    with pytest.raises(BackupRefused, match="exists already"):
        make(cloud.settings, saved, NOW)


def test_a_cloud_in_memory_has_nothing_to_save(tmp_path: Path) -> None:
    with pytest.raises(BackupRefused, match="keeps its store in memory"):
        make(ServerSettings(data=str(tmp_path), store="memory"), tmp_path / "b.tar", NOW)


def test_a_damaged_store_names_the_way_back(cloud: Cloud, saved: Path) -> None:
    forge(cloud)
    with pytest.raises(CannotStart, match=r"restore .* from a backup: `busbar restore FILE`"):
        open_store(cloud.settings)
    restore(cloud, saved)
    assert cloud.balance() == 10
