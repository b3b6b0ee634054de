"""What a signature protects, and for how long."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from busbar.apis.s3.claims import instant_of
from busbar.model.time import MINUTE, SECOND


def presigned(door: Any, method: str, path: str, expires: int = 60) -> str:
    request = AWSRequest(method, f"http://s3.test{path}")
    signer = S3SigV4QueryAuth(Credentials("AKID", "secret"), "s3", "us-east-1", expires)
    signer.add_auth(request)
    parts = urlsplit(request.url)
    door.now = instant_of(parts.query.split("X-Amz-Date=")[1][:16])
    return f"{parts.path}?{parts.query}"


def test_a_signed_request_is_served(door: Any) -> None:
    assert door.call("PUT", "/b/k", b"body").status == 200
    assert door.call("GET", "/b/k").body == b"body"


def test_fifteen_minutes_bound_a_replay(door: Any) -> None:
    headers = door.signed("GET", "/b/?location")
    signed_at = door.now
    for minutes, status in ((-15, 200), (15, 200), (16, 403), (-16, 403)):
        door.now = signed_at + minutes * MINUTE
        answer = door.send("GET", "/b/?location", headers)
        assert answer.status == status
        if status == 403:
            assert answer.code == "RequestTimeTooSkewed"


@pytest.mark.parametrize(
    ("header", "value"),
    [("x-amz-date", "20300101T000000Z"), ("host", "evil.test"), ("x-amz-meta-a", "2")],
)
def test_an_altered_header_is_refused(door: Any, header: str, value: str) -> None:
    headers = door.signed("PUT", "/b/k", b"x", {"x-amz-meta-a": "1"})
    answer = door.send("PUT", "/b/k", headers | {header: value}, b"x")
    assert answer.status in (400, 403)
    assert door.call("GET", "/b/k").status == 404


def test_another_method_path_query_or_body_is_refused(door: Any) -> None:
    headers = door.signed("PUT", "/b/k", b"x")
    assert door.send("DELETE", "/b/k", headers, b"x").code == "SignatureDoesNotMatch"
    assert door.send("PUT", "/b/other", headers, b"x").code == "SignatureDoesNotMatch"
    assert door.send("PUT", "/b/k?acl", headers, b"x").code == "SignatureDoesNotMatch"
    assert door.send("PUT", "/b/k", headers, b"y").code == "XAmzContentSHA256Mismatch"


def test_an_added_unsigned_amz_header_is_refused(door: Any) -> None:
    headers = door.signed("PUT", "/b/k", b"x")
    answer = door.send("PUT", "/b/k", headers | {"x-amz-meta-added": "1"}, b"x")
    assert (answer.status, answer.code) == (403, "AccessDenied")


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic abc",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=" + "0" * 64,
        "AWS4-HMAC-SHA256 Credential=AKID/20300101/x/ec2/aws4_request,SignedHeaders=a",
        "AWS4-HMAC-SHA256 Credential=AKID/20300101/x/s3/aws4_request,SignedHeaders=,Signature=é",
    ],
)
def test_malformed_authorization_is_refused_and_never_a_fault(
    door: Any, authorization: str
) -> None:
    headers = door.signed("GET", "/b/?location") | {"authorization": authorization}
    assert 400 <= door.send("GET", "/b/?location", headers).status <= 403


def test_signed_headers_must_contain_the_host(door: Any) -> None:
    headers = door.signed("GET", "/b/?location")
    headers["authorization"] = headers["authorization"].replace("host;", "")
    assert door.send("GET", "/b/?location", headers).code == "SignatureDoesNotMatch"


def test_a_presigned_url_expires(door: Any) -> None:
    door.call("PUT", "/b/k", b"body")
    path = presigned(door, "GET", "/b/k", expires=60)
    signed_at = door.now
    assert door.send("GET", path, {"host": "s3.test"}).body == b"body"
    door.now = signed_at + 60 * SECOND + 1
    assert door.send("GET", path, {"host": "s3.test"}).code == "AccessDenied"
    door.now = signed_at - 16 * MINUTE
    assert door.send("GET", path, {"host": "s3.test"}).code == "AccessDenied"


def test_a_presigned_url_allows_its_method_and_expiry_only(door: Any) -> None:
    path = presigned(door, "GET", "/b/k", expires=60)
    longer = path.replace("X-Amz-Expires=60", "X-Amz-Expires=600")
    assert door.send("GET", longer, {"host": "s3.test"}).code == "SignatureDoesNotMatch"
    assert door.send("PUT", path, {"host": "s3.test"}).code == "SignatureDoesNotMatch"


def test_temporary_credentials_are_refused_as_such(door: Any) -> None:
    headers = door.signed("GET", "/b/?location", b"", {"x-amz-security-token": "t"})
    assert door.send("GET", "/b/?location", headers).code == "InvalidToken"


def test_a_read_only_key_may_not_write(door: Any) -> None:
    answer = door.call("PUT", "/b/k", b"x", key="READER")
    assert (answer.status, answer.code) == (403, "AccessDenied")


def test_a_workloads_key_opens_its_buckets_and_no_other(door: Any) -> None:
    door.call("PUT", "/other")
    door.call("PUT", "/other/k", b"x")
    assert door.call("PUT", "/b/k", b"x", key="POD").status == 200
    listed = door.call("GET", "/", key="POD").body
    assert (b"<Name>b<" in listed, b"<Name>other<" in listed) == (True, False)
    for method, path, headers in (
        ("GET", "/other/k", {}),
        ("GET", "/other?list-type=2", {}),
        ("PUT", "/other/k", {}),
        ("DELETE", "/other/k", {}),
        ("PUT", "/b/k", {"x-amz-copy-source": "/other/k"}),
        ("GET", "/never-made/k", {}),
        ("PUT", "/new-one", {}),
        ("DELETE", "/b", {}),
    ):
        answer = door.call(method, path, headers=headers, key="POD")
        assert (answer.status, answer.code) == (403, "AccessDenied"), (method, path)
