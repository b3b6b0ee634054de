"""Objects through boto3, each operation as its users call it."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import pytest
from botocore.exceptions import ClientError

KEYS = ["plain", "a/b/c", "../up", "a//b", "./x", "ü/ä ö", "e\u0301", "é", "a+b=c&d?e#f", "~!'()*"]


def code(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("key", KEYS)
def test_any_key_is_just_a_key(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_a_key_may_have_1024_bytes_and_no_more(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="ü" * 512, Body=b"x")
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="ü" * 512 + "x", Body=b"x")
    assert code(error) == ("KeyTooLongError", 400)


def test_headers_and_metadata_come_back(s3: Any, bucket: str) -> None:
    given: dict[str, Any] = {
        "ContentType": "text/plain; charset=utf-8",
        "ContentEncoding": "gzip",
        "ContentDisposition": 'attachment; filename="x"',
        "ContentLanguage": "sv",
        "CacheControl": "no-cache",
        "Metadata": {"mode": "33188", "two": "  spaces   kept? "},
    }
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"12345", **given)
    head = s3.head_object(Bucket=bucket, Key="k")
    assert head["ETag"] == put["ETag"] == f'"{hashlib.md5(b"12345").hexdigest()}"'
    assert head["ContentLength"] == 5
    given["Metadata"]["two"] = "spaces   kept?"
    assert {name: head[name] for name in given} == given


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 3_000_000])
def test_bodies_of_any_size_and_their_ranges(s3: Any, bucket: str, size: int) -> None:
    body = os.urandom(size)
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == body
    for first, last in ((0, 0), (size // 2, size - 1), (size // 3, size + 10)):
        if 0 <= first < size and last >= first:
            part = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={first}-{last}")
            assert part["ResponseMetadata"]["HTTPStatusCode"] == 206
            assert part["ContentRange"] == f"bytes {first}-{min(last, size - 1)}/{size}"
            assert part["Body"].read() == body[first : last + 1]
    if size:
        tail = s3.get_object(Bucket=bucket, Key="k", Range="bytes=-1")
        assert tail["Body"].read() == body[-1:]
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={size}-")
    assert code(error) == ("InvalidRange", 416)


def test_conditional_reads(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    assert s3.get_object(Bucket=bucket, Key="k", IfMatch=etag)["Body"].read() == b"x"
    for arguments, status in (
        ({"IfMatch": '"other"'}, 412),
        ({"IfNoneMatch": etag}, 304),
        ({"IfModifiedSince": modified}, 304),
        ({"IfUnmodifiedSince": modified.replace(year=2001)}, 412),
    ):
        with pytest.raises(ClientError) as error:
            s3.get_object(Bucket=bucket, Key="k", **arguments)
        assert code(error)[1] == status


def test_conditional_writes_have_one_winner(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    assert code(error) == ("PreconditionFailed", 412)
    s3.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=etag)
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="k", Body=b"4", IfMatch=etag)
    assert code(error) == ("PreconditionFailed", 412)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"3"


def test_what_is_not_there(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=bucket, Key="no")
    assert code(error) == ("NoSuchKey", 404)
    with pytest.raises(ClientError) as error:
        s3.head_object(Bucket=bucket, Key="no")
    assert code(error)[1] == 404
    with pytest.raises(ClientError) as error:
        s3.list_objects_v2(Bucket="no-such-bucket")
    assert code(error) == ("NoSuchBucket", 404)
    s3.delete_object(Bucket=bucket, Key="no")


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_checksums_are_verified_and_given_back(s3: Any, bucket: str, algorithm: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"hello", ChecksumAlgorithm=algorithm)
    name = f"Checksum{algorithm}"
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert put[name] == got[name]
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="k", Body=b"other", **{name: put[name]})
    assert code(error) == ("BadDigest", 400)


def test_copies_with_and_without_new_metadata(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="ä b", Body=b"x" * 100_000, Metadata={"a": "1"})
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "ä b"})
    assert s3.head_object(Bucket=bucket, Key="copy")["Metadata"] == {"a": "1"}
    source = {"Bucket": bucket, "Key": "copy"}
    s3.copy_object(
        Bucket=bucket, Key="copy", CopySource=source, Metadata={"b": "2"},
        MetadataDirective="REPLACE",
    )  # fmt: skip
    assert s3.head_object(Bucket=bucket, Key="copy")["Metadata"] == {"b": "2"}
    s3.delete_object(Bucket=bucket, Key="ä b")
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"x" * 100_000
    with pytest.raises(ClientError) as error:
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)
    assert code(error) == ("InvalidRequest", 400)
    with pytest.raises(ClientError) as error:
        s3.copy_object(Bucket=bucket, Key="y", CopySource={"Bucket": bucket, "Key": "no"})
    assert code(error) == ("NoSuchKey", 404)


def test_many_objects_are_deleted_at_once(s3: Any, bucket: str) -> None:
    for number in range(20):
        s3.put_object(Bucket=bucket, Key=f"k/{number}&<>", Body=b"x")
    keys = [{"Key": f"k/{number}&<>"} for number in range(10)] + [{"Key": "never there"}]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": keys})
    assert len(answer["Deleted"]) == 11
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 10


def test_acl_tags_and_versioning_have_their_one_answer(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="private")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []
    acl = s3.get_object_acl(Bucket=bucket, Key="k")
    assert [grant["Permission"] for grant in acl["Grants"]] == ["FULL_CONTROL"]
    assert s3.get_bucket_acl(Bucket=bucket)["Owner"]["ID"] == "xyz"
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None


def test_what_is_not_offered_is_refused_by_name(s3: Any, bucket: str) -> None:
    for call in (
        lambda: s3.get_bucket_lifecycle_configuration(Bucket=bucket),
        lambda: s3.list_object_versions(Bucket=bucket),
        lambda: s3.put_object(Bucket=bucket, Key="k", ServerSideEncryption="AES256"),
        lambda: s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": []}),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert code(error) == ("NotImplemented", 501)
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="k", ACL="public-read")
    assert code(error) == ("AccessControlListNotSupported", 400)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
