"""What botocore signs is accepted, whatever the key, query and headers; a changed byte is not."""

from __future__ import annotations

import copy

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.compat import urlsplit
from botocore.credentials import Credentials
from botocore.utils import percent_encode
from hypothesis import given
from hypothesis import strategies as st

from busbar.apis.s3.claims import instant_of
from busbar.apis.s3.errors import S3Error
from busbar.apis.s3.memory import MemoryCredentials
from busbar.apis.s3.ports import AccessKey
from busbar.apis.s3.request import Request
from busbar.apis.s3.sigv4 import authenticate

SECRETS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=40)
KEYS = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs"]),
    min_size=1,
    max_size=40,
)
WORDS = st.text("abcXYZ019-_.~ +&=/%ü", max_size=10)
QUERIES = st.dictionaries(st.text("abc-ü+", min_size=1, max_size=6), WORDS, max_size=4)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20).map(str.strip)
METADATA = st.dictionaries(st.text("abc-", min_size=1, max_size=6), VALUES, max_size=3)


def received(method: str, url: str, headers: dict[str, str]) -> Request:
    parts = urlsplit(url)
    scope = {
        "method": method,
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    return Request(scope, None, "", "id")  # type: ignore[arg-type]


def url_of(key: str, query: dict[str, str]) -> str:
    text = "&".join(
        f"{percent_encode(name, safe='-._~')}={percent_encode(value, safe='-._~')}"
        for name, value in query.items()
    )
    return f"http://h.test:9000/bucket/{percent_encode(key, safe='/~')}?{text}"


@given(SECRETS, KEYS, QUERIES, METADATA)
def test_headers_signed_by_botocore_are_accepted(
    secret: str, key: str, query: dict[str, str], metadata: dict[str, str]
) -> None:
    headers = {f"x-amz-meta-{name}": value for name, value in metadata.items()}
    url = url_of(key, query)
    signed = AWSRequest("PUT", url, headers, b"body")
    S3SigV4Auth(Credentials("AK/ID", secret), "s3", "eu-north-1").add_auth(signed)
    sent = {"host": "h.test:9000", **{name: str(value) for name, value in signed.headers.items()}}
    request = received("PUT", url, sent)
    assert (request.bucket, request.key) == ("bucket", key)
    credentials = MemoryCredentials([AccessKey("AK/ID", secret, "ns")])
    now = instant_of(sent["X-Amz-Date"])
    assert authenticate(request, credentials, now).key.namespace == "ns"

    for change in ("key", "query", "metadata", "secret", "method"):
        altered = copy.copy(request)
        if change == "key":
            altered.raw_path += "x"
        elif change == "query":
            altered.pairs = [*request.pairs, ("added", "")]
        elif change == "metadata":
            altered.headers = {**request.headers, "x-amz-meta-added": "1"}
        elif change == "method":
            altered.method = "DELETE"
        else:
            credentials = MemoryCredentials([AccessKey("AK/ID", secret + "x", "ns")])
        with pytest.raises(S3Error):
            authenticate(altered, credentials, now)


@given(KEYS, QUERIES)
def test_urls_presigned_by_botocore_are_accepted(key: str, query: dict[str, str]) -> None:
    signed = AWSRequest("GET", url_of(key, query))
    S3SigV4QueryAuth(Credentials("AKID", "secret"), "s3", "us-east-1", 60).add_auth(signed)
    request = received("GET", signed.url, {"host": "h.test:9000"})
    credentials = MemoryCredentials([AccessKey("AKID", "secret", "ns")])
    now = instant_of(request.query["X-Amz-Date"])
    assert authenticate(request, credentials, now).payload == "UNSIGNED-PAYLOAD"
    request.pairs = [(name, "61" if name == "X-Amz-Expires" else v) for name, v in request.pairs]
    with pytest.raises(S3Error):
        authenticate(request, credentials, now)


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=30))
def test_no_authorization_header_causes_a_fault(head: str, body: str, date: str) -> None:
    headers = [
        (b"authorization", f"AWS4-HMAC-SHA256 {head}Credential={body}".encode("utf-8", "replace")),
        (b"x-amz-date", date.encode("utf-8", "replace")),
        (b"x-amz-content-sha256", b"UNSIGNED-PAYLOAD"),
        (b"host", b"h"),
    ]
    scope = {"method": "GET", "raw_path": b"/", "query_string": b"", "headers": headers}
    request = Request(scope, None, "", "id")  # type: ignore[arg-type]
    with pytest.raises(S3Error):
        authenticate(request, MemoryCredentials([]), 0)
