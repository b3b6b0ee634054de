"""Buckets, listings and uploads in parts through boto3."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import zlib
from typing import Any

import boto3.s3.transfer
import pytest
from botocore.exceptions import ClientError

from busbar.apis.s3.storage.uploads import PART_BYTES_MIN

MIB = 1024 * 1024


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_bucket_lives_and_dies(s3: Any) -> None:
    s3.create_bucket(Bucket="life")
    assert "life" in [item["Name"] for item in s3.list_buckets()["Buckets"]]
    s3.head_bucket(Bucket="life")
    with pytest.raises(ClientError) as error:
        s3.create_bucket(Bucket="life")
    assert code(error) == "BucketAlreadyOwnedByYou"
    s3.put_object(Bucket="life", Key="k", Body=b"x")
    with pytest.raises(ClientError) as error:
        s3.delete_bucket(Bucket="life")
    assert code(error) == "BucketNotEmpty"
    s3.delete_object(Bucket="life", Key="k")
    s3.delete_bucket(Bucket="life")
    with pytest.raises(ClientError) as error:
        s3.list_objects(Bucket="life")
    assert code(error) == "NoSuchBucket"
    s3.create_bucket(Bucket="life", CreateBucketConfiguration={"LocationConstraint": "eu-north-1"})
    assert s3.list_objects_v2(Bucket="life")["KeyCount"] == 0


@pytest.mark.parametrize("version", ["list_objects", "list_objects_v2"])
def test_pages_join_to_the_whole(s3: Any, bucket: str, version: str) -> None:
    keys = sorted([f"d{n % 3}/{n}" for n in range(12)] + ["a b+c", "z", "z/", "ü"])
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    pages = s3.get_paginator(version)
    for size in (1, 2, 5, 1000):
        found = pages.paginate(Bucket=bucket, PaginationConfig={"PageSize": size})
        assert [item["Key"] for page in found for item in page.get("Contents", [])] == keys
        rolled = list(
            pages.paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": size})
        )
        prefixes = [item["Prefix"] for page in rolled for item in page.get("CommonPrefixes", [])]
        assert prefixes == ["d0/", "d1/", "d2/", "z/"]
        found_keys = [item["Key"] for page in rolled for item in page.get("Contents", [])]
        assert found_keys == ["a b+c", "z", "ü"]


def test_listing_begins_where_it_is_told_to(s3: Any, bucket: str) -> None:
    for key in "abcd":
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    after = s3.list_objects_v2(Bucket=bucket, StartAfter="b")
    assert [item["Key"] for item in after["Contents"]] == ["c", "d"]
    marked = s3.list_objects(Bucket=bucket, Marker="c", Prefix="d", EncodingType="url")
    assert [item["Key"] for item in marked["Contents"]] == ["d"]
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=0)["IsTruncated"] is False


def test_an_upload_in_parts(s3: Any, bucket: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", Metadata={"a": "b"})["UploadId"]
    bodies = [os.urandom(PART_BYTES_MIN), os.urandom(PART_BYTES_MIN + 1), b"last"]
    parts = []
    for number, body in enumerate(bodies, 1):
        put = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=body)
        parts.append({"PartNumber": number, "ETag": put["ETag"]})
    assert [item["Key"] for item in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["k"]
    listed = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload, MaxParts=2)
    assert [part["Size"] for part in listed["Parts"]] == [len(body) for body in bodies[:2]]
    assert listed["IsTruncated"]
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=bucket, Key="k")
    assert code(error) == "NoSuchKey"
    done = s3.complete_multipart_upload(
        Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    digests = b"".join(hashlib.md5(body).digest() for body in bodies)
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Metadata"] == {"a": "b"}
    whole = b"".join(bodies)
    assert got["Body"].read() == whole
    middle = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={PART_BYTES_MIN - 2}-10485762")
    assert middle["Body"].read() == whole[PART_BYTES_MIN - 2 : 10_485_763]
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA256"])
def test_checksums_of_parts(s3: Any, bucket: str, algorithm: str) -> None:
    started = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm=algorithm)
    bodies, name = [os.urandom(PART_BYTES_MIN), b"last"], f"Checksum{algorithm}"
    target, parts = {"Bucket": bucket, "Key": "k", "UploadId": started["UploadId"]}, []
    for number, body in enumerate(bodies, 1):
        put = s3.upload_part(**target, PartNumber=number, Body=body, ChecksumAlgorithm=algorithm)
        parts.append({"PartNumber": number, "ETag": put["ETag"], name: put[name]})
    wrong = [{**parts[0], name: parts[1][name]}, parts[1]]
    with pytest.raises(ClientError) as error:
        s3.complete_multipart_upload(**target, MultipartUpload={"Parts": wrong})
    assert code(error) == "InvalidPart"
    if algorithm == "CRC32":
        crc = base64.b64encode(zlib.crc32(b"".join(bodies)).to_bytes(4, "big")).decode()
        with pytest.raises(ClientError) as error:
            s3.complete_multipart_upload(
                **target, MultipartUpload={"Parts": parts}, ChecksumCRC32=parts[0][name]
            )
        assert code(error) == "BadDigest"
        s3.complete_multipart_upload(**target, MultipartUpload={"Parts": parts}, ChecksumCRC32=crc)
        got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
        assert got["ChecksumCRC32"] == crc
    else:
        s3.complete_multipart_upload(**target, MultipartUpload={"Parts": parts})
        got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"".join(bodies)


def test_parts_copied_from_ranges(s3: Any, bucket: str) -> None:
    body = os.urandom(PART_BYTES_MIN + 1000)
    s3.put_object(Bucket=bucket, Key="source", Body=body)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    parts = []
    for number, (first, last) in enumerate(((10, PART_BYTES_MIN + 9), (0, 99)), 1):
        copied = s3.upload_part_copy(
            Bucket=bucket, Key="k", UploadId=upload, PartNumber=number,
            CopySource={"Bucket": bucket, "Key": "source"},
            CopySourceRange=f"bytes={first}-{last}",
        )  # fmt: skip
        etag = copied["CopyPartResult"]["ETag"]
        assert etag == f'"{hashlib.md5(body[first : last + 1]).hexdigest()}"'
        parts.append({"PartNumber": number, "ETag": etag})
    s3.delete_object(Bucket=bucket, Key="source")
    s3.complete_multipart_upload(
        Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    got = s3.get_object(Bucket=bucket, Key="k")["Body"].read()
    assert got == body[10 : PART_BYTES_MIN + 10] + body[:100]


def test_uploads_that_cannot_complete(s3: Any, bucket: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    etags = [
        s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=n, Body=b"x")["ETag"]
        for n in (1, 2)
    ]

    def complete(*parts: tuple[int, str]) -> str:
        named = [{"PartNumber": number, "ETag": etag} for number, etag in parts]
        with pytest.raises(ClientError) as error:
            s3.complete_multipart_upload(
                Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": named}
            )
        return code(error)

    assert complete((2, etags[1]), (1, etags[0])) == "InvalidPartOrder"
    assert complete((1, '"wrong"')) == "InvalidPart"
    assert complete((3, etags[0])) == "InvalidPart"
    assert complete((1, etags[0]), (2, etags[1])) == "EntityTooSmall"
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
    assert complete((1, etags[0])) == "NoSuchUpload"


def test_the_transfer_manager_moves_files_in_parts(s3: Any, bucket: str) -> None:
    body = os.urandom(20 * MIB)
    config = boto3.s3.transfer.TransferConfig(multipart_threshold=8 * MIB)
    s3.upload_fileobj(io.BytesIO(body), bucket, "k", Config=config)
    target = io.BytesIO()
    s3.download_fileobj(bucket, "k", target, Config=config)
    assert target.getvalue() == body
    s3.copy({"Bucket": bucket, "Key": "k"}, bucket, "k2", Config=config)
    assert s3.head_object(Bucket=bucket, Key="k2")["ContentLength"] == len(body)
    assert s3.head_object(Bucket=bucket, Key="k2")["ETag"].endswith('-3"')
