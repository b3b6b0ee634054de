"""What a Pod's containers share: a range of ids, a user and a network namespace, an address.

Making one takes tens of milliseconds, so a few are kept ready: a Pod takes one from the pool and
pays for a firewall rule only. What a Pod has is written down before it is used, so that another
life of the agent finds it. Next: `config.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections import deque
from pathlib import Path

import msgspec

from busbar.agent.clock import boot_id
from busbar.agent.mounts import unmount
from busbar.agent.network.network import NetworkFailed, PodNetwork
from busbar.agent.network.plan import Wire
from busbar.agent.runtimes.contract import PodSandbox, RuntimeFailed
from busbar.agent.runtimes.runc.identities import Ranges, base_of
from busbar.agent.runtimes.runc.shimclient import ShimClient

log = logging.getLogger("busbar.agent.sandboxes")
READY = 3
"""How many sandboxes are kept ready."""
PAUSE_SECONDS = 0.25
"""How long after one was taken the next is made: its Pod's start shall have the machine first."""


class SandboxRecord(msgspec.Struct, frozen=True):
    """What a Pod has; kept in `sandbox.json` of its folder."""

    pod_uid: str
    namespace: str
    number: int
    """Of its place in the network."""
    ids: int
    """Of its range of ids."""
    boot: str


class Sandboxes:
    """Makes, finds and removes sandboxes."""

    def __init__(
        self, directory: Path, run: Path, ranges: Ranges, network: PodNetwork, shim: ShimClient
    ) -> None:
        self._directory = directory
        self._run = run
        self._ranges = ranges
        self._network = network
        self._shim = shim
        self._boot = boot_id()
        self._records: dict[str, SandboxRecord] = {}
        self._making: dict[str, asyncio.Task[PodSandbox]] = {}
        self._taken: set[int] = set()
        self._claimed: set[int] = set()
        self._ready: deque[tuple[int, int]] = deque()
        self._waiting: deque[asyncio.Future[tuple[int, int]]] = deque()
        self._filling: asyncio.Task[None] | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._closing = False

    async def open(self) -> None:
        """Find what an earlier life made, admit it again, and fill the pool."""
        for path in self._directory.glob("*/sandbox.json"):
            record = _read(path)
            if record is None or record.boot != self._boot:
                continue
            self._records[record.pod_uid] = record
            self._taken.add(record.number)
            self._claimed.add(record.ids)
            await self._network.restore(record.namespace, self._wire(record))
        self._fill()

    async def prepare(self, pod_uid: str, namespace: str) -> PodSandbox:
        """Give a Pod's sandbox; concurrent calls for one Pod share the making."""
        task = self._making.get(pod_uid)
        if task is None:
            task = asyncio.create_task(self._prepare(pod_uid, namespace))
            self._making[pod_uid] = task
            task.add_done_callback(lambda _: self._making.pop(pod_uid, None))
        return await asyncio.shield(task)

    async def _prepare(self, pod_uid: str, namespace: str) -> PodSandbox:
        record = self._records.get(pod_uid)
        if record is None:
            number, ids = await self._take()
            record = SandboxRecord(pod_uid, namespace, number, ids, self._boot)
            folder = self._directory / pod_uid
            folder.mkdir(parents=True, exist_ok=True)
            # Whole or not there, should the agent die in between. Not forced to the disk: after
            # a power cut the sandbox is gone as well.
            (folder / "sandbox.json.new").write_bytes(msgspec.json.encode(record))
            (folder / "sandbox.json.new").rename(folder / "sandbox.json")
            self._records[pod_uid] = record
            try:
                await self._network.admit(namespace, self._wire(record))
            except NetworkFailed as error:
                await self.release(pod_uid)
                raise RuntimeFailed(str(error)) from None
        return self._sandbox(record)

    def find(self, pod_uid: str) -> PodSandbox | None:
        """Give a Pod's sandbox if it has one."""
        record = self._records.get(pod_uid)
        return self._sandbox(record) if record else None

    async def release(self, pod_uid: str) -> None:
        """Remove a Pod's sandbox; fine if it has none."""
        record = self._records.pop(pod_uid, None)
        if record is not None:
            await self._unwire(record.namespace, record.number)
            self._destroy(record.number, record.ids)
        (self._directory / pod_uid / "sandbox.json").unlink(missing_ok=True)

    def userns(self, pod_uid: str) -> str:
        """Give the path of a Pod's user namespace."""
        return str(self._place(self._records[pod_uid].number) / "user")

    def pods(self) -> set[str]:
        """Give the Pods that have a sandbox."""
        return set(self._records)

    async def close(self, *, remove_all: bool = False) -> None:
        """Stop filling the pool and remove what is ready but unused."""
        self._closing = True
        if self._pause is not None:
            self._pause.cancel()
        if self._filling is not None:
            # Not cancelled: what is half made could not be found again.
            await self._filling
        while self._ready:
            number, ids = self._ready.popleft()
            await self._unwire("", number)
            self._destroy(number, ids)
        if remove_all:
            for pod_uid in list(self._records):
                await self.release(pod_uid)

    async def sweep(self) -> list[str]:
        """Remove interfaces, namespaces and ranges of ids that belong to nothing."""
        removed = []
        for name in await self._network.interfaces():
            number = int(name.removeprefix(self._network.network.prefix), 16)
            if number not in self._taken:
                await self._unwire("", number)
                removed.append(f"interface {name}")
        for place in (self._run / "ns").glob("*"):
            if int(place.name) not in self._taken:
                _unmount_namespaces(place)
                removed.append(f"namespaces {place}")
        for ids in self._ranges.mine() - self._claimed:
            self._ranges.give_back(ids)
            removed.append(f"range of ids {ids}")
        return removed

    async def _take(self) -> tuple[int, int]:
        """Take a ready one, or wait for the one being made."""
        if self._ready:
            found = self._ready.popleft()
            if self._pause is None:
                loop = asyncio.get_running_loop()
                self._pause = loop.call_later(PAUSE_SECONDS, self._fill)
            return found
        waiting: asyncio.Future[tuple[int, int]] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self._fill()
        return await waiting

    def _fill(self) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        if self._filling is None or self._filling.done():
            self._filling = asyncio.create_task(self._keep_ready())

    async def _keep_ready(self) -> None:
        """Serve those who wait, then keep some in stock. A failure is told to all who wait."""
        while self._waiting or (len(self._ready) < READY and not self._closing):
            try:
                made = await self._make()
            except RuntimeFailed as failed:
                log.error("no sandbox could be made ready: %s", failed)
                while self._waiting:
                    self._waiting.popleft().set_exception(RuntimeFailed(failed.message))
                return
            if self._waiting:
                self._waiting.popleft().set_result(made)
            else:
                self._ready.append(made)

    async def _make(self) -> tuple[int, int]:
        size = self._network.network.size
        number = next((n for n in range(size) if n not in self._taken), None)
        if number is None:
            raise RuntimeFailed(f"all {size} Pod addresses of this node are in use")
        ids = self._ranges.claim()
        self._taken.add(number)
        self._claimed.add(ids)
        place = self._place(number)
        try:
            _unmount_namespaces(place)
            await self._shim.ask(
                {"do": "namespaces", "base": base_of(ids), "directory": str(place)}
            )
            await self._network.wire(self._network.network.wire(number), str(place / "net"))
        except (RuntimeFailed, NetworkFailed) as error:
            self._destroy(number, ids)
            raise RuntimeFailed(str(error)) from None
        return number, ids

    async def _unwire(self, namespace: str, number: int) -> None:
        """Take a place off the network; its interfaces end with its namespace in any case."""
        try:
            await self._network.unwire(namespace, self._network.network.wire(number))
        except NetworkFailed as error:
            log.error("interface of place %d: %s", number, error)

    def _destroy(self, number: int, ids: int) -> None:
        _unmount_namespaces(self._place(number))
        self._taken.discard(number)
        self._claimed.discard(ids)
        self._ranges.give_back(ids)

    def _place(self, number: int) -> Path:
        return self._run / "ns" / str(number)

    def _wire(self, record: SandboxRecord) -> Wire:
        return self._network.network.wire(record.number)

    def _sandbox(self, record: SandboxRecord) -> PodSandbox:
        base = base_of(record.ids)
        netns = str(self._place(record.number) / "net")
        return PodSandbox(record.pod_uid, self._wire(record).address, netns, base, base)


def _read(path: Path) -> SandboxRecord | None:
    """Read a record; one that a crash left unreadable is none, and the sweep clears up."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=SandboxRecord)
    except (OSError, msgspec.DecodeError):
        return None


def _unmount_namespaces(place: Path) -> None:
    for name in ("user", "net"):
        if (place / name).exists():
            unmount(place / name)
            (place / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        os.rmdir(place)
