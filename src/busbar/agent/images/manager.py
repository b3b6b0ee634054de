"""What the agent calls: `ensure` an image, `collect` the unused ones.

Whoever asks for an image that is being fetched waits for the same worker; a worker whose askers
have all gone is ended. An image that is here costs one small file to read.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import msgspec

from busbar.agent.images.catalog import Catalog, UnpackedImage
from busbar.agent.images.places import Credentials, Sources
from busbar.agent.images.protocol import Answer, Request
from busbar.images.reference import Reference, parse_reference
from busbar.images.refusals import ImageError, ImageRefusal

BYTES_MAX = 64 << 30
ENTRIES_MAX = 1_000_000
FREE_SHARE_MIN = 0.15
YOUNG_S = 120.0
"""Both as Kubernetes' kubelet has them (imageGCHighThresholdPercent, imageMinimumGCAge)."""

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all (0 while unknown)."""


class PullPolicy(StrEnum):
    """Kubernetes' imagePullPolicy."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


@dataclass
class _Fetch:
    """A worker under way and those who wait for it."""

    task: asyncio.Task[None]
    listeners: list[Progress] = field(default_factory=list)
    waiting: int = 0


class ImageManager:
    """The images of one node, below `root`."""

    def __init__(
        self,
        root: Path,
        sources: Sources,
        *,
        bytes_max: int = BYTES_MAX,
        entries_max: int = ENTRIES_MAX,
        free_share_min: float = FREE_SHARE_MIN,
    ) -> None:
        self.catalog = Catalog(root)
        self._sources = sources
        self._bytes_max = bytes_max
        self._entries_max = entries_max
        self._free_share_min = free_share_min
        self._fetches: dict[tuple[str, str], _Fetch] = {}
        self._ending: set[asyncio.Task[int]] = set()

    def find(self, reference: str, credentials: Credentials | None = None) -> UnpackedImage | None:
        """The image where it is here; never asks a registry."""
        return self.catalog.find(parse_reference(reference), _key(credentials))

    async def ensure(
        self,
        reference: str,
        policy: PullPolicy = PullPolicy.IF_NOT_PRESENT,
        credentials: Credentials | None = None,
        on_progress: Progress | None = None,
    ) -> UnpackedImage:
        """The image, fetched and unpacked where need be; raises `ImageError`."""
        parsed = parse_reference(reference)
        key = _key(credentials)
        here = self.catalog.find(parsed, key)
        if here is not None and (policy is not PullPolicy.ALWAYS or parsed.digest):
            self.catalog.touch(parsed)
            return here
        if policy is PullPolicy.NEVER:
            raise ImageError(
                ImageRefusal.NOT_FOUND,
                f"The image {parsed} is not on this node, and imagePullPolicy is Never.",
            )
        await self._fetched(parsed, credentials, key, on_progress)
        self.catalog.touch(parsed)
        found = self.catalog.find(parsed, key)
        if found is None:
            raise ImageError(
                ImageRefusal.REGISTRY_UNREACHABLE, f"The image {parsed} was removed while fetched."
            )
        return found

    async def collect(self, in_use: set[str]) -> bool:
        """Where the disk gets full, remove images whose digest is not in `in_use`.

        Until then they stay: who runs an image often runs it again. One that was asked for a moment
        ago stays as well, as its Pod may not be running yet. False where this has to wait.
        """
        if self._fetches:
            return False
        if self._free_share() >= self._free_share_min:
            return True
        before_s = time.time() - YOUNG_S
        return await asyncio.to_thread(self.catalog.collect, in_use, before_s)

    def _free_share(self) -> float:
        self.catalog.prepare()
        usage = shutil.disk_usage(self.catalog.root)
        return usage.free / max(1, usage.total)

    async def close(self) -> None:
        """End all workers that fetch, and let those end that only write to disk."""
        tasks = [fetch.task for fetch in self._fetches.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, *self._ending, return_exceptions=True)

    async def _fetched(
        self,
        reference: Reference,
        credentials: Credentials | None,
        key: str,
        on_progress: Progress | None,
    ) -> None:
        name = (str(reference), key)
        fetch = self._fetches.get(name)
        if fetch is None:
            fetch = _Fetch(asyncio.create_task(self._work(name, credentials)))
            self._fetches[name] = fetch
            fetch.task.add_done_callback(lambda _: self._fetches.pop(name, None))
        if on_progress is not None:
            fetch.listeners.append(on_progress)
        fetch.waiting += 1
        try:
            await asyncio.shield(fetch.task)
        finally:
            fetch.waiting -= 1
            if fetch.waiting == 0:
                fetch.task.cancel()

    async def _work(self, name: tuple[str, str], credentials: Credentials | None) -> None:
        reference, key = name
        request = Request(
            root=str(self.catalog.root),
            reference=reference,
            sources=self._sources,
            credentials=credentials,
            key=key,
            bytes_max=self._bytes_max,
            entries_max=self._entries_max,
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "busbar.agent.images.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        finished = False
        try:
            assert process.stdin is not None
            process.stdin.write(msgspec.json.encode(request))
            process.stdin.close()
            finished = await self._listen(process, name)
        finally:
            if not finished:
                # Its whole session: skopeo with it.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            ending = asyncio.create_task(process.wait())
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
            if not finished:
                await ending

    async def _listen(self, process: asyncio.subprocess.Process, name: tuple[str, str]) -> bool:
        assert process.stdout is not None
        async for line in process.stdout:
            answer = msgspec.json.decode(line, type=Answer)
            if answer.refusal:
                raise ImageError(ImageRefusal(answer.refusal), answer.sentence)
            if answer.done:
                return True
            for listener in self._fetches[name].listeners:
                listener(answer.bytes, answer.bytes_total)
        raise ImageError(
            ImageRefusal.INVALID_IMAGE,
            f"The image {name[0]} could not be unpacked: the process that did it was ended.",
        )


def _key(credentials: Credentials | None) -> str:
    if credentials is None:
        return ""
    return hashlib.sha256(msgspec.json.encode(credentials)).hexdigest()
