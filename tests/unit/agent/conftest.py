"""A node without a machine: the in-memory runtime, a cloud in a dict, a clock that tests move."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.contract.runtimes.asynchronous import pytest_pyfunc_call, runner

from busbar.agent.api import ApiRefused, Unreachable
from busbar.agent.hooks.prepare import Preparer
from busbar.agent.hooks.volumes import BucketMounter, Owner
from busbar.agent.lease import NodeLease
from busbar.agent.pods import Pods
from busbar.agent.records import Records
from busbar.agent.refusals import PodRefused
from busbar.agent.runtimes.fake import FakeMachine, FakeRuntime
from busbar.agent.settings import AgentSettings
from busbar.agent.worker import Parts, PodWorker
from busbar.model.objects import Object, uid_of

__all__ = ["pytest_pyfunc_call", "runner"]
UID = "0a0a0a0a-1111-4222-8333-444444444444"
START = 1_790_000_000_000


class SetClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.ms = START

    def now(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return (self.ms - START) / 1000 + 1000

    def advance(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)


class FakeApi:
    """The cloud's answers, and all that it was told."""

    def __init__(self, settings: AgentSettings) -> None:
        self.settings = settings
        self.objects: dict[str, Object] = {}
        self.told: list[tuple[str, str, Object]] = []
        self.refused: dict[str, ApiRefused] = {}
        self.is_reachable = True
        self.asked: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}
        """Answers to these paths are made when they are asked for, and arrive when it is set."""
        self.events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    def _check(self, path: str) -> None:
        if not self.is_reachable:
            raise Unreachable("no route to host")
        for part, refused in self.refused.items():
            if part in path:
                raise refused

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> Object:
        del query
        self._check(path)
        self.asked.append(path)
        if path not in self.objects:
            raise ApiRefused(404, "NotFound", f"{path} does not exist")
        answer = self.objects[path]
        if path in self.gates:
            await self.gates[path].wait()
        return answer

    async def patch(self, path: str, body: Object, kind: str = "") -> Object:
        del kind
        self._check(path)
        self.told.append(("PATCH", path, deepcopy(body)))
        return {}

    async def post(self, path: str, body: Object) -> Object:
        self._check(path)
        self.told.append(("POST", path, deepcopy(body)))
        return {}

    async def delete(self, path: str, body: Object) -> Object:
        self._check(path)
        self.told.append(("DELETE", path, deepcopy(body)))
        return {}

    async def lines(self, path: str, query: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        del query
        self._check(path)
        while (event := await self.events.get()) is not None:
            yield event

    @property
    def statuses(self) -> list[Object]:
        """Give every status that was reported, in order."""
        return [body["status"] for verb, path, body in self.told if path.endswith("/status")]

    @property
    def deleted(self) -> list[str]:
        return [path for verb, path, _ in self.told if verb == "DELETE"]


@dataclass
class FakeImage:
    """An image without layers."""

    layers: tuple[Path, ...] = ()
    config: dict[str, Any] = field(default_factory=lambda: {"Entrypoint": ["run"]})
    digest: str = "sha256:1"


class Images:
    """Gives images; may be slow, or refuse."""

    def __init__(self) -> None:
        self.image = FakeImage()
        self.refusal: PodRefused | None = None
        self.gate: asyncio.Event | None = None
        self.cancelled = 0

    async def ensure(self, reference: str, policy: str) -> FakeImage:
        del reference, policy
        try:
            if self.gate is not None:
                await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.refusal is not None:
            raise self.refusal
        return self.image


class NoBuckets:
    """There are none."""

    async def mount(self, pod: Object, bucket: str, target: Path, owner: Owner) -> None:
        raise AssertionError((pod, bucket, target, owner))

    async def unmount(self, target: Path) -> None:
        del target


class CountingWorker(PodWorker):
    """Says how often it went to sleep: the end of a turn."""

    turns = 0

    async def _sleep(self) -> None:
        self.turns += 1
        await super()._sleep()


class Node:
    """One agent's life after another over the same machine and data directory."""

    def __init__(self, directory: Path) -> None:
        self.settings = AgentSettings(
            node="n1", server="https://127.0.0.1:1", data=str(directory), lease_seconds=20
        )
        self.clock = SetClock()
        self.machine = FakeMachine(self.clock)
        self.images = Images()
        self.tasks: set[asyncio.Task[Any]] = set()
        self.begin()

    def begin(self) -> None:
        """Begin a life of the agent."""
        self.api = FakeApi(self.settings)
        self.runtime = FakeRuntime(self.machine)
        self.records = Records(self.settings.directory)
        self.lease = NodeLease(self.api, self.clock)  # type: ignore[arg-type]
        self.parts = Parts(
            self.api,  # type: ignore[arg-type]
            self.runtime,
            self.preparer(NoBuckets()),
            self.records,
            self.clock,
            self.lease,
        )
        self.known = self.records.load_all()
        self.pods = Pods(self.api, self._worker, lambda: self.lease.reprieves)  # type: ignore[arg-type]

    def preparer(self, buckets: BucketMounter) -> Preparer:
        """Give what makes a Pod's surroundings on this machine."""
        return Preparer(
            self.api,  # type: ignore[arg-type]
            self.runtime,
            self.images.ensure,
            buckets,
            self.records,
            "192.0.2.1",
        )

    def _worker(self, pod: Object) -> CountingWorker:
        return CountingWorker(self.parts, pod, self.known.pop(uid_of(pod), None))

    async def die(self) -> None:
        """End the agent as SIGKILL does: nothing more is written or told."""
        for task in [*self.pods._tasks.values(), *self.tasks]:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self.begin()

    async def run(self, pod: Object) -> CountingWorker:
        """Hear of a Pod from the cloud, and take the first turn."""
        await self.lease.renew()
        self.hear(pod)
        worker = self.worker(uid_of(pod))
        await self.until(lambda: worker.turns > 0 or worker.done)
        return worker

    def hear(self, pod: Object) -> None:
        """Hear of a Pod in an answer that was asked for just now."""
        self.pods._wake(pod, self.lease.reprieves)

    def worker(self, uid: str = UID) -> CountingWorker:
        found = self.pods.workers[uid]
        assert isinstance(found, CountingWorker)
        return found

    async def turn(self, uid: str = UID) -> None:
        """Let a worker look again, and wait until it has."""
        worker = self.worker(uid)
        self.machine.settle()
        before = worker.turns
        worker.lease_changed(True)
        await self.until(lambda: worker.turns > before or worker.done)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for what other tasks do; the test's own limit ends this."""
        while not holds():
            await asyncio.sleep(0.001)

    async def elapses(self, seconds: float) -> None:
        """Let time pass on this node's clock, and the lease be renewed all the while."""
        while seconds > 0:
            self.clock.advance(min(seconds, 10))
            seconds -= 10
            with contextlib.suppress(Unreachable):
                await self.lease.renew()

    async def passes(self, seconds: float) -> None:
        """Let time pass, and the workers see it."""
        await self.elapses(seconds)
        for uid in list(self.pods.workers):
            await self.turn(uid)


def pod(uid: str = UID, *, epoch: int = 1, **spec: Any) -> Object:
    """A Pod bound to this node."""
    containers = [{"name": "main", "image": "busybox", "command": ["work"]}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "p",
            "namespace": "xyz",
            "uid": uid,
            "annotations": {"busbar.dev/contract": "c1", "busbar.dev/epoch": str(epoch)},
        },
        "spec": {"nodeName": "n1", "restartPolicy": "Never", "containers": containers, **spec},
    }


def deleting(obj: Object, grace: int = 30) -> Object:
    """The same Pod after `kubectl delete`."""
    marks = {"deletionTimestamp": "2026-11-22T00:00:00Z", "deletionGracePeriodSeconds": grace}
    return {**obj, "metadata": {**obj["metadata"], **marks}}


@pytest.fixture
def node(tmp_path: Path, runner: asyncio.Runner) -> Iterator[Node]:
    async def make() -> Node:
        return Node(tmp_path)

    node = runner.run(make())
    yield node
    runner.run(node.die())
