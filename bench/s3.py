"""The S3 door: large objects in MB/s beside a file copy, small ones a second beside plain files.

The door runs as in production (uvicorn, httptools, uvloop) in a process of its own, on the same
disk as the copy. Large puts are measured both ways clients send them: unsigned payload (over TLS
or presigned) and with the payload's SHA-256 in the signature.

    python bench/s3.py
"""

from __future__ import annotations

import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.report import Row, shown
from bench.s3_client import ACCESS_KEY, SECRET, Wire, objects_a_second, path, request

MB = 1_000_000
LARGE = 64 * MB
SMALL = 4096
ROUNDS = 5
SMALL_COUNT = 6000
WIDTH = 32
BUCKET = "bench"


def rows() -> list[Row]:
    """Measure."""
    folder = Path(tempfile.mkdtemp(prefix="busbar-bench-s3-"))
    try:
        copy = _copy_mb_s(folder)
        files = _files_a_second(folder)
        door = _start(folder / "door")
        try:
            assert door.stdout is not None
            port = int(door.stdout.readline().rpartition(b":")[2])
            return [*_large_rows(port, copy), *_small_rows(port, files)]
        finally:
            door.terminate()
            door.wait(20)
    finally:
        shutil.rmtree(folder)


def _start(data: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "busbar.apis.s3.standalone", "--data", str(data)]
    command += ["--key", f"{ACCESS_KEY}:{SECRET}:ns", "--bucket", f"ns/{BUCKET}"]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def _large_rows(port: int, copy: float) -> list[Row]:
    body = os.urandom(LARGE)
    sha256 = hashlib.sha256(body).hexdigest()
    target, wire = path(BUCKET, "large"), Wire(port)
    unsigned = _mb_s(lambda: wire.put(request("PUT", target, LARGE), body))
    signed = _mb_s(lambda: wire.put(request("PUT", target, LARGE, sha256), body))
    get = _mb_s(lambda: wire.get(request("GET", target), LARGE))
    wire.close()
    peer = "file copy with fsync"
    return [
        shown("S3 put of 64 MB objects", unsigned, "MB/s", peer, copy),
        shown("S3 put of 64 MB objects, payload signed", signed, "MB/s", peer, copy),
        shown("S3 get of 64 MB objects", get, "MB/s", peer, copy),
    ]


def _small_rows(port: int, files: float) -> list[Row]:
    body = os.urandom(SMALL)
    sha256 = hashlib.sha256(body).hexdigest()
    keys = [path(BUCKET, f"small/{number}") for number in range(SMALL_COUNT)]
    puts = [request("PUT", key, SMALL, sha256) + body for key in keys]
    gets = [request("GET", key) for key in keys]
    put = uvloop.run(objects_a_second(port, puts, 0, WIDTH))
    get = uvloop.run(objects_a_second(port, gets, SMALL, WIDTH))
    peer = "files written with fsync, one by one"
    return [
        shown("S3 put of 4 KB objects", put, "1/s", peer, files),
        shown("S3 get of 4 KB objects", get, "1/s"),
    ]


def _mb_s(action: Callable[[], None]) -> float:
    action()
    rates = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        action()
        rates.append(LARGE / MB / (time.perf_counter() - begin))
    return round(statistics.median(rates), 1)


def _copy_mb_s(folder: Path) -> float:
    source = folder / "source"
    source.write_bytes(os.urandom(LARGE))

    def copy() -> None:
        with source.open("rb") as reading, (folder / "copy").open("wb") as writing:
            shutil.copyfileobj(reading, writing, 1024 * 1024)
            writing.flush()
            os.fsync(writing.fileno())

    return _mb_s(copy)


def _files_a_second(folder: Path) -> float:
    body, count = os.urandom(SMALL), 300
    begin = time.perf_counter()
    for number in range(count):
        with (folder / f"file-{number}").open("wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
    return count / (time.perf_counter() - begin)


if __name__ == "__main__":
    for row in rows():
        print(f"{row.name:45}{row.value:>10} {row.unit:6} {row.peer} {row.peer_value or ''}")
