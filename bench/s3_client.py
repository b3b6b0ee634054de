"""A client that costs little: requests signed beforehand, sockets read into one buffer.

On two cores a full SDK would measure itself. Next: `s3.py`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import socket
import time
from typing import cast

from busbar.apis.s3.canonical import canonical_query, canonical_request, encode

ACCESS_KEY, SECRET = "BENCH", "secret-of-bench"
HOST = "127.0.0.1"


def request(method: str, path: str, length: int = 0, payload: str = "UNSIGNED-PAYLOAD") -> bytes:
    """Give the head of a signed request."""
    date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{date[:8]}/us-east-1/s3/aws4_request"
    signed = {"host": HOST, "x-amz-content-sha256": payload, "x-amz-date": date}
    names = ";".join(signed)
    lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
    canonical = canonical_request(method, path, canonical_query([]), lines, names, payload)
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashed}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    sent = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
    return (
        f"{method} {path} HTTP/1.1\r\n{sent}content-length: {length}\r\n"
        f"authorization: AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}\r\n\r\n"
    ).encode()


def path(bucket: str, key: str) -> str:
    """Give the path of an object."""
    return f"/{bucket}/{encode(key)}"


class Wire:
    """One blocking connection for large objects."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((HOST, port))
        self._buffer = memoryview(bytearray(4 * 1024 * 1024))

    def put(self, head: bytes, body: bytes) -> None:
        """Send an object; returns when it is answered."""
        self._socket.sendall(head)
        self._socket.sendall(body)
        answer = self._socket.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 200"), answer

    def get(self, head: bytes, size: int) -> None:
        """Receive an object and forget it."""
        self._socket.sendall(head)
        got = self._socket.recv_into(self._buffer)
        first = bytes(self._buffer[:got])
        assert first.startswith(b"HTTP/1.1 200"), first
        left = size - (got - first.index(b"\r\n\r\n") - 4)
        while left > 0:
            got = self._socket.recv_into(self._buffer)
            assert got, "the connection ended early"
            left -= got

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


class Caller(asyncio.Protocol):
    """One keep-alive connection that sends its requests one after the other."""

    def __init__(self, requests: list[bytes], body_bytes: int) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._requests = iter(requests)
        self._body_bytes = body_bytes
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = cast(asyncio.Transport, transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        """Send the next request when the answer is complete."""
        self._got += data
        end = self._got.find(b"\r\n\r\n")
        if end >= 0 and len(self._got) >= end + 4 + self._body_bytes:
            assert self._got.startswith(b"HTTP/1.1 200"), self._got
            self._got = b""
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail rather than wait for answers that will not come."""
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the door hung up"))

    def _next(self) -> None:
        wire = next(self._requests, None)
        if wire is None:
            self.done.set_result(None)
            self._transport.close()
        else:
            self._transport.write(wire)


async def objects_a_second(port: int, requests: list[bytes], body_bytes: int, width: int) -> float:
    """Send all requests over `width` connections; gives how many were answered a second."""
    loop = asyncio.get_running_loop()
    begin = time.perf_counter()
    callers = []
    for number in range(width):
        share = requests[number::width]
        _, caller = await loop.create_connection(
            lambda share=share: Caller(share, body_bytes),
            HOST,
            port,  # type: ignore[misc]
        )
        callers.append(caller.done)
    await asyncio.gather(*callers)
    return len(requests) / (time.perf_counter() - begin)
