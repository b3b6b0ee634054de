"""Which images this node holds, told in its status as kubelet does: the market reads it.

Work that needs an image is worth more where the image is (docs/market.md, "Costs beyond the
price"). A list that has not changed is not told again; one that was not heard is told the next
time. Next: `main.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from typing import Any

from busbar.agent.api import Api, ApiRefused, Unreachable
from busbar.agent.images.catalog import Catalog, Listed

log = logging.getLogger("busbar.agent.stocktaking")
LOOK_SECONDS = 20.0
IMAGES_MAX = 50
"""The largest ones, as kubelet's nodeStatusMaxImages."""


class Stocktaker:
    """Looks and tells, for ever."""

    def __init__(self, api: Api, catalog: Catalog) -> None:
        self._api, self._catalog = api, catalog
        self._told: list[dict[str, Any]] | None = None

    async def run(self) -> None:
        """Look now, and every `LOOK_SECONDS`."""
        while True:
            with contextlib.suppress(Unreachable, ApiRefused):
                await self.tell()
            await asyncio.sleep(LOOK_SECONDS)

    async def tell(self) -> bool:
        """Look once, and tell what changed. Raises `Unreachable` or `ApiRefused`."""
        found = await asyncio.to_thread(self._catalog.listed)
        images = as_status(found)
        if images == self._told:
            return False
        path = f"/api/v1/nodes/{self._api.settings.node}/status"
        await self._api.patch(path, {"status": {"images": images}})
        self._told = images
        return True


def as_status(found: Iterable[Listed]) -> list[dict[str, Any]]:
    """Give `status.images`: the largest first, each with its short name too.

    Whoever writes `apache/spark` means what the registry calls docker.io/apache/spark.
    """
    largest = sorted(found, key=lambda image: (-image.size_bytes, image.reference))
    return [
        {"names": names_of(image.reference), "sizeBytes": image.size_bytes}
        for image in largest[:IMAGES_MAX]
        if image.size_bytes
    ]


_SHORTENED = ("docker.io/library/", "docker.io/")


def names_of(reference: str) -> list[str]:
    """Give a reference in full, and as people write it.

    >>> names_of("docker.io/library/debian:12")
    ['docker.io/library/debian:12', 'library/debian:12', 'debian:12']
    """
    names = [reference]
    for prefix in reversed(_SHORTENED):
        if reference.startswith(prefix):
            names.append(reference.removeprefix(prefix))
    return names
