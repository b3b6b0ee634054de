"""The aws-chunked body: signed, unsigned, with trailers, cut anywhere, altered anywhere."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import zlib
from typing import Any

import pytest

from busbar.apis.s3.chunked import ChunkDecoder
from busbar.apis.s3.errors import Code, S3Error

EMPTY = hashlib.sha256().hexdigest()
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"


class Chunker:
    """Signs chunks as a client does, from the request's own signature on."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.previous = headers["authorization"].split("Signature=")[1]
        self.date = headers["x-amz-date"]
        self.scope = f"{self.date[:8]}/us-east-1/s3/aws4_request"
        key = b"AWS4secret"
        for part in self.scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        self.key = key

    def sign(self, kind: str, content: str) -> str:
        text = f"{kind}\n{self.date}\n{self.scope}\n{self.previous}\n{content}"
        self.previous = hmac.digest(self.key, text.encode(), "sha256").hex()
        return self.previous

    def chunk(self, data: bytes) -> bytes:
        digest = hashlib.sha256(data).hexdigest()
        signature = self.sign("AWS4-HMAC-SHA256-PAYLOAD", f"{EMPTY}\n{digest}")
        head = f"{len(data):x};chunk-signature={signature}\r\n".encode()
        return head + data + b"\r\n" if data else head

    def trailer(self, line: str) -> bytes:
        digest = hashlib.sha256(f"{line}\n".encode()).hexdigest()
        signature = self.sign("AWS4-HMAC-SHA256-TRAILER", digest)
        return f"{line}\r\nx-amz-trailer-signature:{signature}\r\n\r\n".encode()


def start(door: Any, size: int, payload: str, **more: str) -> dict[str, str]:
    headers = {"x-amz-content-sha256": payload, "x-amz-decoded-content-length": str(size)}
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    return dict(door.signed("PUT", "/b/k", b"", headers))


@pytest.mark.parametrize("size", [0, 10, 200_000])
def test_signed_chunks_make_the_object(door: Any, size: int) -> None:
    body = os.urandom(size)
    headers = start(door, size, SIGNED, content_encoding="aws-chunked,gzip")
    chunker = Chunker(headers)
    wire = b"".join(chunker.chunk(body[at : at + 65_536]) for at in range(0, size, 65_536))
    wire += chunker.chunk(b"") + b"\r\n"
    pieces = [wire[at : at + 5_000] for at in range(0, len(wire), 5_000)]
    assert door.send("PUT", "/b/k", headers, *pieces).status == 200
    got = door.call("GET", "/b/k")
    assert got.body == body
    assert got.headers["content-encoding"] == "gzip"


def test_an_altered_or_reordered_chunk_is_refused(door: Any) -> None:
    for alter in (
        lambda chunks: [chunks[0].replace(b"aaaa", b"aaab"), *chunks[1:]],
        lambda chunks: [chunks[1], chunks[0], chunks[2]],
        lambda chunks: [chunks[0], chunks[2]],
        lambda chunks: [chunks[0], chunks[0], chunks[2]],
    ):
        headers = start(door, 8, SIGNED)
        chunker = Chunker(headers)
        chunks = [chunker.chunk(data) for data in (b"aaaa", b"bbbb", b"")]
        answer = door.send("PUT", "/b/k", headers, b"".join(alter(chunks)) + b"\r\n")
        assert answer.status in (400, 403)
    assert door.call("GET", "/b/k").status == 404


def test_a_signed_trailer_is_checked(door: Any) -> None:
    checksum = base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")).decode()
    for given, status in ((checksum, 200), ("AAAAAA==", 400)):
        headers = start(door, 5, f"{SIGNED}-TRAILER", x_amz_trailer="x-amz-checksum-crc32")
        chunker = Chunker(headers)
        wire = chunker.chunk(b"hello") + chunker.chunk(b"")
        wire += chunker.trailer(f"x-amz-checksum-crc32:{given}")
        assert door.send("PUT", "/b/k", headers, wire).status == status
    headers = start(door, 5, f"{SIGNED}-TRAILER", x_amz_trailer="x-amz-checksum-crc32")
    chunker = Chunker(headers)
    wire = chunker.chunk(b"hello") + chunker.chunk(b"")
    wire += chunker.trailer("x-amz-checksum-crc32:AAAAAA==").replace(b"AAAAAA==", checksum.encode())
    assert door.send("PUT", "/b/k", headers, wire).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("algorithm", "checksum"),
    [
        ("crc32", "NhCmhg=="),
        ("crc32c", "mnG7TA=="),
        ("crc64nvme", "M3eFcAZSQlc="),
        ("sha1", base64.b64encode(hashlib.sha1(b"hello").digest()).decode()),
        ("sha256", base64.b64encode(hashlib.sha256(b"hello").digest()).decode()),
    ],
)
def test_unsigned_chunks_with_a_checksum_in_the_trailer(
    door: Any, algorithm: str, checksum: str
) -> None:
    name = f"x-amz-checksum-{algorithm}"
    for given, status in ((checksum, 200), ("AAAAAA==", 400), ("", 400)):
        headers = start(door, 5, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", x_amz_trailer=name)
        wire = f"5\r\nhello\r\n0\r\n{name}:{given}\r\n\r\n".encode()
        answer = door.send("PUT", "/b/k", headers, wire)
        assert answer.status == status, answer.body
    got = door.call("GET", "/b/k", headers={"x-amz-checksum-mode": "ENABLED"})
    assert (got.body, got.headers[name]) == (b"hello", checksum)


@pytest.mark.parametrize(
    ("wire", "code"),
    [
        (b"5\r\nhello\r\n", Code.IncompleteBody),
        (b"5\r\nhel", Code.IncompleteBody),
        (b"5\r\nhelloX\r\n", Code.InvalidRequest),
        (b"xyz\r\n", Code.InvalidRequest),
        (b"-5\r\nhello\r\n", Code.InvalidRequest),
        (b"5\nhello\r\n", Code.InvalidRequest),
        (b"1" * 2000, Code.InvalidRequest),
        (b"0\r\n\r\nmore", Code.InvalidRequest),
        (b"0\r\nno colon\r\n\r\n", Code.InvalidRequest),
        (b"0\r\n" + b"a:b\r\n" * 40 + b"\r\n", Code.InvalidRequest),
    ],
)
def test_malformed_chunks_are_refused(wire: bytes, code: Code) -> None:
    def decode() -> None:
        decoder = ChunkDecoder(None)
        decoder.feed([wire])
        decoder.finish()

    with pytest.raises(S3Error) as refusal:
        decode()
    assert refusal.value.code is code


def test_a_body_longer_or_shorter_than_announced_is_refused(door: Any) -> None:
    for size in (4, 6):
        headers = start(door, size, "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
        answer = door.send("PUT", "/b/k", headers, b"5\r\nhello\r\n0\r\n\r\n")
        assert answer.code == "IncompleteBody"
