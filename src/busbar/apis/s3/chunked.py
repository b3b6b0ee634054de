"""The `aws-chunked` body: chunks with a size line, each perhaps signed, then perhaps a trailer.

Pure: bytes in, payload out, refusals raised. Chunks are handed on before their signature is
known, since nothing is visible until the whole body has been accepted; so a chunk's size needs no
bound here. Source: "Transferring Payload in Multiple Chunks" and "Working with trailing headers"
of the Amazon S3 API reference. Next: `checksums.py`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from enum import Enum, auto
from typing import Protocol

from busbar.apis.s3.errors import Code, S3Error

LINE_BYTES_MAX = 1024
TRAILER_LINES_MAX = 16

_SIZE = re.compile(rb"\A([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?\Z")


class ChunkChecker(Protocol):
    """The signature chain of one request."""

    def check_chunk(self, sha256: str, signature: str) -> None:
        """Refuse an altered chunk."""

    def check_trailer(self, sha256: str, signature: str) -> None:
        """Refuse an altered trailer."""


class _State(Enum):
    SIZE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILER = auto()
    DONE = auto()


class ChunkDecoder:
    """Feed it pieces of the body, then call `finish`. `trailers` holds what followed the data."""

    def __init__(self, checker: ChunkChecker | None) -> None:
        self.trailers: dict[str, str] = {}
        self._checker = checker
        self._state = _State.SIZE
        self._line = bytearray()
        self._left = 0
        self._signature = ""
        self._sha256 = hashlib.sha256()
        self._signed_lines = bytearray()
        self._trailer_lines = 0

    def feed(self, pieces: Iterable[bytes | memoryview]) -> list[memoryview]:
        """Give the payload in these pieces, as slices of them."""
        out: list[memoryview] = []
        for piece in pieces:
            view = memoryview(piece)
            while view:
                if self._state is _State.DATA:
                    view = self._take_data(view, out)
                else:
                    view = self._take_line(view)
        return out

    def finish(self) -> None:
        """Refuse a body that ended early."""
        ended = self._state is _State.DONE or (
            # The last CRLF is missing in some clients' bodies; nothing can hide there.
            self._state is _State.TRAILER and not self._line and not self._signed_lines
        )
        if not ended:
            raise S3Error(Code.IncompleteBody, "The body ended before its last chunk.")

    def _take_data(self, view: memoryview, out: list[memoryview]) -> memoryview:
        data = view[: self._left]
        if self._checker is not None:
            self._sha256.update(data)
        out.append(data)
        self._left -= len(data)
        if not self._left:
            self._state = _State.DATA_END
        return view[len(data) :]

    def _take_line(self, view: memoryview) -> memoryview:
        if self._state is _State.DONE:
            raise _malformed("There is something after the last chunk.")
        # Lines are short: only their beginning is looked at, whatever the piece's size.
        head = bytes(view[: LINE_BYTES_MAX + 2])
        end = head.find(b"\n")
        self._line += head[: end + 1] if end >= 0 else head
        if len(self._line) > LINE_BYTES_MAX:
            raise _malformed("A chunk's head or a trailer is too long.")
        if end < 0:
            return view[len(head) :]
        line = bytes(self._line)
        self._line.clear()
        if not line.endswith(b"\r\n"):
            raise _malformed("Lines must end with CR LF.")
        self._on_line(line[:-2])
        return view[end + 1 :]

    def _on_line(self, line: bytes) -> None:
        if self._state is _State.SIZE:
            self._on_size(line)
        elif self._state is _State.DATA_END:
            if line:
                raise _malformed("A chunk is longer than its size line says.")
            self._check_chunk()
            self._state = _State.SIZE
        else:
            self._on_trailer(line)

    def _on_size(self, line: bytes) -> None:
        match = _SIZE.match(line)
        if match is None or (self._checker is not None and match[2] is None):
            raise _malformed("A chunk's head must be <hex size>;chunk-signature=<64 hex digits>.")
        self._left = int(match[1], 16)
        self._signature = (match[2] or b"").decode()
        if self._left:
            self._state = _State.DATA
        else:
            self._check_chunk()
            self._state = _State.TRAILER

    def _check_chunk(self) -> None:
        if self._checker is not None:
            self._checker.check_chunk(self._sha256.hexdigest(), self._signature)
            self._sha256 = hashlib.sha256()

    def _on_trailer(self, line: bytes) -> None:
        if not line:
            if self._checker is not None and self._signed_lines:
                raise _malformed("The trailer is not signed.")
            self._state = _State.DONE
            return
        name, colon, value = line.decode("latin-1").partition(":")
        name, value = name.strip().lower(), value.strip()
        self._trailer_lines += 1
        if not colon or self._trailer_lines > TRAILER_LINES_MAX:
            raise _malformed("A trailer must be a few lines of the form name:value.")
        if name == "x-amz-trailer-signature":
            if self._checker is not None:
                digest = hashlib.sha256(self._signed_lines).hexdigest()
                self._checker.check_trailer(digest, value)
            self._signed_lines.clear()
        else:
            self.trailers[name] = value
            self._signed_lines += f"{name}:{value}\n".encode("latin-1")


def _malformed(message: str) -> S3Error:
    return S3Error(Code.InvalidRequest, f"The aws-chunked body is malformed. {message}")
