"""Requests that real clients rarely send, and what they get."""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any
from xml.etree import ElementTree

import pytest

from busbar.apis.s3 import body, responses
from busbar.apis.s3.checksums import Digests
from busbar.apis.s3.errors import ClientGone, Code, S3Error
from busbar.apis.s3.routes import SUBRESOURCES
from busbar.apis.s3.storage.store import Place


def test_every_refusal_is_a_document_with_code_sentence_and_id(door: Any) -> None:
    answer = door.call("GET", "/b/no")
    root = ElementTree.fromstring(answer.body)
    assert root.findtext("Code") == "NoSuchKey"
    assert root.findtext("Resource") == "/b/no"
    assert root.findtext("RequestId") == answer.headers["x-amz-request-id"]
    assert (root.findtext("Message") or "").endswith(".")


def test_keys_that_cannot_be(door: Any) -> None:
    assert door.call("PUT", "/b/a%00b", b"x").code == "InvalidArgument"
    assert door.call("PUT", "/b/%ff%fe", b"x").code == "InvalidURI"
    assert door.call("PUT", "/b/" + "k" * 1025, b"x").code == "KeyTooLongError"


@pytest.mark.parametrize("sub", SUBRESOURCES)
def test_no_subresource_is_taken_for_the_object_itself(door: Any, sub: str) -> None:
    door.call("PUT", "/b/k", b"keep")
    assert door.call("DELETE", f"/b/k?{sub}=x").status in (400, 404, 501)
    assert door.call("PUT", f"/b/k?{sub}=x", b"other").status in (400, 404, 501)
    assert door.call("GET", "/b/k").body == b"keep"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/b?max-keys=-1", "InvalidArgument"),
        ("/b?max-keys=x", "InvalidArgument"),
        ("/b?encoding-type=xml", "InvalidArgument"),
        ("/b?list-type=3", "InvalidArgument"),
        ("/b?list-type=2&continuation-token=%21", "InvalidArgument"),
        ("/b?prefix=%ff", "InvalidURI"),
        ("/b/k?versionId=abc", "NoSuchVersion"),
        ("/b?uploads&delimiter=%2F", "NotImplemented"),
        ("/B%00?location", "NoSuchBucket"),
    ],
)
def test_bad_parameters_are_named(door: Any, path: str, code: str) -> None:
    assert door.call("GET", path).code == code


@pytest.mark.parametrize("name", ["ab", "UPPER", "a..b", "-ab", "1.2.3.4", "x" * 64, "a_b"])
def test_bad_bucket_names(door: Any, name: str) -> None:
    assert door.call("PUT", f"/{name}").code == "InvalidBucketName"


def delete(door: Any, body: bytes) -> Any:
    md5 = b64encode(hashlib.md5(body).digest()).decode()
    return door.call("POST", "/b?delete", body, {"content-md5": md5})


def test_documents_that_attack_the_parser_are_refused(door: Any) -> None:
    entity = b'<!DOCTYPE d [<!ENTITY a "aa">]><Delete><Object><Key>&a;</Key></Object></Delete>'
    deep = b"<Delete>" + b"<a>" * 100_000
    wide = b"<Delete>" + b"<a/>" * 200_000 + b"</Delete>"
    keys = b"<Delete>" + b"<Object><Key>k</Key></Object>" * 1001 + b"</Delete>"
    for bad in (entity, deep, wide, keys, b"", b"\xff\xfe", b"<Delete/>", b"<Other/>"):
        assert delete(door, bad).code == "MalformedXML"
    assert delete(door, entity.decode().encode("utf-16")).code == "MalformedXML"
    assert door.call("POST", "/b?delete", b" " * (9 * 1024 * 1024)).code == "InvalidRequest"


def test_each_key_of_a_multi_delete_has_its_own_answer(door: Any) -> None:
    door.call("PUT", "/b/k", b"x")
    long = "k" * 1025
    body = f"<Delete><Object><Key>k</Key></Object><Object><Key>{long}</Key></Object></Delete>"
    answer = ElementTree.fromstring(delete(door, body.encode()).body)
    namespace = "{http://s3.amazonaws.com/doc/2006-03-01/}"
    assert [item.findtext(f"{namespace}Key") for item in answer.iter(f"{namespace}Deleted")] == [
        "k"
    ]
    errors = [item.findtext(f"{namespace}Code") for item in answer.iter(f"{namespace}Error")]
    assert errors == ["KeyTooLongError"]
    assert door.call("GET", "/b/k").status == 404


def test_a_body_needs_its_length_and_its_digest(door: Any) -> None:
    headers = door.signed("PUT", "/b/k", b"x")
    del headers["content-length"]
    assert door.send("PUT", "/b/k", headers, b"x").code == "MissingContentLength"
    assert door.call("PUT", "/b/k", b"x", {"content-md5": "short"}).code == "InvalidDigest"
    wrong = b64encode(bytes(16)).decode()
    assert door.call("PUT", "/b/k", b"x", {"content-md5": wrong}).code == "BadDigest"
    headers = door.signed("PUT", "/b/k", b"x") | {"content-length": "9" * 19}
    assert door.send("PUT", "/b/k", headers, b"x").code == "EntityTooLarge"


def test_a_client_that_leaves_half_way_leaves_nothing(door: Any) -> None:
    body = b"x" * 200_000
    headers = door.signed("PUT", "/b/k", body)
    headers["content-length"] = "200000"
    half = body[:100_000]
    scope_answer = door.send("PUT", "/b/k", headers, half)
    assert scope_answer.code == "IncompleteBody"
    assert door.call("GET", "/b/k").status == 404
    assert list(door.app.storage.blobs.path("00").parent.parent.glob("tmp/*")) == []


def test_an_unread_body_closes_the_connection(door: Any) -> None:
    headers = door.signed("PUT", "/nobucket/k", b"x") | {"expect": "100-continue"}
    assert door.send("PUT", "/nobucket/k", headers, b"x").headers["connection"] == "close"
    small = door.signed("PUT", "/nobucket/k", b"x")
    assert "connection" not in door.send("PUT", "/nobucket/k", small, b"x").headers


def test_header_values_from_the_query_cannot_inject(door: Any) -> None:
    door.call("PUT", "/b/k", b"x")
    path = "/b/k?response-content-type=a%0D%0Ax-evil%3A1"
    assert door.call("GET", path).code == "InvalidArgument"


@pytest.mark.parametrize(
    ("header", "status", "body"),
    [
        ("bytes=0-1", 206, b"he"),
        ("bytes=-3", 206, b"llo"),
        ("bytes=3-", 206, b"lo"),
        ("bytes=0-99", 206, b"hello"),
        ("bytes=-99", 206, b"hello"),
        ("bytes=0-1,3-4", 200, b"hello"),
        ("bytes=3-1", 200, b"hello"),
        ("bytes=-", 200, b"hello"),
        ("lines=0-1", 200, b"hello"),
        ("bytes=" + "9" * 80 + "-", 200, b"hello"),
    ],
)
def test_ranges(door: Any, header: str, status: int, body: bytes) -> None:
    door.call("PUT", "/b/k", b"hello")
    answer = door.call("GET", "/b/k", headers={"range": header})
    assert (answer.status, answer.body) == (status, body)
    assert answer.headers["content-length"] == str(len(body))


def test_unsatisfiable_ranges_say_the_size(door: Any) -> None:
    door.call("PUT", "/b/k", b"hello")
    for header in ("bytes=5-", "bytes=-0"):
        answer = door.call("GET", "/b/k", headers={"range": header})
        assert (answer.status, answer.headers["content-range"]) == (416, "bytes */5")


def test_metadata_over_two_kilobytes_is_refused(door: Any) -> None:
    answer = door.call("PUT", "/b/k", b"x", {"x-amz-meta-a": "v" * 2100})
    assert answer.code == "MetadataTooLarge"


def test_the_expected_owner_is_compared(door: Any) -> None:
    headers = {"x-amz-expected-bucket-owner": "someone"}
    assert door.call("GET", "/b/?location", headers=headers).code == "AccessDenied"


def test_a_lost_file_is_a_refusal_and_not_half_an_answer(door: Any) -> None:
    door.call("PUT", "/b/k", b"x" * 100_000)
    (segment,) = door.app.storage.open(Place(door.bucket().uid, "k")).segments
    door.app.storage.blobs.path(segment.blob).unlink()
    answer = door.call("GET", "/b/k")
    assert (answer.status, answer.code) == (500, "InternalError")


def test_who_reads_nothing_is_given_up(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(responses, "SILENCE_S_MAX", 0)
    closed = []

    async def pieces() -> AsyncIterator[bytes]:
        yield b"piece"

    async def never(message: Any) -> None:
        if message["type"] == "http.response.body":
            await asyncio.get_running_loop().create_future()

    stream = responses.Stream(5, pieces(), lambda: closed.append(True))
    with pytest.raises(ClientGone):
        door.run(responses.send_response(never, responses.Response(200, [], stream), "id", False))
    assert closed == [True]


def test_who_sends_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "SILENCE_S_MAX", 0)

    async def never() -> Any:
        return await asyncio.get_running_loop().create_future()

    with pytest.raises(S3Error) as refusal:
        asyncio.run(body.read_all(never, body.Incoming(5, None, Digests())))
    assert refusal.value.code is Code.RequestTimeout


def test_a_fault_inside_is_one_sentence(door: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(door.app.storage, "find", broken)
    answer = door.call("HEAD", "/b/k")
    assert answer.status == 500
    assert b"secret detail" not in answer.body
