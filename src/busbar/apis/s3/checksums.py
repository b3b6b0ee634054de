"""The digests of a body: MD5 for the ETag, and whatever the client wants verified.

All five checksum algorithms of S3 clients are verified: CRC-32, SHA-1 and SHA-256 at the speed
of zlib and OpenSSL, CRC-32C and CRC-64/NVME in NumPy. Digests are split in two lanes that may
run in two threads, since MD5 alone costs as much as all the others. Next: `body.py`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from busbar.apis.s3.crc import CASTAGNOLI, NVME, ZLIB, combined, crc32c, crc64nvme
from busbar.apis.s3.errors import Code, S3Error

PREFIX = "x-amz-checksum-"

Pieces = Iterable[bytes | memoryview]


class Hasher(Protocol):
    """What hashlib's objects and `Crc` have in common."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Take more bytes."""

    def digest(self) -> bytes:
        """Give the digest so far."""


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes | memoryview, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


ALGORITHMS: Mapping[str, Callable[[], Hasher]] = {
    "crc32": _Crc32,
    "crc32c": crc32c,
    "crc64nvme": crc64nvme,
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
}


_POLYNOMIALS = {"crc32": ZLIB, "crc32c": CASTAGNOLI, "crc64nvme": NVME}


def whole(parts: Sequence[tuple[Mapping[str, str], int]]) -> dict[str, str]:
    """Give the checksums of a body from those of its parts, each with the part's size.

    Only CRCs can be joined, and only where every part has one.
    """
    found: dict[str, str] = {}
    for name, polynomial in _POLYNOMIALS.items():
        values = [base64.b64decode(sums[name]) for sums, _ in parts if name in sums]
        if values and len(values) == len(parts):
            joined = values[0]
            for value, (_, size) in zip(values[1:], parts[1:], strict=True):
                joined = combined(joined, value, size, polynomial)
            found[name] = base64.b64encode(joined).decode()
    return found


class Digests:
    """The digests of one body, compared at its end with what the client announced.

    `checksums` maps algorithm to the base64 the client sent, or to None where the trailer will
    tell. `sha256` is the signed payload hash in hex.
    """

    def __init__(
        self,
        sha256: str | None = None,
        md5: bytes | None = None,
        checksums: Mapping[str, str | None] | None = None,
    ) -> None:
        self.checksums = dict(checksums or {})
        self._sha256_expected = sha256
        self._md5_expected = md5
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256() if sha256 is not None else None
        self._hashers = {name: ALGORITHMS[name]() for name in self.checksums}

    def update_md5(self, pieces: Pieces) -> None:
        """First lane."""
        for piece in pieces:
            self._md5.update(piece)

    def update_others(self, pieces: Pieces) -> None:
        """Second lane."""
        for piece in pieces:
            if self._sha256 is not None:
                self._sha256.update(piece)
            for hasher in self._hashers.values():
                hasher.update(piece)

    def md5_hex(self) -> str:
        """Give the ETag of the body."""
        return self._md5.hexdigest()

    def verify(self, trailers: Mapping[str, str]) -> None:
        """Refuse a body that is not what was announced; keep the checksums it has."""
        if self._sha256 is not None and not hmac.compare_digest(
            self._sha256.hexdigest(), self._sha256_expected or ""
        ):
            raise S3Error(
                Code.XAmzContentSHA256Mismatch,
                "The body's SHA-256 is not the one in x-amz-content-sha256.",
            )
        if self._md5_expected is not None and self._md5.digest() != self._md5_expected:
            raise S3Error(Code.BadDigest, "The body's MD5 is not the one in Content-MD5.")
        for name, hasher in self._hashers.items():
            expected = self.checksums[name] or trailers.get(PREFIX + name)
            actual = base64.b64encode(hasher.digest()).decode()
            if expected != actual:
                raise S3Error(
                    Code.BadDigest,
                    f"The body's {name} is {actual}, not the one announced in {PREFIX}{name}.",
                )
            self.checksums[name] = actual


def announced(headers: Mapping[str, str]) -> dict[str, str | None]:
    """Read which checksums the headers hold or promise for the trailer."""
    found: dict[str, str | None] = {
        name: headers[PREFIX + name] for name in ALGORITHMS if PREFIX + name in headers
    }
    for promised in headers.get("x-amz-trailer", "").split(","):
        name = promised.strip().lower().removeprefix(PREFIX)
        if name in ALGORITHMS:
            found[name] = None
        elif name:
            raise S3Error(
                Code.InvalidRequest, f"x-amz-trailer names {promised.strip()!r}, not a checksum."
            )
    return found


def content_md5(headers: Mapping[str, str]) -> bytes | None:
    """Read Content-MD5."""
    value = headers.get("content-md5")
    if value is None:
        return None
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 16:
        raise S3Error(Code.InvalidDigest, "Content-MD5 must be the base64 of 16 bytes.")
    return digest
