"""A bucket as a folder: s3fs in front of the door, plain file commands in front of s3fs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def folder(door: Any, bucket: str, tmp_path: Path) -> Iterator[Path]:
    mount, secrets = tmp_path / "mount", tmp_path / "passwd"
    mount.mkdir()
    secrets.write_text("XYZKEY:secret-of-xyz")
    secrets.chmod(0o600)
    options = f"passwd_file={secrets},url={door.url},use_path_request_style,endpoint=us-east-1"
    subprocess.run(["s3fs", bucket, str(mount), "-o", options], check=True, timeout=30)
    try:
        yield mount
    finally:
        subprocess.run(["fusermount", "-u", str(mount)], check=True, timeout=30)


def test_files_folders_modes_and_links(folder: Path, s3: Any, bucket: str) -> None:
    (folder / "dir").mkdir()
    file = folder / "dir" / "ü file.txt"
    file.write_text("hello")
    file.chmod(0o640)
    os.utime(file, (1_700_000_000, 1_700_000_000))
    (folder / "link").symlink_to("dir/ü file.txt")
    assert (folder / "link").read_text() == "hello"
    assert file.stat().st_mode & 0o777 == 0o640
    assert int(file.stat().st_mtime) == 1_700_000_000
    with file.open("a") as out:
        out.write(" again")
    assert s3.get_object(Bucket=bucket, Key="dir/ü file.txt")["Body"].read() == b"hello again"
    assert os.readlink(folder / "link") == "dir/ü file.txt"


def test_a_folder_is_renamed_as_spark_commits_its_output(folder: Path) -> None:
    staging = folder / "out" / "_temporary" / "0" / "task_1"
    staging.mkdir(parents=True)
    for number in range(5):
        (staging / f"part-{number:05}").write_text(f"row {number}\n")
    for file in sorted(staging.iterdir()):
        file.rename(folder / "out" / file.name)
    shutil.rmtree(folder / "out" / "_temporary")
    (folder / "out" / "_SUCCESS").touch()
    (folder / "out").rename(folder / "final")
    assert sorted(os.listdir(folder)) == ["final"]
    rows = [file.read_text() for file in sorted((folder / "final").glob("part-*"))]
    assert rows == [f"row {number}\n" for number in range(5)]


def test_large_files_go_in_parts_and_come_back(folder: Path, s3: Any, bucket: str) -> None:
    body = os.urandom(45 * 1024 * 1024)
    (folder / "large").write_bytes(body)
    assert s3.head_object(Bucket=bucket, Key="large")["ETag"].count("-") == 1
    (folder / "large").rename(folder / "moved")
    assert s3.get_object(Bucket=bucket, Key="moved")["Body"].read() == body
    s3.put_object(Bucket=bucket, Key="other", Body=body)
    assert (folder / "other").read_bytes() == body
