"""The Kubernetes door alone, over TLS on loopback, and the real clients that call it.

The door runs in a thread over the SQLite store; nothing but the door answers, so what a
controller or an agent would do, a test does itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import ssl
import subprocess
import threading
import time
import uuid
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.request import Request, urlopen

import pytest

from busbar.advice.board import Board
from busbar.apis.kubernetes.app import KubernetesApp, create_app
from busbar.apis.kubernetes.bootstrap import ensure_namespaces
from busbar.model.objects import Key, Object
from busbar.server import pki
from busbar.server.http import HttpServer, listen, server_context
from busbar.server.kubeconfig import write_kubeconfig
from busbar.server.market.questions import MarketQuestions
from busbar.server.workers.pool import TlsFiles, WorkerPool
from busbar.store.contract import Committed, Put, Transaction
from busbar.store.sqlite.engine import SqliteStore

T = TypeVar("T")
OLD_PACKAGE = "kubernetes-client"
"""Debian's kubectl 1.20: older than aggregated discovery and server-side validation."""
CACHE = Path(__file__).resolve().parents[3] / ".cache"
LIMIT_SECONDS = 60

WHO = {
    "operator": ("admin", ("system:masters",)),
    "alice": ("alice", ("busbar:namespace:alpha",)),
    "elastx": ("vendor:elastx", ("busbar:vendors",)),
    "n1": ("system:node:n1", ("system:nodes",)),
}


def now() -> int:
    return time.time_ns() // 1_000_000


def new_uid() -> str:
    return str(uuid.uuid4())


class Result(NamedTuple):
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


class Served:
    """A running door, itself before its clients or behind HTTP workers."""

    def __init__(self, directory: Path, workers: int = 0) -> None:
        self.directory = directory
        self._workers = workers
        self.authority = pki.open_authority(directory / "pki", now())
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.app: KubernetesApp
        self.port = 0
        self.run(self._start())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something in the door's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(LIMIT_SECONDS)

    async def _start(self) -> None:
        self.store = SqliteStore.open(self.directory / "store")
        self.app = create_app(
            self.store,
            clock=now,
            new_uid=new_uid,
            service_account_key=os.urandom(32),
            use=Board(),
            questions=MarketQuestions(self.store, now, new_uid),
        )
        await ensure_namespaces(self.store, now, new_uid)
        names = ["127.0.0.1", "localhost"]
        certificate, key = pki.server_certificate(
            self.directory / "pki", self.authority, names, now()
        )
        authority = self.directory / "pki" / "ca.pem"
        self._server: HttpServer | WorkerPool
        if self._workers:
            files = TlsFiles(certificate, key, authority)
            self._server = WorkerPool(self.app, self._workers, files)
        else:
            tls = server_context(str(certificate), str(key), str(authority))
            self._server = HttpServer(self.app, tls)
        self._listener = listen("127.0.0.1", 0)
        self.port = await self._server.start(self._listener)

    def stop(self) -> None:
        async def end() -> None:
            self.app.close()
            await self._server.stop()
            self._listener.close()
            await self.store.close()

        self.run(end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(LIMIT_SECONDS)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def kubeconfig(self, who: str) -> Path:
        """Give a kubeconfig with a client certificate of somebody's."""
        path = self.directory / f"{who}.kubeconfig"
        if not path.exists():
            user, groups = WHO[who]
            issued = self.authority.issue_client(user, groups, now())
            write_kubeconfig(
                path,
                self.url,
                self.authority.pem,
                user,
                certificate=issued.certificate,
                key=issued.key,
                namespace="alpha",
            )
        return path

    def post_as(self, who: str, path: str, body: Object) -> None:
        """POST with somebody's client certificate, as an agent does."""
        user, groups = WHO[who]
        issued = self.authority.issue_client(user, groups, now())
        for name, pem in (("crt", issued.certificate), ("key", issued.key)):
            (self.directory / f"{who}.{name}").write_bytes(pem)
        tls = ssl.create_default_context(cafile=str(self.directory / "pki" / "ca.pem"))
        tls.load_cert_chain(self.directory / f"{who}.crt", self.directory / f"{who}.key")
        headers = {"Content-Type": "application/json"}
        request = Request(self.url + path, json.dumps(body).encode(), headers)
        with urlopen(request, context=tls, timeout=LIMIT_SECONDS) as reply:
            assert reply.status == 200, reply.status

    def put(self, obj: Object, key: Key) -> Object:
        """Store an object as a controller would."""
        result = self.run(self.store.commit(Transaction((Put(key, obj),))))
        assert isinstance(result, Committed), result
        return result.objects[0]

    def get(self, key: Key) -> Object | None:
        return self.run(self.store.get(key))


class Kubectl:
    """A kubectl binary with somebody's kubeconfig."""

    def __init__(self, binary: str, served: Served, who: str = "operator") -> None:
        self.binary = binary
        self.served = served
        self.who = who

    def as_(self, who: str) -> Kubectl:
        return Kubectl(self.binary, self.served, who)

    def command(self, *args: str) -> list[str]:
        return [self.binary, f"--kubeconfig={self.served.kubeconfig(self.who)}", *args]

    def environment(self) -> dict[str, str]:
        # Each door has its own discovery cache: ports are used again.
        return {**os.environ, "HOME": str(self.served.directory), "KUBECONFIG": ""}

    def __call__(self, *args: str, stdin: str = "") -> Result:
        done = subprocess.run(
            self.command(*args),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            env=self.environment(),
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def ok(self, *args: str, stdin: str = "") -> str:
        """Run a command that must succeed; gives what it printed."""
        result = self(*args, stdin=stdin)
        assert result.code == 0, f"kubectl {' '.join(args)}: {result.text}"
        return result.out

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start a command that goes on."""
        return subprocess.Popen(
            self.command(*args),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment(),
        )


@pytest.fixture(scope="module")
def workers() -> int:
    """Give how many HTTP workers stand before the door; a module may have it with and without."""
    return 0


@pytest.fixture(scope="module")
def served(workers: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    door = Served(tmp_path_factory.mktemp("door"), workers)
    yield door
    door.stop()


@pytest.fixture(scope="session")
def new_kubectl() -> str:
    found = shutil.which("kubectl")
    assert found, "kubectl is missing; install it"
    return found


@pytest.fixture(scope="session")
def old_kubectl() -> str:
    binary = CACHE / "kubectl-1.20" / "usr" / "bin" / "kubectl"
    if not binary.exists():
        CACHE.mkdir(exist_ok=True)
        _must("apt-get", "-q", "download", OLD_PACKAGE)
        package = max(CACHE.glob(f"{OLD_PACKAGE}_*.deb"))
        _must("dpkg", "-x", str(package), str(CACHE / "kubectl-1.20"))
    return str(binary)


def _must(*command: str) -> None:
    done = subprocess.run(command, cwd=CACHE, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"kubectl 1.20 (Debian's {OLD_PACKAGE}) is needed: {done.stderr.strip()}")


@pytest.fixture
def kubectl(served: Served, new_kubectl: str) -> Kubectl:
    return Kubectl(new_kubectl, served)


@pytest.fixture
def kubectl_1_20(served: Served, old_kubectl: str) -> Kubectl:
    return Kubectl(old_kubectl, served)
