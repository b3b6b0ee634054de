"""The aws CLI as people type it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

Aws = Callable[..., str]


def test_files_and_folders_go_there_and_back(aws: Aws, tmp_path: Path) -> None:
    here = tmp_path / "here"
    (here / "sub dir").mkdir(parents=True)
    (here / "a.txt").write_text("alpha")
    (here / "sub dir" / "ü+.txt").write_text("beta")
    (here / "big").write_bytes(os.urandom(12 * 1024 * 1024))
    aws("s3", "mb", "s3://cli-files")
    aws("s3", "cp", "--recursive", "--quiet", str(here), "s3://cli-files/in/")
    listed = aws("s3", "ls", "--recursive", "s3://cli-files/in/")
    assert [line.split(None, 3)[3] for line in listed.splitlines()] == [
        "in/a.txt",
        "in/big",
        "in/sub dir/ü+.txt",
    ]
    assert "PRE in/" in aws("s3", "ls", "s3://cli-files")
    aws("s3", "mv", "--recursive", "--quiet", "s3://cli-files/in/", "s3://cli-files/out/")
    assert "in/" not in aws("s3", "ls", "s3://cli-files")
    back = tmp_path / "back"
    aws("s3", "sync", "--quiet", "s3://cli-files/out/", str(back))
    for name in ("a.txt", "big", "sub dir/ü+.txt"):
        assert (back / name).read_bytes() == (here / name).read_bytes()
    assert aws("s3", "sync", "s3://cli-files/out/", str(back)) == ""
    assert "beta" in aws("s3", "cp", "s3://cli-files/out/sub dir/ü+.txt", "-")
    aws("s3", "rb", "--force", "s3://cli-files")
    assert "cli-files" not in aws("s3", "ls")


def test_the_low_level_commands(aws: Aws, tmp_path: Path) -> None:
    (tmp_path / "body").write_text("hello")
    aws("s3api", "create-bucket", "--bucket", "cli-api")
    target = ("--bucket", "cli-api", "--key", "k")
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        aws(
            "s3api", "put-object", *target, "--body", "body", "--checksum-algorithm", algorithm
        )  # fmt: skip
    aws("s3api", "get-object", *target, "got")
    assert (tmp_path / "got").read_text() == "hello"
    assert '"ContentLength": 5' in aws("s3api", "head-object", *target)
    assert "FULL_CONTROL" in aws("s3api", "get-object-acl", *target)
    assert "BucketNotEmpty" in aws("s3api", "delete-bucket", "--bucket", "cli-api", fails=True)


def test_refusals_reach_the_user_as_sentences(aws: Aws) -> None:
    assert "NoSuchBucket" in aws("s3", "ls", "s3://never-made", fails=True)
    error = aws("s3api", "get-bucket-policy", "--bucket", "never-made", fails=True)
    assert "NotImplemented" in error
    assert "?policy is not supported here" in error
