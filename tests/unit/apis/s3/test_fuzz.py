"""No signed request, however odd, is a fault of the server or leaves the door confused."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from busbar.apis.s3.routes import SUBRESOURCES

TEXTS = st.text(max_size=12)
ASCII = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)
NAMES = st.sampled_from(
    (*SUBRESOURCES, "prefix", "marker", "max-keys", "delimiter", "encoding-type", "start-after",
     "continuation-token", "max-parts", "part-number-marker", "key-marker", "upload-id-marker",
     "max-uploads", "response-expires", "fetch-owner", "max-buckets", "x-id")
)  # fmt: skip
HEADERS = st.sampled_from(
    ("range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range",
     "content-md5", "content-encoding", "x-amz-acl", "x-amz-copy-source", "x-amz-trailer",
     "x-amz-copy-source-range", "x-amz-metadata-directive", "x-amz-checksum-crc32",
     "x-amz-checksum-mode", "x-amz-meta-x", "x-amz-storage-class", "x-amz-decoded-content-length",
     "x-amz-copy-source-if-match", "x-amz-expected-bucket-owner")
)  # fmt: skip
VALUES = ASCII | st.sampled_from(
    ["/b/k", "bytes=0-1", "bytes=1-0", '"e"', "*", "1", "-1", "9" * 30]
)
BODIES = st.binary(max_size=60) | st.sampled_from(
    [
        b"<Delete><Object><Key>k</Key></Object></Delete>",
        b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>e</ETag></Part>"
        b"</CompleteMultipartUpload>",
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    method=st.sampled_from(["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"]),
    path=st.sampled_from(["/", "/b", "/b/", "/b/k", "/nobucket", "/nobucket/k"])
    | TEXTS.map(lambda text: "/b/" + quote(text, safe="/")),
    query=st.dictionaries(NAMES, VALUES | TEXTS, max_size=3),
    headers=st.dictionaries(HEADERS, VALUES, max_size=3),
    body=BODIES,
)
def test_signed_nonsense_gets_a_decided_answer(
    shared_door: Any,
    method: str,
    path: str,
    query: dict[str, str],
    headers: dict[str, str],
    body: bytes,
) -> None:
    if shared_door.run(shared_door.directory.find("xyz", "b")) is None:
        shared_door.run(shared_door.directory.create("xyz", "b"))
    text = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    answer = shared_door.call(method, f"{path}?{text}", body, headers)
    assert answer.status < 500 or answer.status == 501, (answer.status, answer.body)
    if answer.status >= 400 and method != "HEAD":
        assert answer.code
    # The next request is served as ever.
    assert shared_door.call("GET", "/").status == 200
