"""The runtime contract: what the agent asks of whatever runs containers.

Promises, held by tests/contract/runtimes for each runtime:
- A container belongs to a Pod's sandbox: `prepare` makes it (addresses, ids, network, and the limit
  of what all its containers have together: what the Pod requests), `release` removes it with
  everything in it. Both may be repeated.
- `start` returns when the process has been executed. `stop` asks (SIGTERM), then after the grace
  kills; both are fine where nothing runs.
- Workloads outlive the agent's process: a new runtime object over the same directory lists them,
  waits for them, and knows the exit code of those that ended meanwhile.
- `remove`, `release` and `sweep` leave nothing: no process, mount, cgroup, interface, address,
  directory.
- Logs are files in the CRI format that the agent names; they are the agent's to delete.

Next: `fake.py`, `runc/`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from busbar.model.objects import Object

IDS = 1 << 16
"""So many user and group ids are a Pod's own."""


class RuntimeFailed(Exception):
    """The runtime could not do it; one sentence. `not_executable`: the command is at fault."""

    def __init__(self, message: str, *, not_executable: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.not_executable = not_executable


@dataclass(frozen=True)
class PodSandbox:
    """What a Pod's containers share."""

    pod_uid: str
    address: str
    """IPv4 address, without prefix length."""
    netns: str
    """Path of the network namespace; empty where there is none."""
    uid_base: int
    """The machine's uid that is root inside; `IDS` ids from there belong to the Pod."""
    gid_base: int


@dataclass(frozen=True)
class Mount:
    """A folder or file of the machine, bound into a container."""

    source: Path
    target: str
    read_only: bool = False


@dataclass(frozen=True)
class ContainerSpec:
    """One container to run."""

    pod_uid: str
    name: str
    attempt: int
    """0 for the first run, then 1, 2, …: each run is a container of its own."""
    layers: tuple[Path, ...]
    """Unpacked image layers, lowest first."""
    arguments: tuple[str, ...]
    environment: dict[str, str]
    log_file: Path
    working_directory: str = "/"
    user: str = ""
    """As in an image's config: uid, uid:gid, or a name of the image's /etc/passwd; empty: root."""
    group: int | None = None
    """In place of the user's group."""
    groups: tuple[int, ...] = ()
    """Further groups."""
    only_these_groups: bool = False
    """The groups that the image's /etc/group gives the user do not count."""
    not_root: bool = False
    """Refuse to start where the user turns out to be root."""
    mounts: tuple[Mount, ...] = ()
    hostname: str = ""
    etc: dict[str, str] = field(default_factory=dict)
    """Files of /etc by name, with their text, unless a mount covers them."""
    cpu_milli: int = 0
    """Share of the cpu; 0: the least."""
    cpu_limit_milli: int = 0
    memory_limit_bytes: int = 0
    """Hard limit, swap included; 0: none."""
    pids_limit: int = 4096
    read_only_root: bool = False
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Give the container's id: unique on the machine, the same for the same run."""
        return f"{pod_part(self.pod_uid)}-{self.name}-{self.attempt}"


def pod_part(uid_or_container_id: str) -> str:
    """Give what the ids of a Pod's containers, and its own uid, begin with."""
    return uid_or_container_id[:13]


@dataclass(frozen=True)
class ContainerStatus:
    """A container as it is now. `state`: running or exited."""

    id: str
    pod_uid: str
    name: str
    state: str
    started_ms: int
    finished_ms: int | None = None
    """None of one that has exited: nobody saw its end, as when the machine lost power."""
    exit_code: int | None = None
    reason: str = ""
    """OOMKilled, or empty."""


@dataclass(frozen=True)
class Use:
    """What a container has used so far."""

    cpu_ms: int = 0
    memory_peak_bytes: int = 0
    memory_bytes: int = 0
    """What it has now and cannot give back at once: the working set, as kubelets count it."""


class Runtime(Protocol):
    """Runs containers."""

    async def prepare(self, pod: Object) -> PodSandbox:
        """Make a Pod's sandbox, or find the one made before."""
        ...

    async def release(self, pod_uid: str) -> None:
        """Remove a Pod's containers and its sandbox."""
        ...

    async def start(self, spec: ContainerSpec) -> ContainerStatus:
        """Run a container; fine if this very run was started before. Raises `RuntimeFailed`."""
        ...

    async def stop(self, container_id: str, grace_seconds: float) -> None:
        """End a container: politely, then surely."""
        ...

    async def status(self, container_id: str) -> ContainerStatus | None:
        """Give a container as it is now; None where it is unknown."""
        ...

    async def wait(self, container_id: str) -> ContainerStatus | None:
        """Wait for a container's end."""
        ...

    async def execute(
        self, container_id: str, command: tuple[str, ...], timeout_seconds: float
    ) -> int | None:
        """Run a command in a running container; gives its exit code, None where it took too long.

        Raises `RuntimeFailed` where the container does not run.
        """
        ...

    async def use(self, container_id: str) -> Use:
        """Give what a container has used."""
        ...

    async def written(self, container_id: str) -> int | None:
        """Give the bytes that a container has written to its own file system, on the disk now.

        Not to volumes, which are the agent's. 0 where it is unknown; None where there are more
        files than can be counted in `storage.COUNT_SECONDS`.
        """
        ...

    async def list(self) -> tuple[ContainerStatus, ...]:
        """Give every container this runtime knows, of earlier lives too."""
        ...

    async def remove(self, container_id: str) -> None:
        """Remove a container that has ended; its log stays."""
        ...

    async def sweep(self, pod_uids: set[str]) -> tuple[str, ...]:
        """Remove whatever belongs to none of these Pods; gives what was removed, in words."""
        ...

    async def close(self) -> None:
        """Let go of the machine; workloads go on."""
        ...


def image_environment(config: dict[str, Any]) -> dict[str, str]:
    """Give the variables of an image's config."""
    return dict(entry.partition("=")[::2] for entry in config.get("Env") or ())
