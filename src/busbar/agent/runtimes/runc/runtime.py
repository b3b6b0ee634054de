"""The runtime contract over runc, or crun. Next: `folder.py`, `engines.py`,
`sandboxes.py`, `config.py`.

What a container is lies in its folder, written in this order: `shim.json` and `config.json` (what
to do), `start.json` (it runs), `exit.json` (it has ended). Every question is answered from there,
so another life of the agent knows as much as this one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import time
from pathlib import Path

import msgspec

from busbar.agent.clock import boot_id
from busbar.agent.files import remove_tree
from busbar.agent.mounts import unmount_below
from busbar.agent.network.network import PodNetwork
from busbar.agent.network.plan import tag_of
from busbar.agent.runtimes.contract import (
    ContainerSpec,
    ContainerStatus,
    PodSandbox,
    RuntimeFailed,
    Use,
    pod_part,
)
from busbar.agent.runtimes.runc import engines, selfcheck
from busbar.agent.runtimes.runc.cgroups import MEMORY_LEAST, Cgroups
from busbar.agent.runtimes.runc.config import oci_config
from busbar.agent.runtimes.runc.engines import Engine
from busbar.agent.runtimes.runc.execute import execute
from busbar.agent.runtimes.runc.folder import (
    etc_mounts,
    is_alive,
    process_end,
    read_json,
    status_in,
)
from busbar.agent.runtimes.runc.identities import Ranges
from busbar.agent.runtimes.runc.sandboxes import Sandboxes
from busbar.agent.runtimes.runc.shimclient import ShimClient
from busbar.agent.runtimes.runc.users import UnknownUser
from busbar.agent.storage import usage
from busbar.model.objects import Object, namespace_of, spec_of, uid_of
from busbar.model.requests import requests_of

log = logging.getLogger("busbar.agent.runtime")
RUN = Path("/run/busbar")
_NOT_EXECUTABLE = (
    "executable file not found",
    "no such file or directory",
    "permission denied",
    "exec format error",
    "open executable: ",
)
EXECUTIONS_MAX = 4
"""So many commands are run in containers side by side."""


class RuncRuntime:
    """Runs containers with an OCI runtime. Make one with `open`."""

    _engine: Engine

    def __init__(
        self,
        directory: Path,
        network: PodNetwork,
        cgroups: Cgroups,
        lease_file: Path | None = None,
    ) -> None:
        self._directory = directory
        self._tag = tag_of(str(directory))
        self._run = RUN / self._tag
        self._cgroups = cgroups
        self._network = network
        self._boot = boot_id()
        self._lease_file = lease_file
        self._places: dict[str, Path] = {}
        self._executing = asyncio.Semaphore(EXECUTIONS_MAX)
        self._executions = 0
        self._shim = ShimClient(self._run / "shim.sock")
        self._sandboxes = Sandboxes(
            directory, self._run, Ranges(RUN / "ids", self._tag), network, self._shim
        )

    @classmethod
    async def open(
        cls,
        directory: Path,
        network: PodNetwork,
        lease_file: Path | None = None,
        engine: str = engines.AUTO,
    ) -> RuncRuntime:
        """Take up what is in a directory, or begin there.

        Containers are killed by the process beside them when the lease in that file has run out,
        agent or no agent. `engine`: the OCI runtime to start them with.
        """
        runtime = cls(directory, network, Cgroups(), lease_file)
        directory.mkdir(parents=True, exist_ok=True)
        for path in (RUN, runtime._run, runtime._run / "c", runtime._run / "ns"):
            path.mkdir(exist_ok=True)
            path.chmod(0o711)  # The ids of containers must be able to pass through.
        await network.open()
        await runtime._sandboxes.open()
        try:
            await runtime._choose(engine)
        except RuntimeFailed:
            await runtime.close()
            raise
        return runtime

    async def _choose(self, wanted: str) -> None:
        """Take the OCI runtime that is wanted; where that is left open, crun if it can be trusted.

        Raises `RuntimeFailed` where the one that is wanted cannot be had.
        """
        crun = engines.installed(engines.CRUN) if wanted != engines.RUNC else None
        if crun is not None:
            complaint = await self._check(crun)
            if not complaint:
                return
            if wanted == engines.CRUN:
                raise RuntimeFailed(f"crun does not do here what it is told: {complaint}")
            log.warning("runc is used, since crun does not do what it is told: %s", complaint)
        runc = engines.installed(engines.RUNC) if wanted != engines.CRUN else None
        if runc is None:
            wants = wanted if wanted != engines.AUTO else engines.RUNC
            raise RuntimeFailed(f"this machine lacks {wants}; apt-get install it")
        self._engine = runc

    async def _check(self, engine: Engine) -> str:
        """Give what is wrong with an OCI runtime; asked once for each program and boot."""
        self._engine = engine
        passed = self._run / f"{engine.name}.passed"
        with contextlib.suppress(OSError):
            if passed.read_text() == engine.version:
                return ""
        complaint = await selfcheck.complaint(self, self._directory)
        if not complaint:
            passed.write_text(engine.version)
        return complaint

    async def prepare(self, pod: Object) -> PodSandbox:
        """Make a Pod's sandbox, or find the one made before."""
        bought = requests_of(spec_of(pod))
        memory = max(bought.memory_bytes, 2 * MEMORY_LEAST)
        try:
            self._cgroups.limit(self._pod_cgroup(uid_of(pod)), bought.cpu_milli, memory)
        except OSError as error:
            raise RuntimeFailed(f"the Pod's control group cannot be made: {error}") from None
        return await self._sandboxes.prepare(uid_of(pod), namespace_of(pod))

    async def release(self, pod_uid: str) -> None:
        """Remove a Pod's containers and its sandbox."""
        for folder in self._folders(pod_uid):
            await self.stop(folder.name, 0)
            await self.remove(folder.name)
        await self._sandboxes.release(pod_uid)
        self._cgroups.remove(self._pod_cgroup(pod_uid))
        await asyncio.to_thread(remove_tree, self._directory / pod_uid)

    async def start(self, spec: ContainerSpec) -> ContainerStatus:
        """Run a container; fine if this very run was started before."""
        known = await self.status(spec.id)
        if known is not None:
            return known
        sandbox = self._sandboxes.find(spec.pod_uid)
        if sandbox is None:
            raise RuntimeFailed(f"Pod {spec.pod_uid} has no sandbox")
        folder = self._directory / spec.pod_uid / "containers" / spec.id
        if folder.exists() or (self._run / "c" / spec.id).exists():
            # An earlier life died in the middle of this very start.
            await asyncio.to_thread(self._forget, spec.id, folder)
        try:
            self._write(spec, sandbox, folder)
        except UnknownUser as error:
            raise RuntimeFailed(str(error), not_executable=True) from None
        except OSError as error:
            raise RuntimeFailed(f"the container's folder cannot be written: {error}") from None
        try:
            await self._shim.ask({"do": "run", "directory": str(folder)})
        except RuntimeFailed as failed:
            await asyncio.to_thread(self._forget, spec.id, folder)
            said, program = failed.message, spec.arguments[0]
            wrong = any(words in said.lower() for words in _NOT_EXECUTABLE)
            if wrong and program not in said:
                said = f"{program}: {said}"
            raise RuntimeFailed(said, not_executable=wrong) from None
        status = await self.status(spec.id)
        assert status is not None, "a started container has a status"
        return status

    def _write(self, spec: ContainerSpec, sandbox: PodSandbox, folder: Path) -> None:
        folder.mkdir(parents=True)
        place = self._run / "c" / spec.id
        place.mkdir(exist_ok=True)
        place.chmod(0o711)
        rootfs = str(place / "rootfs")
        userns = self._sandboxes.userns(spec.pod_uid)
        config = oci_config(spec, sandbox, rootfs, userns, self._cgroup(spec.id))
        config["mounts"] += etc_mounts(spec, folder)
        order = {
            "boot": self._boot,
            "base": sandbox.uid_base,
            "userns": userns,
            "layers": [str(layer) for layer in spec.layers],
            "lower": str(place / "lower"),
            "rootfs": rootfs,
            "upper": str(folder / "upper"),
            "work": str(folder / "work"),
            "log": str(spec.log_file),
            "oom": self._cgroups.oom_files(self._cgroup(spec.id)),
            "name": spec.name,
            "lease": str(self._lease_file) if self._lease_file else "",
            "command": self._engine.command(self._run / self._engine.name, folder, spec.id),
            "hides": self._engine.hides,
        }
        (folder / "config.json").write_bytes(msgspec.json.encode(config))
        self._places[spec.id] = folder
        (folder / "shim.json").write_text(json.dumps(order))

    async def stop(self, container_id: str, grace_seconds: float) -> None:
        """End a container: politely, then surely."""
        if not self._is_running(container_id):
            self._kill_all(container_id)
            return
        if grace_seconds > 0:
            self._signal(container_id, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace_seconds):
                    await self.wait(container_id)
                return
        self._kill_all(container_id)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10):
                await self.wait(container_id)

    async def status(self, container_id: str) -> ContainerStatus | None:
        """Give a container as it is now; None where it is unknown."""
        folder = self._folder(container_id)
        return status_in(folder, self._boot) if folder else None

    async def wait(self, container_id: str) -> ContainerStatus | None:
        """Wait for a container's end: for its shim's, which writes the exit code last."""
        folder = self._folder(container_id)
        start = read_json(folder / "start.json") if folder else None
        if folder is None or start is None:
            return None
        if not (folder / "exit.json").exists() and start["boot"] == self._boot:
            if is_alive(start, self._boot):
                await process_end(start["shim"])
            if not (folder / "exit.json").exists():
                # Its shim was killed: nobody reads its pipes, nobody will know its exit code.
                self._kill_all(container_id)
        return status_in(folder, self._boot)

    async def execute(
        self, container_id: str, command: tuple[str, ...], timeout_seconds: float
    ) -> int | None:
        """Run a command in a running container; gives its exit code, None where it took too long.

        A few at a time: each costs the machine more than it costs the Pod.
        """
        async with self._executing:
            folder = self._folder(container_id)
            order = read_json(folder / "shim.json") if folder else None
            if folder is None or order is None or not self._is_running(container_id):
                raise RuntimeFailed("the container does not run")
            self._executions += 1
            config = read_json(folder / "config.json") or {}
            process = {**config.get("process", {}), "args": list(command)}
            engine = order["command"][:3]  # The one that started it, and where that keeps it.
            place = folder / f"exec-{self._executions}"
            return await execute(engine, container_id, process, timeout_seconds, place)

    async def use(self, container_id: str) -> Use:
        """Give what a container has used."""
        return self._cgroups.use(self._cgroup(container_id))

    async def written(self, container_id: str) -> int | None:
        """Give the bytes that a container has written to its own file system."""
        folder = self._folder(container_id)
        if folder is None:
            return 0
        counted = await usage([folder / "upper"])
        return None if counted is None else counted[0]

    async def list(self) -> tuple[ContainerStatus, ...]:
        """Give every container this runtime knows, of earlier lives too."""
        found = []
        for folder in self._directory.glob("*/containers/*"):
            status = status_in(folder, self._boot)
            if status is not None:
                found.append(status)
        return tuple(found)

    async def remove(self, container_id: str) -> None:
        """Remove a container that has ended; its log stays."""
        folder = self._folder(container_id)
        await asyncio.to_thread(self._forget, container_id, folder)

    async def sweep(self, pod_uids: set[str]) -> tuple[str, ...]:
        """Remove whatever belongs to none of these Pods; gives what was removed, in words."""
        removed = []
        # Listed before anything is awaited: a Pod that comes meanwhile is none of these.
        for folder in list(self._directory.iterdir()):
            if folder.name not in pod_uids and folder.is_dir():
                await self.release(folder.name)
                removed.append(f"Pod {folder.name}")
        for place in (self._run / "c").glob("*"):
            if self._folder(place.name) is None:
                await asyncio.to_thread(self._forget, place.name, None)
                removed.append(f"container {place.name}")
        root = f"/busbar-{self._tag}"
        for pod in self._cgroups.groups(root):
            for group in self._cgroups.groups(f"{root}/{pod}"):
                if self._folder(group) is None:
                    await asyncio.to_thread(self._forget, group, None)
                    removed.append(f"control group {group}")
            if next(self._directory.glob(f"{pod}*"), None) is None:
                self._cgroups.remove(f"{root}/{pod}")
        return (*removed, *await self._sandboxes.sweep())

    async def close(self) -> None:
        """Let go of the machine; workloads go on."""
        await self._sandboxes.close()
        await self._network.close()
        await self._shim.close()

    async def take_down(self) -> None:
        """Remove everything: this node is being taken down for good."""
        await self.sweep(set())
        await self._sandboxes.close(remove_all=True)
        await self._network.remove()
        await self._network.close()
        await self._shim.close()
        self._cgroups.remove(f"/busbar-{self._tag}")
        if unmount_below(self._run):
            shutil.rmtree(self._run, ignore_errors=True)

    def _is_running(self, container_id: str) -> bool:
        folder = self._folder(container_id)
        status = status_in(folder, self._boot) if folder else None
        return status is not None and status.state == "running"

    def _signal(self, container_id: str, number: signal.Signals) -> None:
        folder = self._folder(container_id)
        start = read_json(folder / "start.json") if folder else None
        if start is not None and is_alive(start, self._boot):
            with contextlib.suppress(ProcessLookupError):
                os.kill(start["pid"], number)

    def _kill_all(self, container_id: str) -> None:
        """Kill a container: its first process takes the whole pid namespace along."""
        self._signal(container_id, signal.SIGKILL)
        for pid in self._cgroups.processes(self._cgroup(container_id)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _forget(self, container_id: str, folder: Path | None) -> None:
        """Remove every trace of a container, however far it got."""
        self._kill_all(container_id)
        self._wait_empty(container_id)
        # What `runc delete` would do, whoever made it, without starting it: there are no hooks.
        for engine in (engines.RUNC, engines.CRUN):
            remove_tree(self._run / engine / container_id)
        place = self._run / "c" / container_id
        if unmount_below(place):
            remove_tree(place)
        self._cgroups.remove(self._cgroup(container_id))
        if folder is not None:
            remove_tree(folder)
        self._places.pop(container_id, None)

    def _wait_empty(self, container_id: str) -> None:
        """Wait until what was killed is gone: only an empty group can be removed. In a thread."""
        for _ in range(200):
            if not self._cgroups.processes(self._cgroup(container_id)):
                return
            time.sleep(0.01)

    def _cgroup(self, container_id: str) -> str:
        return f"{self._pod_cgroup(container_id)}/{container_id}"

    def _pod_cgroup(self, uid_or_container_id: str) -> str:
        return f"/busbar-{self._tag}/{pod_part(uid_or_container_id)}"

    def _folder(self, container_id: str) -> Path | None:
        place = self._places.get(container_id)
        if place is None:
            place = next(iter(self._directory.glob(f"*/containers/{container_id}")), None)
            if place is not None:
                self._places[container_id] = place
        return place

    def _folders(self, pod_uid: str) -> tuple[Path, ...]:
        return tuple((self._directory / pod_uid / "containers").glob("*"))
