"""What the agent remembers over its own restart."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.agent.conftest import UID, pod

from busbar.agent.records import ContainerRecord, PodRecord, Records
from busbar.agent.runtimes.contract import ContainerStatus


def record() -> PodRecord:
    ended = ContainerStatus("id", UID, "main", "exited", 1, 2, 3, "OOMKilled")
    main = ContainerRecord("id", 2, 99, True, "sha256:1", 1, 1, ended)
    return PodRecord(UID, pod(), 7, {"main": main}, "LeaseLost", "cut off")


def test_what_was_saved_is_read(tmp_path: Path) -> None:
    Records(tmp_path).save(record())
    assert Records(tmp_path).load_all() == {UID: record()}


@pytest.mark.parametrize("text", [b"", b'{"uid": "', b"{}", b"\xff\xff", b"[1]"])
def test_a_torn_record_is_none_and_hides_no_other(tmp_path: Path, text: bytes) -> None:
    records = Records(tmp_path)
    records.save(record())
    torn = records.folder("torn")
    torn.mkdir()
    (torn / "record.json").write_bytes(text)
    assert set(records.load_all()) == {UID}
    assert records.strays({UID}) == [torn]


def test_a_crash_while_writing_leaves_the_old_record(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.save(record())
    (records.folder(UID) / ".record.json.new").write_bytes(b'{"uid')
    assert records.load_all() == {UID: record()}


def test_a_removed_pod_leaves_nothing(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.save(record())
    deep = records.folder(UID) / "volumes"
    deep.mkdir()
    (deep / "link").symlink_to("/etc")
    records.remove(UID)
    records.remove(UID)
    assert not records.folder(UID).exists()
    assert Path("/etc/passwd").exists()
