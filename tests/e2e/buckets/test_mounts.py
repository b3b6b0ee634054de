"""A bucket as a folder, with the real s3fs and the project's own S3 door."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import pytest

from busbar.agent import buckets, mounts
from busbar.agent.buckets import BucketError, BucketRefusal, Wanted

KEY, SECRET = "BUSBARTESTKEY", "a-secret-of-the-tests"
STRANGER = 100_185
"""A user as a user namespace maps it: without a name on this machine."""


@pytest.fixture(scope="module", autouse=True)
def tools() -> None:
    missing = [name for name in ("s3fs", "setpriv", "stat") if shutil.which(name) is None]
    assert not missing, f"these tests need {', '.join(missing)}: install them with apt-get"
    assert os.path.exists("/dev/fuse"), "these tests need /dev/fuse: modprobe fuse"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data = tmp_path_factory.mktemp("s3")
    command = [sys.executable, "-m", "busbar.apis.s3.standalone", "--data", str(data)]
    command += ["--key", f"{KEY}:{SECRET}:xyz", "--key", f"OTHER:{SECRET}:other"]
    command += ["--bucket", "xyz/myjobs"]
    door = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert door.stdout is not None
    yield door.stdout.readline().strip()
    door.terminate()
    door.wait()


@pytest.fixture
def s3(endpoint: str):
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
    )


@pytest.fixture
def wanted(endpoint: str) -> Iterator[Wanted]:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        wanted = Wanted(endpoint, "myjobs", KEY, SECRET, place / "myjobs", place / "scratch")
        yield wanted
        asyncio.run(buckets.unmount(wanted.target))
        assert not mounts.is_mounted(wanted.target)
        assert buckets.find(wanted.target) is None


@pytest.fixture
def folder(wanted: Wanted) -> Path:
    asyncio.run(buckets.mount(wanted))
    return wanted.target


def keys(s3) -> set[str]:
    return {found["Key"] for found in s3.list_objects_v2(Bucket="myjobs").get("Contents", ())}


def refusal(wanted: Wanted) -> BucketRefusal:
    with pytest.raises(BucketError) as caught:
        asyncio.run(buckets.mount(wanted))
    assert "\n" not in caught.value.sentence
    assert SECRET not in caught.value.sentence
    return caught.value.refusal


def as_stranger(script: str, folder: Path, uid: int = STRANGER) -> None:
    user = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    subprocess.run([*user, "sh", "-ec", script], cwd=folder, check=True)


def test_objects_are_files_and_files_are_objects(s3, folder: Path) -> None:
    s3.put_object(Bucket="myjobs", Key="data/deep/part.txt", Body=b"from S3")
    assert (folder / "data/deep/part.txt").read_bytes() == b"from S3"
    (folder / "out.txt").write_bytes(b"from a file")
    assert s3.get_object(Bucket="myjobs", Key="out.txt")["Body"].read() == b"from a file"


def test_a_commit_by_renaming_folders_works_for_any_user(s3, folder: Path) -> None:
    """What Hadoop's committer does: write below _temporary, chmod, rename, remove."""
    as_stranger(
        """
        rm -rf result
        mkdir -p result/_temporary/0/_temporary/attempt_0
        cd result/_temporary/0
        for part in 0 1; do
          echo "$part" > _temporary/attempt_0/part-$part.csv
          chmod 644 _temporary/attempt_0/part-$part.csv
          echo crc > _temporary/attempt_0/.part-$part.csv.crc
        done
        mv _temporary/attempt_0 task_0
        mv task_0/part-0.csv task_0/part-1.csv task_0/.part-0.csv.crc task_0/.part-1.csv.crc ../..
        cd ../..
        rm -r _temporary
        : > _SUCCESS
        """,
        folder,
    )
    found = {key for key in keys(s3) if key.startswith("result/")} - {"result/"}
    names = ["part-0.csv", "part-1.csv", ".part-0.csv.crc", ".part-1.csv.crc", "_SUCCESS"]
    assert found == {f"result/{name}" for name in names}
    assert s3.get_object(Bucket="myjobs", Key="result/part-1.csv")["Body"].read() == b"1\n"


def test_a_second_run_replaces_the_first(s3, folder: Path) -> None:
    for content in ("first", "second"):
        as_stranger(f"rm -rf again; mkdir again; echo {content} > again/part", folder)
    assert s3.get_object(Bucket="myjobs", Key="again/part")["Body"].read() == b"second\n"


def test_where_one_user_owns_everything_what_others_made_is_its_own(s3, wanted: Wanted) -> None:
    s3.put_object(Bucket="myjobs", Key="owned/put.txt", Body=b"put\n")
    asyncio.run(buckets.mount(replace(wanted, uid=STRANGER)))
    folder = wanted.target / "owned"
    as_stranger("echo other > by-another.txt; cat put.txt", folder, STRANGER + 1)
    as_stranger(
        """
        for file in put.txt by-another.txt; do
          chmod 600 "$file"
          echo more >> "$file"
          mv "$file" "moved-$file"
        done
        """,
        folder,
    )
    assert {path.stat().st_uid for path in folder.iterdir()} == {STRANGER}
    for name, before in (("put.txt", b"put"), ("by-another.txt", b"other")):
        body = s3.get_object(Bucket="myjobs", Key=f"owned/moved-{name}")["Body"].read()
        assert body == before + b"\nmore\n"


def test_a_large_file_arrives_whole(s3, folder: Path) -> None:
    content = os.urandom(1 << 20) * 40
    (folder / "large").write_bytes(content)
    assert s3.get_object(Bucket="myjobs", Key="large")["Body"].read() == content


def test_a_read_only_mount_takes_no_writes(wanted: Wanted) -> None:
    asyncio.run(buckets.mount(replace(wanted, read_only=True)))
    with pytest.raises(OSError, match="Read-only"):
        (wanted.target / "new").write_text("x")


def test_the_secret_is_in_no_command_line_and_no_file(wanted: Wanted, folder: Path) -> None:
    mounted = buckets.find(folder)
    assert mounted is not None
    assert SECRET.encode() not in Path(f"/proc/{mounted.pid}/cmdline").read_bytes()
    assert [path.name for path in wanted.scratch.iterdir()] == ["s3fs.log"]
    assert SECRET not in (wanted.scratch / "s3fs.log").read_text()


def test_a_mount_outlives_the_agent_and_is_adopted(wanted: Wanted) -> None:
    agent = (
        "import asyncio, pickle, sys, os, signal;"
        "from busbar.agent import buckets;"
        "wanted = pickle.load(sys.stdin.buffer);"
        "mounted = asyncio.run(buckets.mount(wanted));"
        "print(mounted.pid, flush=True);"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run(
        [sys.executable, "-c", agent], input=pickle.dumps(wanted), capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL
    adopted = asyncio.run(buckets.mount(wanted))
    assert adopted.pid == int(killed.stdout)
    assert os.listdir(wanted.target) is not None


def test_a_dead_s3fs_is_replaced(s3, wanted: Wanted, folder: Path) -> None:
    mounted = buckets.find(folder)
    assert mounted is not None
    os.kill(mounted.pid, signal.SIGKILL)
    os.waitpid(mounted.pid, 0)
    assert not asyncio.run(buckets.healthy(mounted))
    again = asyncio.run(buckets.mount(wanted))
    assert again.pid != mounted.pid
    (folder / "alive").write_text("yes")
    assert "alive" in keys(s3)


def test_a_bucket_that_is_not_there_is_refused(wanted: Wanted) -> None:
    assert refusal(replace(wanted, bucket="no-such")) is BucketRefusal.NOT_FOUND


@pytest.mark.parametrize("name", ["-o", "../x", "a", "A_B", "x,ro", "x:/y", ""])
def test_what_is_no_bucket_name_never_reaches_s3fs(wanted: Wanted, name: str) -> None:
    assert refusal(replace(wanted, bucket=name)) is BucketRefusal.NOT_FOUND


@pytest.mark.parametrize("change", [{"secret_key": "wrong"}, {"access_key": "NOBODY"}])
def test_a_wrong_key_is_refused(wanted: Wanted, change: dict[str, str]) -> None:
    assert refusal(replace(wanted, **change)) is BucketRefusal.FORBIDDEN


def test_another_namespaces_key_does_not_open_the_bucket(wanted: Wanted) -> None:
    found = refusal(replace(wanted, access_key="OTHER"))
    assert found in (BucketRefusal.FORBIDDEN, BucketRefusal.NOT_FOUND)


def test_a_door_that_is_gone_is_noticed(wanted: Wanted) -> None:
    found = refusal(replace(wanted, endpoint="http://127.0.0.1:1"))
    assert found is BucketRefusal.UNREACHABLE


def test_unmounting_what_is_not_mounted_is_fine(wanted: Wanted) -> None:
    asyncio.run(buckets.unmount(wanted.target))


def test_unmounting_goes_on_while_somebody_holds_a_file(folder: Path) -> None:
    (folder / "held").write_text("x")
    held = os.open(folder / "held", os.O_RDONLY)
    asyncio.run(buckets.unmount(folder))
    assert not mounts.is_mounted(folder)
    with pytest.raises(OSError, match="not connected"):
        os.read(held, 1)
    with contextlib.suppress(OSError):
        os.close(held)
