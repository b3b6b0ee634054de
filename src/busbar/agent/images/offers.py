"""An image at a place, ready to be read: from the door as it arrives, or staged by skopeo.

Next: `fetch.py`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from busbar.agent.images.described import config_digest
from busbar.agent.images.door import Door
from busbar.agent.images.sources import LayerSource, open_file, open_stream
from busbar.images.reference import Reference


class DoorOffer:
    """An image of the cloud's image store; nothing of it is on this machine yet."""

    def __init__(self, door: Door, reference: Reference, manifest: bytes, bytes_max: int) -> None:
        self._door = door
        self._reference = reference
        self._bytes_max = bytes_max
        self.manifest = manifest
        self.config = door.small_blob(reference, config_digest(manifest, str(reference)))

    @contextlib.contextmanager
    def layer(self, digest: str) -> Iterator[LayerSource]:
        """The plain bytes of a layer, while they arrive."""
        with self._door.blob(self._reference, digest) as blob:
            yield open_stream(blob, self._bytes_max)


class StagedOffer:
    """An image that skopeo has laid out as `dir:`, having checked every digest."""

    def __init__(self, staged: Path, bytes_max: int) -> None:
        self._staged = staged
        self._bytes_max = bytes_max
        self.manifest = (staged / "manifest.json").read_bytes()
        name = config_digest(self.manifest, str(staged)).removeprefix("sha256:")
        self.config = (staged / name).read_bytes()

    def layer(self, digest: str) -> AbstractContextManager[LayerSource]:
        """The plain bytes of a layer."""
        return open_file(self._staged / digest.removeprefix("sha256:"), self._bytes_max)
