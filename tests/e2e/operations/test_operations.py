"""What an operator does and meets: payments, buckets, backups, books that were tampered with."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path

from tests.e2e.cloud.conftest import Cloud
from tests.e2e.operations.conftest import Start


def balance(cloud: Cloud) -> str:
    """Give the balance that kubectl shows."""
    shown: str = cloud.get("-n", "xyz", "account", "account")["status"]["balance"]
    return shown


def audit(cloud: Cloud) -> dict[str, object]:
    found: dict[str, object] = json.loads(cloud.kubectl("get", "--raw", "/money/v1/audit"))
    return found


def test_a_payment_is_shown_at_once_and_entered_once(cloud: Cloud) -> None:
    said = cloud.busbar("account", "-n", "xyz", "--top-up", "2.5", "--key", "twice")
    assert "xyz        12.5" in said.stdout
    assert balance(cloud) == "12.5"
    again = cloud.busbar("account", "-n", "xyz", "--top-up", "2.5", "--key", "twice")
    assert "was entered under the key twice before" in again.stderr
    assert balance(cloud) == "12.5"


def test_kubectl_does_not_delete_a_bucket_with_objects(cloud: Cloud, tmp_path: Path) -> None:
    cloud.busbar("bucket", "-n", "xyz", "myjobs", "--create")
    lines = cloud.busbar("bucket", "-n", "xyz", "--credentials").stdout.splitlines()
    for line in lines:
        name, _, value = line.removeprefix("export ").partition("=")
        cloud.environment[name] = value
    (tmp_path / "file").write_text("kept")
    cloud.run("aws", "s3", "cp", str(tmp_path / "file"), "s3://myjobs/file")
    said = cloud.kubectl("-n", "xyz", "delete", "bucket", "myjobs", code=1)
    assert "BucketNotEmpty" in said
    assert cloud.run("aws", "s3", "cp", "s3://myjobs/file", "-").stdout == "kept"
    cloud.run("aws", "s3", "rm", "s3://myjobs/file")
    cloud.kubectl("-n", "xyz", "delete", "bucket", "myjobs")
    gone = cloud.run("aws", "s3", "ls", "s3://myjobs", code=None)
    assert "NoSuchBucket" in gone.stderr


def test_a_backup_of_a_running_cloud_becomes_another_cloud(
    cloud: Cloud, clouds: Start, tmp_path: Path
) -> None:
    before = balance(cloud)
    cloud.busbar("backup", str(tmp_path / "saved.tar"))
    cloud.busbar("account", "-n", "xyz", "--top-up", "1", "--key", "after the backup")
    other = clouds("other", 28543)
    other.busbar("restore", str(tmp_path / "saved.tar"))
    other.busbar("up")
    assert balance(other) == before
    assert other.busbar("verify-ledger").stdout == "the ledger holds\n"
    assert other.busbar("restore", str(tmp_path / "saved.tar"), "--yes", code=5).stderr == (
        "busbar: the cloud is up; stop it with `busbar down` first\n"
    )
    other.busbar("down")
    other.busbar("restore", str(tmp_path / "saved.tar"), code=2)
    # The certificates of the first cloud's nodes and users are good here: it is the same CA.
    ca = (cloud.data / "pki" / "ca.pem").read_bytes()
    assert (other.data / "pki" / "ca.pem").read_bytes() == ca


def tamper(cloud: Cloud, key: str) -> None:
    """Pay in, and change the entry on the disk before anybody has looked at it."""
    cloud.busbar("account", "-n", "xyz", "--top-up", "1", "--key", key)
    with sqlite3.connect(cloud.data / "store" / "busbar.db", timeout=10) as connection:
        changed = connection.execute(
            "UPDATE journal SET entry = CAST(replace(CAST(entry AS TEXT), ?, ?) AS BLOB)"
            " WHERE id = ?",
            (f"xyz/{key}", "xyz/forged", f"topup/xyz/{key}"),
        )
        assert changed.rowcount == 1
    connection.close()


def test_books_that_were_tampered_with_stop_the_money(clouds: Start, tmp_path: Path) -> None:
    cloud = clouds("crooked", 28643)
    cloud.busbar("up")
    cloud.kubectl("create", "namespace", "xyz")
    cloud.busbar("account", "-n", "xyz", "--top-up", "10")
    cloud.busbar("backup", str(tmp_path / "good.tar"))
    end = time.monotonic() + 60
    while audit(cloud)["holds"]:
        assert time.monotonic() < end, "the audit never noticed"
        tamper(cloud, f"key-{time.monotonic_ns()}")
        looked = audit(cloud)["at"]
        while audit(cloud)["at"] == looked and time.monotonic() < end:
            time.sleep(0.2)

    refused = cloud.busbar("account", "-n", "xyz", "--top-up", "1", code=5).stderr
    assert "The ledger does not hold, so no money moves" in refused
    assert "THE LEDGER DOES NOT HOLD" in cloud.busbar("status").stderr
    assert "LedgerDoesNotHold" in cloud.kubectl("get", "events", "-A")
    assert "THE LEDGER DOES NOT HOLD" in (cloud.data / "busbar.log").read_text()
    cloud.kubectl("-n", "xyz", "create", "configmap", "still-writable")
    cloud.busbar("backup", str(tmp_path / "bad.tar"), code=8)
    assert not (tmp_path / "bad.tar").exists()

    cloud.busbar("down")
    cloud.busbar("restore", str(tmp_path / "good.tar"), "--yes")
    cloud.busbar("up")
    while not audit(cloud)["holds"]:
        assert time.monotonic() < end, "the restored ledger was not found good"
        time.sleep(0.2)
    assert cloud.busbar("account", "-n", "xyz", "--top-up", "1").returncode == 0
    assert not (cloud.data / "ledger-stopped.json").exists()


def test_an_address_of_no_machine_is_named(clouds: Start) -> None:
    cloud = clouds("nowhere", 28743)
    said = cloud.busbar("up", "--listen", "192.0.2.1", code=2).stderr
    assert said.startswith("busbar: --listen: '192.0.2.1' is not an address of this machine")
