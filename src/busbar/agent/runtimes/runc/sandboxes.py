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
        self._ready: asyncio.Queue[tuple[int, int]] = asyncio.Queue()
        self._filling: asyncio.Task[None] | None = None
        self._coming = 0

    async def open(self) -> None:
        """Find what an earlier life made, admit it again, and fill the pool."""
        for path in self._directory.glob("*/sandbox.json"):
            record = msgspec.json.decode(path.read_bytes(), type=SandboxRecord)
            if record.boot != self._boot:
                continue
            self._records[record.pod_uid] = record
            self._taken.add(record.number)
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
            (folder / "sandbox.json").write_bytes(msgspec.json.encode(record))
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
            await self._network.unwire(record.namespace, self._wire(record))
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
        if self._filling is not None:
            self._filling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._filling
        while not self._ready.empty():
            number, ids = self._ready.get_nowait()
            with contextlib.suppress(NetworkFailed):
                await self._network.unwire("", self._network.network.wire(number))
            self._destroy(number, ids)
        if remove_all:
            for pod_uid in list(self._records):
                await self.release(pod_uid)

    async def sweep(self) -> list[str]:
        """Remove interfaces, namespaces and ranges of ids that belong to nothing."""
        removed = []
        ready = set(self._ready._queue)  # type: ignore[attr-defined]
        used = {r.number for r in self._records.values()} | {number for number, _ in ready}
        for name in await self._network.interfaces():
            number = int(name.removeprefix(self._network.network.prefix), 16)
            if number not in used and number not in self._taken:
                await self._network.unwire("", self._network.network.wire(number))
                removed.append(f"interface {name}")
        for place in (self._run / "ns").glob("*"):
            if int(place.name) not in used and int(place.name) not in self._taken:
                _unmount_namespaces(place)
                removed.append(f"namespaces {place}")
        kept = {r.ids for r in self._records.values()} | {ids for _, ids in ready}
        if not self._coming:
            for ids in self._ranges.mine() - kept:
                self._ranges.give_back(ids)
        return removed

    async def _take(self) -> tuple[int, int]:
        """Take a ready one, or wait for the one being made."""
        if self._ready.empty() and not self._coming:
            return await self._make()
        found = await self._ready.get()
        self._fill()
        return found

    def _fill(self) -> None:
        if self._filling is None or self._filling.done():
            self._filling = asyncio.create_task(self._keep_ready())

    async def _keep_ready(self) -> None:
        while self._ready.qsize() < READY:
            self._coming = 1
            try:
                self._ready.put_nowait(await self._make())
            except (RuntimeFailed, NetworkFailed) as error:
                log.error("no sandbox could be made ready: %s", error)
                return
            finally:
                self._coming = 0

    async def _make(self) -> tuple[int, int]:
        number = next(n for n in range(self._network.network.size) if n not in self._taken)
        self._taken.add(number)
        ids = self._ranges.claim()
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

    def _destroy(self, number: int, ids: int) -> None:
        _unmount_namespaces(self._place(number))
        self._taken.discard(number)
        self._ranges.give_back(ids)

    def _place(self, number: int) -> Path:
        return self._run / "ns" / str(number)

    def _wire(self, record: SandboxRecord) -> Wire:
        return self._network.network.wire(record.number)

    def _sandbox(self, record: SandboxRecord) -> PodSandbox:
        base = base_of(record.ids)
        netns = str(self._place(record.number) / "net")
        return PodSandbox(record.pod_uid, self._wire(record).address, netns, base, base)


def _unmount_namespaces(place: Path) -> None:
    for name in ("user", "net"):
        if (place / name).exists():
            unmount(place / name)
            (place / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        os.rmdir(place)
