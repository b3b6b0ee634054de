"""Who sees what: keys of other namespaces, read-only keys, strangers, altered requests."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def fetch(url: str, method: str = "GET", body: bytes | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(url, body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read()


def test_another_namespaces_key_sees_nothing(door: Any, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="canary", Body=b"canary of xyz")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="canary")["UploadId"]
    other = door.client("abc")
    target = {"Bucket": bucket, "Key": "canary"}
    calls: list[Callable[[], Any]] = [
        lambda: other.get_object(**target),
        lambda: other.put_object(**target, Body=b"x"),
        lambda: other.delete_object(**target),
        lambda: other.list_objects_v2(Bucket=bucket),
        lambda: other.delete_bucket(Bucket=bucket),
        lambda: other.list_parts(**target, UploadId=upload),
        lambda: other.abort_multipart_upload(**target, UploadId=upload),
    ]
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()
        assert code(error) == "NoSuchBucket"
    assert bucket not in [item["Name"] for item in other.list_buckets()["Buckets"]]


def test_the_same_name_is_another_bucket_in_another_namespace(door: Any, s3: Any) -> None:
    other = door.client("abc")
    for client, text in ((s3, b"xyz"), (other, b"abc")):
        client.create_bucket(Bucket="both")
        client.put_object(Bucket="both", Key="k", Body=text)
    assert s3.get_object(Bucket="both", Key="k")["Body"].read() == b"xyz"
    assert other.get_object(Bucket="both", Key="k")["Body"].read() == b"abc"
    upload = s3.create_multipart_upload(Bucket="both", Key="k")["UploadId"]
    source = {"Bucket": "both", "Key": "k"}
    with pytest.raises(ClientError) as error:
        other.upload_part(Bucket="both", Key="k", UploadId=upload, PartNumber=1, Body=b"x")
    assert code(error) == "NoSuchUpload"
    other.copy_object(Bucket="both", Key="copy", CopySource=source)
    assert other.get_object(Bucket="both", Key="copy")["Body"].read() == b"abc"


def test_a_read_only_key_changes_nothing(door: Any, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    reader = door.client("reader")
    assert reader.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    calls: list[Callable[[], Any]] = [
        lambda: reader.put_object(Bucket=bucket, Key="k", Body=b"y"),
        lambda: reader.delete_object(Bucket=bucket, Key="k"),
        lambda: reader.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]}),
        lambda: reader.create_multipart_upload(Bucket=bucket, Key="k"),
        lambda: reader.create_bucket(Bucket="another"),
        lambda: reader.delete_bucket(Bucket=bucket),
    ]
    for call in calls:
        with pytest.raises(ClientError) as error:
            call()
        assert code(error) == "AccessDenied"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_presigned_urls_work_with_any_http_client(door: Any, bucket: str) -> None:
    s3 = door.client(signature_version="s3v4")
    target = {"Bucket": bucket, "Key": "a b/ü"}
    put = s3.generate_presigned_url("put_object", target, ExpiresIn=60)
    assert fetch(put, "PUT", b"presigned")[0] == 200
    get = s3.generate_presigned_url(
        "get_object", {**target, "ResponseContentType": "text/x-test"}, ExpiresIn=60
    )
    with urllib.request.urlopen(get, timeout=10) as answer:
        assert (answer.read(), answer.headers["content-type"]) == (b"presigned", "text/x-test")
    longer = get.replace("X-Amz-Expires=60", "X-Amz-Expires=600")
    assert longer != get
    for altered in (get.replace(bucket, "other-bucket"), get + "&x=1", longer):
        assert fetch(altered)[0] == 403
    assert fetch(get, "DELETE")[0] == 403
    for wrong in (0, 604_801):
        status, body = fetch(s3.generate_presigned_url("get_object", target, ExpiresIn=wrong))
        assert status == 400
        assert b"X-Amz-Expires" in body


def test_presigning_by_the_old_version_is_refused_with_the_remedy(s3: Any, bucket: str) -> None:
    status, body = fetch(s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"}))
    assert status == 400
    assert b"s3v4" in body


def test_strangers_and_wrong_secrets_are_refused(door: Any, bucket: str) -> None:
    status, body = fetch(f"{door.url}/{bucket}")
    assert (status, b"AccessDenied" in body) == (403, True)
    wrong = door.client()
    wrong._request_signer._credentials.secret_key = "wrong"
    with pytest.raises(ClientError) as error:
        wrong.list_objects_v2(Bucket=bucket)
    assert code(error) == "SignatureDoesNotMatch"
    wrong._request_signer._credentials.access_key = "NOBODY"
    with pytest.raises(ClientError) as error:
        wrong.list_objects_v2(Bucket=bucket)
    assert code(error) == "InvalidAccessKeyId"


def test_the_host_may_name_the_bucket(door: Any, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="//odd", Body=b"found")
    host = f"{bucket}.s3.localhost:{door.port}"
    request = AWSRequest("GET", f"http://{host}///odd")
    request.context["client_config"] = s3.meta.config
    signer = S3SigV4Auth(Credentials("XYZKEY", "secret-of-xyz"), "s3", "us-east-1")
    signer.add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=10)
    connection.request("GET", "///odd", headers={**dict(request.headers.items()), "Host": host})
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"found")
    connection.close()
