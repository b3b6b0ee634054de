"""runc and crun on the suite's stage: needs root, both of them, nft and a static busybox.

Everything happens in a network namespace of its own, below a data directory of its own; after
each test the machine is looked over, and whatever is left is a failure of that test.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.contract.runtimes.asynchronous import pytest_pyfunc_call, runner
from tests.contract.runtimes.promises import UID, Program, pod

from busbar.agent.mounts import mounts_below
from busbar.agent.network.network import PodNetwork
from busbar.agent.network.plan import Network, tag_of
from busbar.agent.runtimes.contract import ContainerSpec, ContainerStatus
from busbar.agent.runtimes.runc.cgroups import Cgroups
from busbar.agent.runtimes.runc.identities import Ranges
from busbar.agent.runtimes.runc.runtime import RUN, RuncRuntime

__all__ = ["pytest_pyfunc_call", "runner"]
T = TypeVar("T")
CONTROL_PLANE = "10.213.77.1"
NEWNET = 0x40000000
COMMANDS = {
    Program.FOREVER: 'trap "exit 143" TERM; sleep 1000 & wait',
    Program.STUBBORN: 'trap "" TERM; sleep 1000',
    Program.SUCCEEDS: "true",
    Program.FAILS: "exit 7",
    Program.SPEAKS: "echo hello; echo world",
    Program.ENDS_LATER: "sleep 0.3; exit 5",
    Program.WRITES: "mkdir -p /a/b; head -c 3145728 /dev/zero > /a/b/file; ln -s / /a/c",
}
PASSWD = "root:x:0:0::/root:/bin/sh\napp:x:1234:2345::/home/app:/bin/sh\n"
GROUP = "root:x:0:\napp:x:2345:\nextra:x:3456:app\n"


@pytest.fixture(scope="session", autouse=True)
def network_namespace() -> Iterator[None]:
    """Leave the machine's network alone: this process moves to one of its own, and back."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    assert libc.unshare(NEWNET) == 0, "these tests need root"
    try:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=10)
        command = ["ip", "address", "add", f"{CONTROL_PLANE}/32", "dev", "lo"]
        subprocess.run(command, check=True, timeout=10)
        yield
    finally:
        assert libc.setns(home, NEWNET) == 0
        os.close(home)


@pytest.fixture(scope="session")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unpacked image layer: busybox and two users."""
    root = tmp_path_factory.mktemp("layer")
    for folder in ("bin", "etc", "proc", "sys", "dev", "tmp", "root"):
        (root / folder).mkdir()
    (root / "tmp").chmod(0o1777)
    shutil.copy(shutil.which("busybox") or "/bin/busybox", root / "bin/busybox")
    applets = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True)
    for name in applets.stdout.split():
        if name != "busybox":
            (root / "bin" / name).symlink_to("busybox")
    (root / "etc/passwd").write_text(PASSWD)
    (root / "etc/group").write_text(GROUP)
    root.chmod(0o755)
    return root


class RuncStage:
    """Runs the suite on `RuncRuntime`."""

    def __init__(self, directory: Path, layer: Path, engine: str) -> None:
        self.engine = engine
        self.directory = directory / "runtime"
        self.logs = directory / "logs"
        self.layer = layer
        self.cidr = "10.88.0.0/24"
        self.tag = tag_of(str(self.directory))
        self.run = RUN / self.tag
        self.runtime: RuncRuntime
        self.pod_spec: dict[str, Any] = {}

    async def open(self) -> None:
        network = PodNetwork(Network(self.tag, self.cidr), (CONTROL_PLANE, self.cidr))
        self.runtime = await RuncRuntime.open(self.directory, network, None, self.engine)

    def spec(
        self, pod_uid: str, program: Program, name: str = "main", attempt: int = 0
    ) -> ContainerSpec:
        if program is Program.MISSING:
            return self.command(pod_uid, "nosuch", name=name, attempt=attempt)
        words = ("sh", "-c", COMMANDS[program])
        return self.command(pod_uid, *words, name=name, attempt=attempt)

    def command(
        self, pod_uid: str, *words: str, name: str = "main", attempt: int = 0, **more: Any
    ) -> ContainerSpec:
        log = self.logs / pod_uid / name / f"{attempt}.log"
        more = {"layers": (self.layer,), "environment": {}, "hostname": "p", **more}
        return ContainerSpec(pod_uid, name, attempt, arguments=words, log_file=log, **more)

    async def start(self, script: str, uid: str = UID, namespace: str = "xyz", **more: Any) -> str:
        """Run a shell script in a Pod; gives the container's id."""
        await self.runtime.prepare(pod(uid, namespace) | {"spec": self.pod_spec})
        spec = self.command(uid, "sh", "-c", script, **more)
        await self.runtime.start(spec)
        return spec.id

    async def ended(
        self, script: str, uid: str = UID, namespace: str = "xyz", **more: Any
    ) -> tuple[ContainerStatus, str]:
        """Run a shell script to its end; gives how it ended and what it said."""
        id_ = await self.start(script, uid, namespace, **more)
        status = await self.runtime.wait(id_)
        assert status is not None
        return status, self.said(uid, more.get("name", "main"), more.get("attempt", 0))

    def said(self, uid: str = UID, name: str = "main", attempt: int = 0) -> str:
        """Give what a container wrote to both streams."""
        text = ""
        for line in (self.logs / uid / name / f"{attempt}.log").read_text().splitlines():
            _, _, kind, words = line.split(" ", 3)
            text += words + ("\n" if kind == "F" else "")
        return text

    def started(self, container_id: str) -> dict[str, Any]:
        """Give what the shim wrote down: its own pid, and the container's."""
        path = next(self.directory.glob(f"*/containers/{container_id}/start.json"))
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for what another process does; the test's own limit ends this."""
        while not holds():
            await asyncio.sleep(0.01)

    async def ready(self, spec: ContainerSpec) -> None:
        if "trap" not in spec.arguments[-1]:
            return
        field = "SigIgn" if 'trap ""' in spec.arguments[-1] else "SigCgt"
        path = Path(f"/proc/{self.started(spec.id)['pid']}/status")

        def listens() -> bool:
            lines = dict(line.split(":", 1) for line in path.read_text().splitlines())
            return bool(int(lines[field], 16) & 1 << 14)

        await self.until(listens)

    async def restart(self) -> None:
        await self.runtime.close()
        await self.open()

    async def abandon(self) -> None:
        """End this life of the agent as a kill does: nothing is given back, nothing goes on.

        Its tasks are ours, so they would outlive it: one that still filled the pool would start
        the helper process anew and take places that the next life takes as well.
        """
        sandboxes = self.runtime._sandboxes
        if sandboxes._pause is not None:
            sandboxes._pause.cancel()
        if sandboxes._filling is not None:
            await sandboxes._filling
        await self.runtime._shim.close()
        await self.runtime._network.close()

    async def lasting(self, deed: Awaitable[T]) -> T:
        return await deed

    def leftovers(self) -> list[str]:
        places = [*self.directory.iterdir(), *(self.run / "c").iterdir()]
        places += mounts_below(self.run / "c") + mounts_below(self.directory)
        names = [str(place) for place in places]
        return sorted(names + list(Cgroups().groups(f"/busbar-{self.tag}")))

    def traces(self) -> list[str]:
        """Name everything on the machine that is this agent's, the pool of sandboxes included."""
        found = [str(path) for path in mounts_below(self.run)]
        found += [str(self.run)] if self.run.exists() else []
        found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/busbar-{self.tag}")]
        found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"busbar-{self.tag}")]
        found += [f"ids {number}" for number in Ranges(RUN / "ids", self.tag).mine()]
        links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True)
        found += [line for line in links.stdout.splitlines() if f"b{self.tag}-" in line]
        tables = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True)
        found += [line for line in tables.stdout.splitlines() if self.tag in line]
        return found


@pytest.fixture(params=["runc", "crun"])
def stage(
    request: pytest.FixtureRequest, tmp_path: Path, layer: Path, runner: asyncio.Runner
) -> Iterator[RuncStage]:
    stage = RuncStage(tmp_path, layer, request.param)
    runner.run(asyncio.wait_for(stage.open(), 20))
    try:
        yield stage
    finally:
        with contextlib.suppress(FileNotFoundError):
            runner.run(asyncio.wait_for(stage.runtime.take_down(), 30))
    assert stage.traces() == []
