"""A door in a process of its own, with real clients in front of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

KEYS = {
    "xyz": ("XYZKEY", "secret-of-xyz"),
    "abc": ("ABCKEY", "secret-of-abc"),
    "reader": ("READER", "secret-of-reader"),
}
SUFFIX = "s3.localhost"


class DoorProcess:
    """The standalone door; `kill` and `start` again as often as a test likes."""

    def __init__(self, data: Path, certificate: Path | None = None) -> None:
        self.data = data
        self.certificate = certificate
        self.port = 0
        self.url = ""
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "busbar.apis.s3.standalone", "--data", str(self.data)]
        command += ["--host-suffix", SUFFIX, "--port", str(self.port)]
        for namespace, (key, secret) in KEYS.items():
            flags = ":ro" if namespace == "reader" else ""
            owner = "xyz" if namespace == "reader" else namespace
            command += ["--key", f"{key}:{secret}:{owner}{flags}"]
        command += ["--bucket", "xyz/kept"]
        if self.certificate is not None:
            command += ["--certificate", str(self.certificate)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        assert self.url, "the door did not start"
        self.port = int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        self._process.wait(20)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def memory_kib(self) -> int:
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0])

    def client(self, namespace: str = "xyz", **options: Any) -> Any:
        key, secret = KEYS[namespace]
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            region_name="us-east-1",
            verify=str(self.certificate) if self.certificate else None,
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}, **options),
        )


@pytest.fixture(scope="session")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DoorProcess]:
    process = DoorProcess(tmp_path_factory.mktemp("door"))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def own_door(tmp_path: Path) -> Iterator[DoorProcess]:
    """A door that the test may kill."""
    process = DoorProcess(tmp_path / "door")
    process.start()
    yield process
    process.stop()


@pytest.fixture
def tls_door(tmp_path: Path) -> Iterator[DoorProcess]:
    """A door behind TLS: SDKs then send what they do not send in the clear."""
    certificate = tmp_path / "door.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=door", "-keyout", str(tmp_path / "key.pem")]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    with certificate.open("a") as pem:
        pem.write((tmp_path / "key.pem").read_text())
    process = DoorProcess(tmp_path / "door", certificate)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def own_door_on() -> Iterator[Callable[[Path], DoorProcess]]:
    """A door whose data lies where the test says."""
    started: list[DoorProcess] = []

    def start(folder: Path) -> DoorProcess:
        started.append(DoorProcess(folder / "door"))
        started[-1].start()
        return started[-1]

    yield start
    for process in started:
        process.stop()


@pytest.fixture
def s3(door: DoorProcess) -> Any:
    return door.client()


@pytest.fixture
def bucket(door: DoorProcess, request: pytest.FixtureRequest) -> str:
    """A bucket of the test's own, empty."""
    name = f"b{abs(hash(request.node.nodeid)):x}"[:20]
    door.client().create_bucket(Bucket=name)
    return name


@pytest.fixture
def aws(door: DoorProcess, tmp_path: Path) -> Callable[..., str]:
    """The aws CLI with the namespace's key."""
    key, secret = KEYS["xyz"]
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": door.url,
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_PAGER": "",
    }

    def run(*arguments: str, fails: bool = False) -> str:
        command = [str(Path(sys.executable).with_name("aws")), *arguments]
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert (done.returncode != 0) is fails, done.stderr
        return done.stderr if fails else done.stdout

    return run
