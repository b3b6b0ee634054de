"""Behind TLS, SDKs send unsigned chunks with a checksum in the trailer by default."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3.s3.transfer

MIB = 1024 * 1024


def test_boto3_streams_with_a_trailer(tls_door: Any) -> None:
    s3, seen = tls_door.client(), []
    s3.meta.events.register(
        "before-send.s3", lambda request, **_: seen.append(request.headers) and None
    )
    for size in (0, 10, 70_000, 3 * MIB):
        body = os.urandom(size)
        s3.put_object(Bucket="kept", Key="k", Body=io.BytesIO(body))
        got = s3.get_object(Bucket="kept", Key="k", ChecksumMode="ENABLED")
        assert got["Body"].read() == body
        assert got["ChecksumCRC32"]
    kinds = {headers.get("X-Amz-Content-SHA256") for headers in seen}
    assert b"STREAMING-UNSIGNED-PAYLOAD-TRAILER" in kinds, kinds


def test_boto3_uploads_files_in_parts(tls_door: Any) -> None:
    s3, body = tls_door.client(), os.urandom(12 * MIB)
    config = boto3.s3.transfer.TransferConfig(multipart_threshold=6 * MIB)
    s3.upload_fileobj(io.BytesIO(body), "kept", "k", Config=config)
    assert s3.get_object(Bucket="kept", Key="k")["Body"].read() == body


def test_the_aws_cli_copies_there_and_back(tls_door: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(os.urandom(9 * MIB))
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": "XYZKEY",
        "AWS_SECRET_ACCESS_KEY": "secret-of-xyz",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": tls_door.url,
        "AWS_CA_BUNDLE": str(tls_door.certificate),
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
    }
    aws = str(Path(sys.executable).with_name("aws"))
    for source, target in (("file", "s3://kept/file"), ("s3://kept/file", "back")):
        command = [aws, "s3", "cp", "--quiet", source, target]
        subprocess.run(command, env=environment, cwd=tmp_path, check=True, timeout=120)
    assert (tmp_path / "back").read_bytes() == (tmp_path / "file").read_bytes()
