"""Everything a Pod needs before its first container: image, sandbox, volumes.

Independent steps run side by side; each finds what an earlier try left. Next: `containers.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from busbar.agent.api import Api
from busbar.agent.hooks import references, security, volumes
from busbar.agent.hooks.command import check_script
from busbar.agent.hooks.references import Sources
from busbar.agent.hooks.volumes import BucketMounter, Owner
from busbar.agent.probes import spec as probes
from busbar.agent.records import Records
from busbar.agent.refusals import PodRefused, Reason
from busbar.agent.runtimes.contract import PodSandbox, Runtime, RuntimeFailed
from busbar.model.objects import Object, containers_of, spec_of, uid_of


class Image(Protocol):
    """An unpacked image, as containers need it."""

    @property
    def layers(self) -> tuple[Path, ...]:
        """Give the layers' folders, lowest first."""
        ...

    @property
    def config(self) -> dict[str, Any]:
        """Give the image's config: Env, Entrypoint, Cmd, WorkingDir, User, Labels."""
        ...

    @property
    def digest(self) -> str:
        """Give the manifest's digest."""
        ...


EnsureImage = Callable[[str, str], Awaitable[Image]]
"""(reference, pull policy) → the image, unpacked; raises `PodRefused`."""


@dataclass(frozen=True)
class Prepared:
    """What was made for a Pod."""

    sandbox: PodSandbox
    images: dict[str, Image]
    volumes: dict[str, Path]
    sources: Sources
    folder: Path
    facts: dict[str, str]
    """What the node knows and the Pod does not: podIP, hostIP."""


class Preparer:
    """Makes and removes what a Pod needs around its containers."""

    def __init__(
        self,
        api: Api,
        runtime: Runtime,
        ensure_image: EnsureImage,
        buckets: BucketMounter,
        records: Records,
        host_address: str,
    ) -> None:
        self._api = api
        self._runtime = runtime
        self._ensure_image = ensure_image
        self._buckets = buckets
        self._records = records
        self.host_address = host_address

    async def prepare(self, pod: Object) -> Prepared:
        """Make everything; raises `PodRefused`."""
        security.check(pod)
        probes.check(pod)
        images = asyncio.create_task(self._images(pod))
        sandbox_made = asyncio.create_task(self._sandbox(pod))
        fetched = asyncio.create_task(references.fetch(self._api, pod))
        await _all_or_none(images, sandbox_made, fetched)
        sandbox, sources = sandbox_made.result(), fetched.result()
        folder = self._records.folder(uid_of(pod))
        facts = {"podIP": sandbox.address, "hostIP": self.host_address}
        found = images.result()
        users = {name: str(image.config.get("User") or "") for name, image in found.items()}
        only_user = security.only_user(pod, users)
        owner = Owner.of(sandbox, security.fs_group(pod), only_user)
        made = await volumes.prepare(pod, folder, owner, sources, self._buckets, facts)
        await asyncio.to_thread(check_script, pod, made)
        return Prepared(sandbox, found, made, sources, folder, facts)

    async def _sandbox(self, pod: Object) -> PodSandbox:
        try:
            return await self._runtime.prepare(pod)
        except RuntimeFailed as failed:
            raise PodRefused(Reason.RUNTIME_FAILED, failed.message, retry=True) from None

    async def address(self, pod: Object) -> str:
        """Give the address of a Pod's sandbox, which an earlier life may have made."""
        return (await self._sandbox(pod)).address

    async def release(self, pod: Object) -> None:
        """Remove everything that `prepare` made; the logs stay."""
        await volumes.release(pod, self._records.folder(uid_of(pod)), self._buckets)
        await self._runtime.release(uid_of(pod))

    async def _images(self, pod: Object) -> dict[str, Image]:
        wanted = {
            container["image"]: container.get("imagePullPolicy") or "IfNotPresent"
            for container in containers_of(spec_of(pod))
        }
        found = await asyncio.gather(
            *(self._ensure_image(reference, policy) for reference, policy in wanted.items())
        )
        return dict(zip(wanted, found, strict=True))


async def _all_or_none(*tasks: asyncio.Task[Any]) -> None:
    """Wait for all; where one fails, end the others first: nothing goes on behind one's back."""
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        raise
