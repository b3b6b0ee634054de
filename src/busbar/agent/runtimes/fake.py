"""The runtime contract in memory: containers that only the clock moves, with faults as settings.

`FakeMachine` is what outlives an agent: hand the same one to a new `FakeRuntime`, and the new life
finds what the old one left. What a container does is a `Behaviour`, chosen by its name. Time
passes only when the clock given here does and `settle` is called. Next: `contract.py`, whose
promises this keeps.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field, replace

from busbar.agent.clock import Clock
from busbar.agent.runtimes.contract import (
    ContainerSpec,
    ContainerStatus,
    PodSandbox,
    RuntimeFailed,
    Use,
)
from busbar.model.objects import Object, uid_of
from busbar.model.time import format_instant

_KILLED, _TERMINATED, _UNKNOWN_EXIT = 137, 143, 255
_FIRST_ID, _IDS = 1 << 20, 1 << 16


@dataclass(frozen=True)
class Behaviour:
    """What a container does, and what goes wrong with it."""

    exits_after_ms: int | None = None
    """None: it runs until it is stopped."""
    exit_code: int = 0
    out_of_memory: bool = False
    """It ends by the memory limit, at `exits_after_ms`."""
    ignores_term: bool = False
    """Asked politely, it goes on: only the end of the grace ends it."""
    start_fails: str = ""
    """A sentence; the start is refused with it."""
    not_executable: bool = False
    """The refused start is the command's fault."""
    start_takes_ms: int = 0
    output: tuple[str, ...] = ()
    use: Use = field(default_factory=Use)
    cpu_milli: int = 0
    """So much cpu it uses all the while, on top of `use`."""
    writes_bytes: int = 0
    """So much it writes to its own file system, each second."""
    writes_too_many_files: bool = False
    """What it writes cannot be counted."""


@dataclass
class _Container:
    spec: ContainerSpec
    behaviour: Behaviour
    status: ContainerStatus
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class FakeMachine:
    """What is on the machine, whether an agent runs or not."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.default = Behaviour()
        self.behaviours: dict[str, Behaviour] = {}
        self.prepare_fails = ""
        self.sandboxes: dict[str, PodSandbox] = {}
        self.containers: dict[str, _Container] = {}
        self.started: list[ContainerSpec] = []
        """Every start that succeeded, in order: what tests count."""
        self.executed: list[tuple[str, tuple[str, ...]]] = []
        """Every command that was run in a container, in order."""
        self.answers: dict[str, int | None] = {}
        """What such a command gives, by the container's name; None: no end in time."""
        self._timers: list[tuple[int, asyncio.Event]] = []

    def settle(self) -> None:
        """Let everything happen that is due by now."""
        now = self.clock.now()
        for container in list(self.containers.values()):
            after = container.behaviour.exits_after_ms
            if after is not None and container.status.started_ms + after <= now:
                oom = container.behaviour.out_of_memory
                code = _KILLED if oom else container.behaviour.exit_code
                self.end(container.spec.id, code, container.status.started_ms + after, oom=oom)
        for due, event in self._timers:
            if due <= now:
                event.set()
        self._timers = [(due, event) for due, event in self._timers if not event.is_set()]

    async def passed(self, milliseconds: int) -> None:
        """Wait until the clock has passed this much."""
        if milliseconds > 0:
            event = asyncio.Event()
            self._timers.append((self.clock.now() + milliseconds, event))
            await event.wait()

    def end(
        self, container_id: str, code: int, at: int | None = None, *, oom: bool = False
    ) -> None:
        """End a container; fine if it has ended."""
        container = self.containers.get(container_id)
        if container is None or container.status.state == "exited":
            return
        container.status = replace(
            container.status,
            state="exited",
            finished_ms=self.clock.now() if at is None else at,
            exit_code=code,
            reason="OOMKilled" if oom else "",
        )
        container.ended.set()

    def reboot(self) -> None:
        """Restart the machine: sandboxes are gone, and nobody saw how what ran has ended."""
        self.sandboxes.clear()
        for container in self.containers.values():
            if container.status.state == "running":
                self.end(container.spec.id, _UNKNOWN_EXIT)
                container.status = replace(container.status, finished_ms=None)

    def lose(self, container_id: str) -> None:
        """Forget a container, as a runtime whose disk was wiped does."""
        container = self.containers.pop(container_id, None)
        if container is not None:
            container.ended.set()

    def behaviour_of(self, name: str) -> Behaviour:
        """Give what a container of this name does."""
        return self.behaviours.get(name, self.default)


class FakeRuntime:
    """One agent's view of a `FakeMachine`."""

    def __init__(self, machine: FakeMachine) -> None:
        self.machine = machine

    async def prepare(self, pod: Object) -> PodSandbox:
        """Make a Pod's sandbox, or find the one made before."""
        if self.machine.prepare_fails:
            raise RuntimeFailed(self.machine.prepare_fails)
        uid, sandboxes = uid_of(pod), self.machine.sandboxes
        if uid not in sandboxes:
            taken = {sandbox.uid_base for sandbox in sandboxes.values()}
            number = next(n for n in range(1 << 14) if _FIRST_ID + n * _IDS not in taken)
            base = _FIRST_ID + number * _IDS
            address = f"10.99.{number // 250}.{number % 250 + 1}"
            sandboxes[uid] = PodSandbox(uid, address, "", base, base)
        return sandboxes[uid]

    async def release(self, pod_uid: str) -> None:
        """Remove a Pod's containers and its sandbox."""
        for container in list(self.machine.containers.values()):
            if container.spec.pod_uid == pod_uid:
                await self.remove(container.spec.id)
        self.machine.sandboxes.pop(pod_uid, None)

    async def start(self, spec: ContainerSpec) -> ContainerStatus:
        """Run a container; fine if this very run was started before."""
        known = await self.status(spec.id)
        if known is not None:
            return known
        if spec.pod_uid not in self.machine.sandboxes:
            raise RuntimeFailed(f"Pod {spec.pod_uid} has no sandbox")
        behaviour = self.machine.behaviour_of(spec.name)
        await self.machine.passed(behaviour.start_takes_ms)
        if behaviour.start_fails:
            raise RuntimeFailed(behaviour.start_fails, not_executable=behaviour.not_executable)
        now = self.machine.clock.now()
        status = ContainerStatus(spec.id, spec.pod_uid, spec.name, "running", now)
        self.machine.containers[spec.id] = _Container(spec, behaviour, status)
        self.machine.started.append(spec)
        _write_log(spec, behaviour, now)
        return status

    async def stop(self, container_id: str, grace_seconds: float) -> None:
        """End a container: politely, then surely."""
        container = self.machine.containers.get(container_id)
        if container is None or container.status.state == "exited":
            return
        if grace_seconds > 0 and not container.behaviour.ignores_term:
            self.machine.end(container_id, _TERMINATED)
            return
        patience = asyncio.ensure_future(self.machine.passed(int(grace_seconds * 1000)))
        ended = asyncio.ensure_future(container.ended.wait())
        try:
            await asyncio.wait({patience, ended}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in (patience, ended):
                waiting.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await waiting
        self.machine.end(container_id, _KILLED)

    async def status(self, container_id: str) -> ContainerStatus | None:
        """Give a container as it is now; None where it is unknown."""
        self.machine.settle()
        container = self.machine.containers.get(container_id)
        return container.status if container else None

    async def wait(self, container_id: str) -> ContainerStatus | None:
        """Wait for a container's end."""
        self.machine.settle()
        container = self.machine.containers.get(container_id)
        if container is None:
            return None
        await container.ended.wait()
        return container.status

    async def execute(
        self, container_id: str, command: tuple[str, ...], timeout_seconds: float
    ) -> int | None:
        """Run a command in a running container; gives its exit code, or None."""
        container = self.machine.containers.get(container_id)
        if container is None or container.status.state != "running":
            raise RuntimeFailed("the container does not run")
        del timeout_seconds
        self.machine.executed.append((container.spec.name, command))
        return self.machine.answers.get(container.spec.name, 0)

    async def use(self, container_id: str) -> Use:
        """Give what a container has used."""
        container = self.machine.containers.get(container_id)
        if container is None:
            return Use()
        status, does = container.status, container.behaviour
        until = self.machine.clock.now() if status.finished_ms is None else status.finished_ms
        worked = does.cpu_milli * (until - status.started_ms) // 1000
        return replace(does.use, cpu_ms=does.use.cpu_ms + worked)

    async def written(self, container_id: str) -> int | None:
        """Give the bytes that a container has written to its own file system."""
        container = self.machine.containers.get(container_id)
        if container is None:
            return 0
        status, does = container.status, container.behaviour
        if does.writes_too_many_files:
            return None
        until = self.machine.clock.now() if status.finished_ms is None else status.finished_ms
        return does.writes_bytes * (until - status.started_ms) // 1000

    async def list(self) -> tuple[ContainerStatus, ...]:
        """Give every container this runtime knows, of earlier lives too."""
        self.machine.settle()
        return tuple(container.status for container in self.machine.containers.values())

    async def remove(self, container_id: str) -> None:
        """Remove a container that has ended; its log stays."""
        self.machine.end(container_id, _KILLED)
        self.machine.containers.pop(container_id, None)

    async def sweep(self, pod_uids: set[str]) -> tuple[str, ...]:
        """Remove whatever belongs to none of these Pods; gives what was removed, in words."""
        here = set(self.machine.sandboxes)
        here |= {container.spec.pod_uid for container in self.machine.containers.values()}
        for uid in sorted(here - pod_uids):
            await self.release(uid)
        return tuple(f"Pod {uid}" for uid in sorted(here - pod_uids))

    async def close(self) -> None:
        """Let go of the machine; workloads go on."""


def _write_log(spec: ContainerSpec, behaviour: Behaviour, now: int) -> None:
    if not behaviour.output:
        return
    spec.log_file.parent.mkdir(parents=True, exist_ok=True)
    with spec.log_file.open("a") as file:
        for line in behaviour.output:
            file.write(f"{format_instant(now)} stdout F {line}\n")
