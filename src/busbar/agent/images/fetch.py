"""Fetches an image from the first place that has it, and unpacks the layers that are missing.

Runs in the worker process. Next: `worker.py`.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from busbar.agent.images.catalog import Catalog, ImageRecord, UnpackedImage
from busbar.agent.images.described import describe
from busbar.agent.images.door import Door
from busbar.agent.images.extract import Limits
from busbar.agent.images.offers import DoorOffer, StagedOffer
from busbar.agent.images.places import Credentials, Place, Sources, check_address, places
from busbar.agent.images.sources import LayerSource
from busbar.agent.images.unpack import unpack_layer
from busbar.images import skopeo
from busbar.images.reference import Reference
from busbar.images.refusals import ImageError, ImageRefusal

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all (0 while unknown), for fetching and for unpacking."""


class _Offer(Protocol):
    """An image at one place: its manifest is known, its content can be read."""

    manifest: bytes
    config: bytes

    def layer(self, digest: str) -> AbstractContextManager[LayerSource]:
        """A layer's plain bytes; leaving the block checks the blob's digest."""


@dataclass(frozen=True)
class Fetcher:
    """One image to be had."""

    catalog: Catalog
    sources: Sources
    limits: Limits
    progress: Progress

    def fetch(
        self, reference: Reference, credentials: Credentials | None, key: str
    ) -> UnpackedImage:
        """Ask the places in order; raises `ImageError` with the most telling of their answers."""
        refused: list[tuple[Place, ImageError]] = []
        for place in places(reference, self.sources, credentials):
            try:
                if place.is_door:
                    # What the cloud itself keeps is for every namespace.
                    return self._from_door(reference)
                check_address(reference, self.sources)
                return self._from_registry(place, reference, key)
            except ImageError as error:
                if error.refusal not in _ASK_NEXT:
                    raise
                refused.append((place, error))
        raise _summary(reference, refused)

    def _from_door(self, reference: Reference) -> UnpackedImage:
        certificates = self.sources.door_certificates
        door = Door(
            self.sources.door, Path(certificates) if certificates else None, self.sources.door_tls
        )
        manifest = door.manifest(reference)
        digest = reference.digest or _digest(manifest)
        here = self._unchanged(reference, digest, "")
        if here is not None:
            return here
        with self.catalog.adding() as tmp:
            offer = DoorOffer(door, reference, manifest, self.limits.bytes)
            return self._keep(offer, tmp, reference, digest, "")

    def _from_registry(self, place: Place, reference: Reference, key: str) -> UnpackedImage:
        with place.access.flags(place.host) as flags:
            raw = skopeo.inspect_raw(place.source, flags)
        digest = reference.digest or _digest(raw)
        here = self._unchanged(reference, digest, key)
        if here is not None:
            return here
        total = skopeo.size_of(raw)
        with self.catalog.adding() as tmp, place.access.flags(place.host, "src-") as flags:
            staged = tmp / "image"
            staged.mkdir()
            skopeo.copy(
                place.source,
                f"dir:{staged}",
                flags,
                watch=staged,
                on_bytes=lambda done: self.progress(done, total),
                bytes_max=self.limits.bytes,
            )
            offer = StagedOffer(staged, self.limits.bytes)
            return self._keep(offer, tmp, reference, digest, key)

    def _unchanged(self, reference: Reference, digest: str, key: str) -> UnpackedImage | None:
        """What is here already, where the place has just shown that it is still the same."""
        known = self.catalog.record(reference)
        if known is None or known.digest != digest:
            return None
        here = self.catalog.find(reference, known.key)
        if here is not None and known.key not in ("", key):
            self.catalog.save(reference, msgspec.structs.replace(known, key=key))
        return here

    def _keep(
        self, offer: _Offer, tmp: Path, reference: Reference, digest: str, key: str
    ) -> UnpackedImage:
        described = describe(offer.manifest, offer.config, str(reference))
        done, total = 0, sum(layer.size for layer in described.layers)
        for number, layer in enumerate(described.layers):
            if not self.catalog.has_layer(layer.diff_id):
                made = tmp / f"layer{number}"
                (made / "diff").mkdir(parents=True)
                report = functools.partial(self._report, done, total, layer.size)
                with offer.layer(layer.digest) as source:
                    unpack_layer(source, made / "diff", layer.diff_id, self.limits, report)
                self.catalog.add_layer(made, layer.diff_id)
            done += layer.size
        record = ImageRecord(
            reference=str(reference),
            digest=digest,
            diff_ids=described.stack(),
            config=described.config,
            key=key,
        )
        self.catalog.save(reference, record)
        found = self.catalog.find(reference, key)
        assert found is not None
        return found

    def _report(self, before: int, total: int, size: int, unpacked: int) -> None:
        """Unpacked bytes stand for fetched ones, as far as the layer goes."""
        self.progress(before + min(size, unpacked), total)


_ASK_NEXT = frozenset(
    {
        ImageRefusal.NOT_FOUND,
        ImageRefusal.REGISTRY_UNREACHABLE,
        ImageRefusal.REGISTRY_FORBIDDEN,
        ImageRefusal.UNAUTHORIZED,
    }
)


def _summary(reference: Reference, refused: list[tuple[Place, ImageError]]) -> ImageError:
    """One sentence about all places; the last one, the registry named, decides what it is.

    But for one case: the cloud's store does not have the image and its registry cannot be reached.
    Where no registry can be reached at all, waiting would be for ever, so that is "not found".
    """
    if not refused:
        return ImageError(ImageRefusal.NOT_FOUND, f"The image {reference} is not on this node.")
    decisive = refused[-1][1].refusal
    if decisive is ImageRefusal.REGISTRY_UNREACHABLE and any(
        error.refusal is ImageRefusal.NOT_FOUND for _, error in refused
    ):
        decisive = ImageRefusal.NOT_FOUND
    clauses = [f"{place.label} {_CLAUSES[error.refusal]}" for place, error in refused]
    return ImageError(
        decisive,
        f"The image {reference} cannot be had: {', and '.join(clauses)}; "
        "check the name, or bring it with `busbar image import`.",
    )


_CLAUSES = {
    ImageRefusal.NOT_FOUND: "does not have it",
    ImageRefusal.REGISTRY_UNREACHABLE: "cannot be reached",
    ImageRefusal.REGISTRY_FORBIDDEN: "is at a private address, which this node does not ask",
    ImageRefusal.UNAUTHORIZED: "does not have it for these credentials",
}


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()
