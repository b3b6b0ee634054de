"""Fetches an image from the first place that has it, and unpacks the layers that are missing.

Runs in the worker process. Next: `worker.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from busbar.agent.images.catalog import Catalog, ImageRecord, UnpackedImage
from busbar.agent.images.extract import Limits
from busbar.agent.images.places import Credentials, Place, Sources, check_address, places
from busbar.agent.images.unpack import unpack_layer
from busbar.images import skopeo
from busbar.images.layout import MANIFEST_BYTES_MAX
from busbar.images.reference import DIGEST, Reference
from busbar.images.refusals import ImageError, ImageRefusal
from busbar.images.store import manifest_type

LAYERS_MAX = 127
"""What docker accepts; overlayfs takes up to 500."""

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all (0 while unknown), for fetching and for unpacking."""


class _Config(msgspec.Struct):
    """The part of an image's config that running it needs; the types are checked here once."""

    User: str | None = None
    WorkingDir: str | None = None
    Env: list[str] | None = None
    Entrypoint: list[str] | None = None
    Cmd: list[str] | None = None
    Labels: dict[str, str] | None = None
    StopSignal: str | None = None
    ExposedPorts: dict[str, Any] | None = None
    Volumes: dict[str, Any] | None = None


class _RootFs(msgspec.Struct):
    diff_ids: list[str]


class _ImageConfig(msgspec.Struct):
    rootfs: _RootFs
    config: _Config | None = None


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
                if place.host == self.sources.door:
                    # What the cloud itself keeps is for every namespace.
                    return self._from(place, reference, "")
                check_address(reference, self.sources)
                return self._from(place, reference, key)
            except ImageError as error:
                if error.refusal not in _ASK_NEXT:
                    raise
                refused.append((place, error))
        raise _summary(reference, refused)

    def _from(self, place: Place, reference: Reference, key: str) -> UnpackedImage:
        with place.access.flags(place.host) as flags:
            raw = skopeo.inspect_raw(place.source, flags)
        digest = reference.digest or "sha256:" + hashlib.sha256(raw).hexdigest()
        known = self.catalog.record(reference)
        if known is not None and known.digest == digest:
            here = self.catalog.find(reference, known.key)
            if here is not None:
                # The registry has just shown that these credentials may have this manifest.
                if known.key not in ("", key):
                    self.catalog.save(reference, msgspec.structs.replace(known, key=key))
                return here
        total = _size(raw)
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
            record = self._unpack(staged, tmp, reference, digest, key)
            self.catalog.save(reference, record)
            found = self.catalog.find(reference, key)
            assert found is not None
            return found

    def _unpack(
        self, staged: Path, tmp: Path, reference: Reference, digest: str, key: str
    ) -> ImageRecord:
        manifest_bytes = (staged / "manifest.json").read_bytes()
        manifest_type(manifest_bytes, str(reference))
        manifest = json.loads(manifest_bytes)
        config = _config(staged, manifest, reference)
        diff_ids = config.rootfs.diff_ids
        blobs = [_blob(staged, layer, reference) for layer in manifest["layers"]]
        if len(blobs) != len(diff_ids) or not 0 < len(blobs) <= LAYERS_MAX:
            raise _broken(reference)
        for number, (blob, diff_id) in enumerate(zip(blobs, diff_ids, strict=True)):
            if not self.catalog.has_layer(diff_id):
                made = tmp / f"layer{number}"
                (made / "diff").mkdir(parents=True)
                unpack_layer(
                    blob, made / "diff", diff_id, self.limits, lambda done: self.progress(done, 0)
                )
                self.catalog.add_layer(made, diff_id)
        runnable = msgspec.to_builtins(config.config or _Config())
        return ImageRecord(
            reference=str(reference),
            digest=digest,
            diff_ids=_topmost(diff_ids),
            config={name: value for name, value in runnable.items() if value is not None},
            key=key,
        )


_ASK_NEXT = frozenset(
    {
        ImageRefusal.NOT_FOUND,
        ImageRefusal.REGISTRY_UNREACHABLE,
        ImageRefusal.REGISTRY_FORBIDDEN,
        ImageRefusal.UNAUTHORIZED,
    }
)


def _summary(reference: Reference, refused: list[tuple[Place, ImageError]]) -> ImageError:
    """One sentence about all places; the last one, the registry named, decides what it is."""
    if not refused:
        return ImageError(ImageRefusal.NOT_FOUND, f"The image {reference} is not on this node.")
    clauses = [f"{place.label} {_CLAUSES[error.refusal]}" for place, error in refused]
    return ImageError(
        refused[-1][1].refusal,
        f"The image {reference} cannot be had: {', and '.join(clauses)}; "
        "check the name, or bring it with `busbar image import`.",
    )


_CLAUSES = {
    ImageRefusal.NOT_FOUND: "does not have it",
    ImageRefusal.REGISTRY_UNREACHABLE: "cannot be reached",
    ImageRefusal.REGISTRY_FORBIDDEN: "is at a private address, which this node does not ask",
    ImageRefusal.UNAUTHORIZED: "does not have it for these credentials",
}


def _config(staged: Path, manifest: dict[str, Any], reference: Reference) -> _ImageConfig:
    path = _blob(staged, manifest["config"], reference)
    if path.stat().st_size > MANIFEST_BYTES_MAX:
        raise _broken(reference)
    try:
        config = msgspec.json.decode(path.read_bytes(), type=_ImageConfig)
    except msgspec.DecodeError:
        raise _broken(reference) from None
    if not all(DIGEST.fullmatch(diff_id) for diff_id in config.rootfs.diff_ids):
        raise _broken(reference)
    return config


def _blob(staged: Path, descriptor: dict[str, Any], reference: Reference) -> Path:
    digest = descriptor.get("digest")
    if not isinstance(digest, str) or not DIGEST.fullmatch(digest):
        raise _broken(reference)
    path = staged / digest.removeprefix("sha256:")
    if not path.is_file():
        raise _broken(reference)
    return path


def _broken(reference: Reference) -> ImageError:
    return ImageError(
        ImageRefusal.INVALID_IMAGE,
        f"The image {reference} is damaged or in an unknown format: build or export it again.",
    )


def _topmost(diff_ids: list[str]) -> list[str]:
    """Each layer once, where it is topmost: overlayfs refuses a folder that is there twice."""
    return list(dict.fromkeys(reversed(diff_ids)))[::-1]


def _size(raw: bytes) -> int:
    """Bytes to fetch, as far as the manifest says; 0 for a list of manifests."""
    try:
        manifest = json.loads(raw)
        return sum(int(layer["size"]) for layer in manifest.get("layers", ()))
    except (ValueError, KeyError, TypeError, AttributeError):
        return 0
