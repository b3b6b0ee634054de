"""Power cuts of the process, full disks, huge bodies, slow and vanishing clients."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import BotoCoreError, ClientError

MIB = 1024 * 1024


class UnsignedPayload(S3SigV4Auth):  # type: ignore[misc]
    def payload(self, request: Any) -> str:
        return "UNSIGNED-PAYLOAD"


def head_of_put(door: Any, path: str, length: int) -> bytes:
    """The signed head of a request whose body comes later, or never."""
    request = AWSRequest("PUT", f"{door.url}{path}", {"Content-Length": str(length)})
    UnsignedPayload(Credentials("XYZKEY", "secret-of-xyz"), "s3", "us-east-1").add_auth(request)
    lines = [f"PUT {path} HTTP/1.1", f"Host: 127.0.0.1:{door.port}"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def connect(door: Any) -> socket.socket:
    return socket.create_connection(("127.0.0.1", door.port), timeout=30)


def test_every_acknowledged_write_survives_kill_9(own_door: Any) -> None:
    door = own_door
    acknowledged: dict[str, bytes] = {}
    for round_number in range(3):
        enough = threading.Event()

        def write(worker: int, enough: threading.Event = enough, n: int = round_number) -> None:
            client = door.client()
            for number in range(10_000):
                key = f"{n}/{worker}/{number}"
                # Every fifth is a file, every seventh overwrites.
                key = f"shared/{worker}" if number % 7 == 6 else key
                body = os.urandom(16) * (10_000 if number % 5 == 4 else 1)
                try:
                    client.put_object(Bucket="kept", Key=key, Body=body)
                except (ClientError, BotoCoreError):
                    # Not acknowledged: either is right, so nothing is claimed of it.
                    acknowledged.pop(key, None)
                    return
                acknowledged[key] = hashlib.md5(body).digest()
                if number == 40:
                    enough.set()

        workers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for worker in workers:
            worker.start()
        assert enough.wait(60)
        door.kill()
        for worker in workers:
            worker.join()
        door.start()
    client = door.client()
    assert len(acknowledged) > 100
    for key, digest in acknowledged.items():
        body = client.get_object(Bucket="kept", Key=key)["Body"].read()
        assert hashlib.md5(body).digest() == digest, key
    assert list((door.data / "tmp").iterdir()) == []


def test_memory_stays_bounded_by_large_bodies_and_slow_readers(own_door: Any) -> None:
    door, size = own_door, 1024 * MIB
    block = os.urandom(MIB)
    door.client().put_object(Bucket="kept", Key="warm", Body=block)
    before = door.memory_kib()
    sender = connect(door)
    sender.sendall(head_of_put(door, "/kept/large", size))
    for _ in range(size // MIB):
        sender.sendall(block)
    assert sender.recv(4096).startswith(b"HTTP/1.1 200")
    sender.close()
    url = door.client(signature_version="s3v4").generate_presigned_url(
        "get_object", {"Bucket": "kept", "Key": "large"}
    )
    readers = []
    for _ in range(8):
        reader = connect(door)
        reader.sendall(
            f"GET {url[len(door.url) :]} HTTP/1.1\r\nHost: 127.0.0.1:{door.port}\r\n\r\n".encode()
        )
        assert reader.recv(4096).startswith(b"HTTP/1.1 200")
        readers.append(reader)
    # A request in between is served, and its answer means that the readers' buffers are full.
    assert door.client().head_object(Bucket="kept", Key="large")["ContentLength"] == size
    assert door.memory_kib() - before < 80 * 1024
    for reader in readers:
        reader.close()


def test_a_body_that_never_comes_or_breaks_off_leaves_nothing(own_door: Any) -> None:
    door = own_door
    for sent in (0, 100, 3 * MIB):
        client = connect(door)
        client.sendall(head_of_put(door, "/kept/broken", 10 * MIB))
        client.sendall(bytes(sent))
        client.shutdown(socket.SHUT_RDWR)
        client.close()
    with pytest.raises(ClientError) as error:
        door.client().head_object(Bucket="kept", Key="broken")
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    door.stop()
    assert list((door.data / "tmp").iterdir()) == []
    door.start()


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /%zz%ff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PUT /kept/k HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"BREW /kept/k HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET " + b"/a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /kept?delete HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_odd_requests_get_an_answer_of_the_fours(door: Any, request_line: bytes) -> None:
    client = connect(door)
    client.sendall(request_line)
    answer = client.recv(65_536)
    assert answer.split(b" ", 2)[1][:1] == b"4", answer
    client.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=120m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(path: Path) -> None:
    """Write until the disk has no room."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as out:
        while True:
            out.write(bytes(MIB))


def put_small(client: Any, number: int) -> str:
    """Give the code of the refusal, if any."""
    try:
        client.put_object(Bucket="kept", Key=f"small/{number}", Body=b"s" * 60_000)
    except ClientError as refusal:
        return str(refusal.response["Error"]["Code"])
    return ""


def test_a_full_disk_is_said_in_a_sentence_and_loses_nothing(
    small_disk: Path, own_door_on: Any
) -> None:
    door = own_door_on(small_disk)
    client = door.client()
    client.put_object(Bucket="kept", Key="old", Body=b"o" * 10 * MIB)
    with pytest.raises(ClientError) as error:
        client.put_object(Bucket="kept", Key="old", Body=b"n" * 60 * MIB)
    assert error.value.response["Error"]["Code"] == "InsufficientStorage"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 507
    # Somebody else fills the rest: now the index itself cannot grow.
    filler = small_disk / "filler"
    fill(filler)
    outcomes = {put_small(client, number) for number in range(200)}
    assert "InsufficientStorage" in outcomes <= {"", "InsufficientStorage"}
    assert client.get_object(Bucket="kept", Key="old")["Body"].read() == b"o" * 10 * MIB
    filler.unlink()
    client.put_object(Bucket="kept", Key="new", Body=b"n" * 60_000)
    door.kill()
    door.start()
    assert client.get_object(Bucket="kept", Key="old")["Body"].read() == b"o" * 10 * MIB
    assert client.get_object(Bucket="kept", Key="new")["ContentLength"] == 60_000


def test_keep_alive_connections_survive_refusals_of_small_bodies(door: Any) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=10)
    for _ in range(3):
        connection.request("PUT", "/kept/k", b"unsigned body")
        answer = connection.getresponse()
        assert (answer.status, b"AccessDenied" in answer.read()) == (403, True)
    connection.close()
