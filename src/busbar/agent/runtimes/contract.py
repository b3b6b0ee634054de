"""What the agent may ask of a runtime, and what every runtime promises in return.

The agent decides *what* should run (and whether to run it again); a runtime only makes it so and
reports what happened. Each promise below is a test in `tests/contract/runtimes/`, which every
runtime passes, the in-memory one included.

    prepare(pod) ──► PodSandbox: uid range, network namespace, address   (idempotent per pod uid)
    create(spec) ──► id          state created; nothing runs yet
    start(id)    ──► status      state running, or RuntimeFault and state exited
    wait(id)     ──► status      state exited: exit code, reason, times
    remove(id)                   idempotent, complete; a running container is killed first
    release(pod)                 idempotent; address, network namespace and uid range are given back

A workload outlives its agent. After `open()` on the same state directory a new agent sees every
container ever created and not yet removed, with its exit code even if it ended in between.

Next on the way: `fake.py` (the same in memory, faults as settings) and `runc/` (the real one).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

ID_COUNT = 65536
"""How many user and group ids a pod owns: container ids 0..65535 are host ids base..base+65535."""

DEFAULT_PIDS = 4096
DEFAULT_LOG_BYTES_MAX = 10 * 1024 * 1024
DEFAULT_LOG_FILES_MAX = 5


class ContainerState(StrEnum):
    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"


class ExitReason(StrEnum):
    """Why a container ended, in the words kubectl's users know from containerStatuses."""

    COMPLETED = "Completed"
    ERROR = "Error"
    OOM_KILLED = "OOMKilled"
    START_ERROR = "StartError"
    UNKNOWN = "ContainerStatusUnknown"


class FaultCode(StrEnum):
    """Every way in which a runtime says no."""

    ALREADY_EXISTS = "AlreadyExists"
    NOT_FOUND = "NotFound"
    WRONG_STATE = "WrongState"
    INVALID_SPEC = "InvalidSpec"
    NO_COMMAND = "NoCommand"
    COMMAND_NOT_FOUND = "CommandNotFound"
    COMMAND_NOT_EXECUTABLE = "CommandNotExecutable"
    USER_NOT_FOUND = "UserNotFound"
    LAYER_MISSING = "LayerMissing"
    MOUNT_FAILED = "MountFailed"
    NO_ID_RANGE = "NoIdRange"
    NO_ADDRESS = "NoAddress"
    NETWORK_FAILED = "NetworkFailed"
    DISK_FULL = "DiskFull"
    MACHINE_LACKS = "MachineLacks"
    RUNTIME_FAILED = "RuntimeFailed"


class RuntimeFault(Exception):
    """A refusal of the runtime: a closed code and one sentence that says what would be right."""

    def __init__(self, code: FaultCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class PodRef:
    uid: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class PodSandbox:
    """What all containers of a pod share, fixed before the first volume is mounted.

    Files that shall appear as root's inside the container belong to `uid_base`/`gid_base` on the
    host: a FUSE client is told so with `uid=,gid=`, other mounts say `Mount.mapped`.
    """

    pod: PodRef
    uid_base: int
    gid_base: int
    id_count: int
    hostname: str
    netns: str | None
    address: str | None
    dir: str
    """A directory of the pod's own on this host; gone after `release`."""


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """The part of an OCI image's config that decides how its process starts."""

    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    working_dir: str = ""
    user: str = ""

    @staticmethod
    def of(document: dict[str, Any]) -> ImageConfig:
        """From the image config JSON, or its `config` member; absent and null mean empty."""
        config = document.get("config", document) or {}
        return ImageConfig(
            env=tuple(config.get("Env") or ()),
            entrypoint=tuple(config.get("Entrypoint") or ()),
            cmd=tuple(config.get("Cmd") or ()),
            working_dir=config.get("WorkingDir") or "",
            user=config.get("User") or "",
        )


@dataclass(frozen=True, slots=True)
class Rootfs:
    """An unpacked image: directories as root unpacked them (ids 0..65535), the lowest first."""

    layers: tuple[str, ...]
    config: ImageConfig = ImageConfig()


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or directory of the host at a place in the container.

    `mapped`: owners are shifted, so that what root owns on the host is root's in the container.
    Without it the host's ids are kept (what `uid_base` owns is root's in the container); that is
    what FUSE mounts need, which cannot be shifted.
    `tmpfs_bytes`: no source; a memory-backed directory of at most so many bytes instead.
    """

    source: str
    target: str
    read_only: bool = False
    mapped: bool = False
    tmpfs_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Resources:
    """Shares follow the request, hard limits the limit; None is no limit of its own."""

    cpu_request_milli: int = 100
    cpu_limit_milli: int | None = None
    memory_bytes: int | None = None
    pids: int = DEFAULT_PIDS


@dataclass(frozen=True, slots=True)
class LogSettings:
    """CRI log lines (`<RFC3339Nano> stdout|stderr F|P <text>`), rotated: never more bytes than
    `bytes_max` × `files_max`. `path` is the newest file; older ones are `path.1`, `path.2`, …"""

    path: str = ""
    """Empty: the runtime chooses a place in the container's directory, removed with it."""
    bytes_max: int = DEFAULT_LOG_BYTES_MAX
    files_max: int = DEFAULT_LOG_FILES_MAX


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """One run of one container. A restart is a new spec with the next `attempt`."""

    pod: PodRef
    name: str
    rootfs: Rootfs
    attempt: int = 0
    epoch: int = 0
    command: tuple[str, ...] = ()
    """As in a Pod: replaces the image's entrypoint (and then its cmd is not used)."""
    args: tuple[str, ...] = ()
    """As in a Pod: replaces the image's cmd."""
    env: tuple[tuple[str, str], ...] = ()
    working_dir: str = ""
    mounts: tuple[Mount, ...] = ()
    resources: Resources = Resources()
    run_as_user: str = ""
    """`uid`, `uid:gid`, `name` or `name:group`; empty: the image's user, else root."""
    supplementary_gids: tuple[int, ...] = ()
    read_only_root: bool = False
    log: LogSettings = LogSettings()

    @property
    def id(self) -> str:
        """The same spec always has the same id, so that nothing is ever started twice."""
        return f"{self.pod.uid}.{self.name}.{self.attempt}"


@dataclass(frozen=True, slots=True)
class ContainerStatus:
    id: str
    pod: PodRef
    name: str
    attempt: int
    epoch: int
    state: ContainerState
    log_path: str
    created_ms: int
    pid: int | None = None
    started_ms: int | None = None
    finished_ms: int | None = None
    exit_code: int | None = None
    """128 + signal number when a signal ended it."""
    reason: ExitReason | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class ContainerStats:
    cpu_ns: int
    memory_bytes: int
    pids: int


@dataclass(frozen=True, slots=True)
class Swept:
    """What `sweep` found without an owner and took away, as names for the log."""

    pods: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = field(default=())


class Runtime(Protocol):
    """All methods raise RuntimeFault and nothing else. Calls for different ids may overlap."""

    async def open(self) -> None:
        """Take over the state directory, re-adopting what an earlier agent left running."""

    async def close(self) -> None:
        """Let go without touching any workload."""

    async def prepare(self, pod: PodRef) -> PodSandbox:
        """The pod's sandbox, made if there is none. Idempotent, also across agents' lives."""

    async def release(self, pod_uid: str) -> None:
        """Remove the pod's containers and give back all that `prepare` took."""

    async def create(self, spec: ContainerSpec) -> str:
        """Lay everything ready. ALREADY_EXISTS for an id in use, NOT_FOUND without sandbox."""

    async def start(self, container_id: str) -> ContainerStatus:
        """Run it. When it cannot start: RuntimeFault, and the state is exited, START_ERROR."""

    async def stop(self, container_id: str, grace_ms: int) -> ContainerStatus:
        """SIGTERM, after the grace SIGKILL; returns when exited. Exited already: as it is."""

    async def kill(self, container_id: str) -> ContainerStatus:
        """SIGKILL; returns when exited."""

    async def status(self, container_id: str) -> ContainerStatus: ...

    async def list(self) -> tuple[ContainerStatus, ...]:
        """Every container not removed, oldest first."""

    async def sandboxes(self) -> tuple[PodSandbox, ...]:
        """Every pod prepared and not released."""

    async def wait(self, container_id: str) -> ContainerStatus:
        """Returns when exited. A container only created is waited for as well."""

    async def stats(self, container_id: str) -> ContainerStats:
        """Use so far; zeros when it is not running."""

    async def remove(self, container_id: str) -> None:
        """Kill if it runs, then leave nothing: no process, mount, cgroup, file. Idempotent."""

    async def sweep(self, known_pod_uids: Collection[str]) -> Swept:
        """Release every pod not named, and remove traces that have no record at all."""
