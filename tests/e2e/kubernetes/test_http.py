"""HTTP itself: what arrives late, large, twice or broken, over real TLS."""

from __future__ import annotations

import base64
import json
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e.kubernetes.conftest import Served

from busbar.server import http, pki

LIMIT_SECONDS = 20


@pytest.fixture(scope="module", params=[0, 1], ids=["alone", "behind a worker"])
def workers(request: Any) -> int:
    return int(request.param)


@pytest.fixture
def alone(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    """Give a door without workers, and without patience for half a request."""
    monkeypatch.setattr(http, "HEAD_SECONDS_MAX", 0.3)
    door = Served(tmp_path_factory.mktemp("door"))
    yield door
    door.stop()


class Line:
    """A TLS connection with an operator's certificate, and raw bytes."""

    def __init__(self, served: Any, who: str | None = "operator") -> None:
        context = ssl.create_default_context(cafile=str(served.directory / "pki" / "ca.pem"))
        if who is not None:
            user = json.loads(served.kubeconfig(who).read_text())["users"][0]["user"]
            pair = served.directory / f"{who}.pem"
            parts = (user["client-certificate-data"], user["client-key-data"])
            pair.write_bytes(b"".join(base64.b64decode(part) for part in parts))
            context.load_cert_chain(pair)
        plain = socket.create_connection(("127.0.0.1", served.port))
        self.socket = context.wrap_socket(plain, server_hostname="127.0.0.1")
        self.socket.settimeout(LIMIT_SECONDS)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> tuple[int, dict[bytes, bytes], bytes]:
        """Read one answer with a Content-Length."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.socket.recv(1)
        lines = data.split(b"\r\n")
        headers = dict(line.lower().split(b": ", 1) for line in lines[1:] if line)
        left, body = int(headers[b"content-length"]), b""
        while len(body) < left:
            body += self.socket.recv(left - len(body))
        return int(lines[0].split()[1]), headers, body

    def is_closed(self) -> bool:
        """Wait for the other side to close."""
        try:
            return self.socket.recv(1) == b""
        except (ConnectionError, ssl.SSLError):
            return True


def request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: busbar", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def test_one_connection_serves_many_requests(served: Any) -> None:
    line = Line(served)
    for _ in range(3):
        line.send(request("GET", "/api/v1/namespaces"))
        assert line.answer()[0] == 200


def test_pipelined_requests_are_answered_in_order(served: Any) -> None:
    line = Line(served)
    line.send(request("GET", "/version") + request("GET", "/healthz") + request("GET", "/apis"))
    bodies = [line.answer()[2] for _ in range(3)]
    assert bodies[1] == b"ok"
    assert b"gitVersion" in bodies[0]
    assert b"APIGroupList" in bodies[2]


def test_head_has_no_body(served: Any) -> None:
    line = Line(served)
    line.send(request("HEAD", "/healthz") + request("GET", "/healthz"))
    head = b""
    while head.count(b"\r\n\r\n") < 2:
        head += line.socket.recv(1)
    assert head.count(b"content-length: 2") == 2


def test_a_body_comes_in_chunks_and_is_announced(served: Any) -> None:
    line = Line(served)
    body = b'{"metadata":{"name":"chunked"}}'
    kind = "content-type: application/json"
    line.send(request("POST", "/api/v1/namespaces", kind, "transfer-encoding: chunked"))
    for byte in body:
        line.send(b"1\r\n" + bytes((byte,)) + b"\r\n")
    line.send(b"0\r\n\r\n")
    assert line.answer()[0] == 201
    line.send(
        request("POST", "/api/v1/namespaces", kind, "expect: 100-continue", "content-length: 2")
    )
    assert line.socket.recv(1024).startswith(b"HTTP/1.1 100")
    line.send(b"{}")
    assert line.answer()[0] == 422


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01 nonsense\r\n\r\n",
        request("GET", "/\u00e9"),
        request("GET", "/version", "x: " + "a" * (http.HEAD_BYTES_MAX + 1)),
        request("GET", "/version", *(f"x{i}: a" for i in range(20_000))),
        request("GET", "/" + "a" * http.HEAD_BYTES_MAX),
        request(
            "POST", "/api/v1/namespaces", "content-length: 5", "content-length: 6", body=b"abc"
        ),
        request("POST", "/a", "content-length: 5", "transfer-encoding: chunked", body=b"0\r\n\r\n"),
        request("POST", "/api/v1/namespaces", "transfer-encoding: chunked", body=b"zz\r\n\r\n"),
    ],
)
def test_what_is_no_http_is_refused_and_the_connection_closed(served: Any, data: bytes) -> None:
    line = Line(served)
    line.send(data)
    assert line.answer()[0] == 400
    assert line.is_closed()


def test_a_body_without_end_is_cut_off(alone: Any) -> None:
    """A worker's loop takes what still comes for a while, and keeps nothing of it."""
    line = Line(alone)
    kind = "content-type: application/json"
    line.send(request("POST", "/api/v1/namespaces", kind, "transfer-encoding: chunked"))
    chunk = b"10000\r\n" + b"a" * 65_536 + b"\r\n"
    with pytest.raises((ConnectionError, ssl.SSLError)):
        _send_often(line, chunk)


def _send_often(line: Line, chunk: bytes) -> None:
    for _ in range(10_000):
        line.send(chunk)


def test_an_upgrade_is_answered_as_plain_http(served: Any) -> None:
    line = Line(served)
    line.send(request("GET", "/api", "connection: Upgrade", "upgrade: websocket"))
    status, headers, _ = line.answer()
    assert (status, headers[b"connection"]) == (200, b"close")
    assert line.is_closed()


def test_half_a_head_is_not_waited_for(alone: Any) -> None:
    silent, half, later = Line(alone), Line(alone), Line(alone)
    half.send(b"GET /version HTTP/1.1\r\nho")
    assert silent.is_closed()
    assert half.is_closed()
    later.send(request("GET", "/version"))
    assert later.answer()[0] == 200
    later.send(b"GET /ver")
    assert later.is_closed()


def test_without_certificate_or_token_nobody_is_known(served: Any) -> None:
    line = Line(served, None)
    line.send(request("GET", "/api/v1/namespaces"))
    status, _, body = line.answer()
    assert (status, json.loads(body)["reason"]) == (401, "Unauthorized")
    line.send(request("GET", "/version"))
    assert line.answer()[0] == 200


def test_a_certificate_of_another_authority_does_not_connect(
    served: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("other")
    other = pki.open_authority(directory, 1_700_000_000_000)
    issued = other.issue_client("admin", ("system:masters",), 1_795_000_000_000)
    pair = directory / "pair.pem"
    pair.write_bytes(issued.certificate + issued.key)
    context = ssl.create_default_context(cafile=str(served.directory / "pki" / "ca.pem"))
    context.load_cert_chain(pair)
    plain = socket.create_connection(("127.0.0.1", served.port))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        _ask(context, plain)


def _ask(context: ssl.SSLContext, plain: socket.socket) -> None:
    line = context.wrap_socket(plain, server_hostname="127.0.0.1")
    line.settimeout(LIMIT_SECONDS)
    line.sendall(request("GET", "/api"))
    if line.recv(1) == b"":
        raise ConnectionError("closed without a word")
