"""The cloud's image store: what `busbar image` does, and what the registry door serves.

Images come from files, from registries (both through skopeo) and from recipes (`build.py`).
An image is listed under its full name once all of it is there, and never before.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zstandard

from busbar.images import skopeo
from busbar.images.archive import Archive, open_archive
from busbar.images.layout import (
    MANIFEST_BYTES_MAX,
    MANIFEST_TYPES,
    REF_NAME,
    Descriptor,
    Layout,
)
from busbar.images.reference import Reference, parse_reference
from busbar.images.refusals import ImageError, ImageRefusal

_BLOB_NAME = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class StoredImage:
    """One name in the store; `size_bytes` is what its blobs take, shared ones included."""

    name: str
    digest: str
    media_type: str
    size_bytes: int
    created: str
    """RFC 3339, from the image's config; empty where the image does not say."""


class ImageStore:
    """Names and content below one directory; any number of processes may use it at once."""

    def __init__(self, root: Path) -> None:
        self.layout = Layout(root)

    def images(self) -> list[StoredImage]:
        """All images by name."""
        images = [self._describe(descriptor) for descriptor in self.layout.descriptors()]
        return sorted(images, key=lambda image: image.name)

    def find(self, reference: Reference) -> Descriptor | None:
        """The manifest's descriptor for a name; a digest must belong to that name."""
        for descriptor in self.layout.descriptors():
            stored = parse_reference(descriptor["annotations"][REF_NAME])
            if stored.name != reference.name:
                continue
            if reference.digest is not None:
                if descriptor["digest"] == reference.digest:
                    return descriptor
            elif stored.tag == reference.tag:
                return descriptor
        return None

    def describe(self, reference: Reference) -> StoredImage:
        """One image; raises `ImageError` where it is not in the store."""
        return self._describe(self._must_find(reference))

    def tags(self, name: str) -> list[str]:
        """Tags stored under a full name without tag."""
        stored = [parse_reference(d["annotations"][REF_NAME]) for d in self.layout.descriptors()]
        return sorted(ref.tag for ref in stored if ref.name == name and ref.tag is not None)

    def content(self, name: str) -> set[str]:
        """Digests of all that belongs to a full name without tag."""
        return self._referenced(
            descriptor
            for descriptor in self.layout.descriptors()
            if parse_reference(descriptor["annotations"][REF_NAME]).name == name
        )

    def manifest(self, descriptor: Descriptor) -> dict[str, Any]:
        """The manifest a descriptor points to."""
        content: dict[str, Any] = json.loads(self._raw(descriptor))
        return content

    def pull(
        self,
        reference: Reference,
        access: skopeo.Access = skopeo.ANONYMOUS,
        on_bytes: skopeo.Progress | None = None,
    ) -> StoredImage:
        """Fetch an image from the registry its name says."""
        with access.flags(reference.domain, "src-") as flags:
            return self._land(f"docker://{reference.locator}", flags, reference, on_bytes)

    def import_file(
        self, path: Path, name: str | None = None, on_bytes: skopeo.Progress | None = None
    ) -> StoredImage:
        """Take an image from a docker-archive, an oci-archive or an OCI layout directory."""
        archive = open_archive(path)
        reference = parse_reference(name or _own_name(archive))
        return self._land(archive.source, [], reference, on_bytes)

    def export(self, reference: Reference, path: Path, kind: str = "oci-archive") -> None:
        """Write an image to a file that docker, podman, skopeo and `import` can read."""
        descriptor = self._must_find(reference)
        with self.layout.adding() as tmp:
            staged = tmp / "dir"
            self._stage(descriptor, staged, plain=kind == "docker-archive")
            target = tmp / "archive"
            skopeo.copy(f"dir:{staged}", f"{kind}:{target}:{reference}", [], watch=tmp)
            shutil.move(target, path)

    def remove(self, reference: Reference) -> StoredImage:
        """Forget a name, and delete what only it needed."""
        descriptor = self._must_find(reference)
        gone = descriptor["annotations"][REF_NAME]
        image = self._describe(descriptor)
        self.layout.edit(lambda all_: [d for d in all_ if d["annotations"][REF_NAME] != gone])
        self.layout.sweep(lambda: self._referenced(self.layout.descriptors()))
        return image

    def publish(self, reference: Reference, manifest: bytes, media_type: str) -> StoredImage:
        """Give a name to a manifest whose blobs are all in the store; replaces the older one."""
        descriptor = self.layout.put(manifest)
        descriptor["mediaType"] = media_type
        name = str(reference if reference.tag else _tagged(reference))
        descriptor["annotations"] = {REF_NAME: name}
        self.layout.sync()
        self.layout.edit(
            lambda all_: [d for d in all_ if d["annotations"][REF_NAME] != name] + [descriptor]
        )
        return self._describe(descriptor)

    def _land(
        self,
        source: str,
        flags: list[str],
        reference: Reference,
        on_bytes: skopeo.Progress | None,
    ) -> StoredImage:
        with self.layout.adding() as tmp, disk_full_refused():
            staged = tmp / "dir"
            staged.mkdir()
            skopeo.copy(source, f"dir:{staged}", flags, watch=staged, on_bytes=on_bytes)
            manifest = (staged / "manifest.json").read_bytes()
            media_type = manifest_type(manifest, source)
            if reference.digest is not None and reference.digest != _digest(manifest):
                raise ImageError(
                    ImageRefusal.DIGEST_MISMATCH, f"{reference} is not what {source} holds."
                )
            for path in staged.iterdir():
                if _BLOB_NAME.fullmatch(path.name):
                    self.layout.adopt(path, path.name)
            return self.publish(reference, manifest, media_type)

    def _stage(self, descriptor: Descriptor, target: Path, plain: bool) -> None:
        """Lay an image out as skopeo's `dir:`, by hard links; `plain` for who knows no zstd."""
        target.mkdir()
        (target / "version").write_text("Directory Transport Version: 1.1\n")
        manifest = self.manifest(descriptor)
        if plain:
            manifest["layers"] = [self._plain(layer, target) for layer in manifest["layers"]]
        content = json.dumps(manifest).encode() if plain else self._raw(descriptor)
        (target / "manifest.json").write_bytes(content)
        for digest in _blobs(manifest):
            blob = self.layout.blob(digest)
            if not (target / blob.name).exists():
                (target / blob.name).hardlink_to(blob)

    def _plain(self, layer: Descriptor, target: Path) -> Descriptor:
        if not layer["mediaType"].endswith("+zstd"):
            return layer
        unpacked = target / "unpacked"
        with open(self.layout.blob(layer["digest"]), "rb") as blob, open(unpacked, "wb") as out:
            zstandard.ZstdDecompressor().copy_stream(blob, out)
        with open(unpacked, "rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        size = unpacked.stat().st_size
        unpacked.rename(target / digest)
        media_type = layer["mediaType"].removesuffix("+zstd")
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": size}

    def _raw(self, descriptor: Descriptor) -> bytes:
        return self.layout.blob(descriptor["digest"]).read_bytes()

    def _must_find(self, reference: Reference) -> Descriptor:
        descriptor = self.find(reference)
        if descriptor is None:
            raise ImageError(
                ImageRefusal.NOT_FOUND,
                f"{reference} is not in the image store: `busbar image list` shows what is.",
            )
        return descriptor

    def _describe(self, descriptor: Descriptor) -> StoredImage:
        manifest = self.manifest(descriptor)
        config = json.loads(self.layout.blob(manifest["config"]["digest"]).read_bytes())
        sizes = [part["size"] for part in [manifest["config"], *manifest["layers"]]]
        return StoredImage(
            name=descriptor["annotations"][REF_NAME],
            digest=descriptor["digest"],
            media_type=descriptor["mediaType"],
            size_bytes=sum(sizes),
            created=str(config.get("created", "")),
        )

    def _referenced(self, descriptors: Iterable[Descriptor]) -> set[str]:
        digests: set[str] = set()
        for descriptor in descriptors:
            digests |= {descriptor["digest"], *_blobs(self.manifest(descriptor))}
        return digests


def manifest_type(manifest: bytes, source: str) -> str:
    """The media type of an image's manifest; raises `ImageError` where it is something else."""
    try:
        content = json.loads(manifest) if len(manifest) <= MANIFEST_BYTES_MAX else None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        content = {}
    media_type = content.get("mediaType") or MANIFEST_TYPES[0]
    if media_type not in MANIFEST_TYPES or "layers" not in content or "config" not in content:
        raise ImageError(
            ImageRefusal.INVALID_IMAGE,
            f"{source} is no image in a current format: export it again with docker or podman.",
        )
    return str(media_type)


def _blobs(manifest: dict[str, Any]) -> Iterator[str]:
    yield manifest["config"]["digest"]
    for layer in manifest["layers"]:
        yield layer["digest"]


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _tagged(reference: Reference) -> Reference:
    """What was pulled by digest alone is stored under a tag made of that digest."""
    assert reference.digest is not None
    return Reference(reference.domain, reference.path, reference.digest[7:19], reference.digest)


def _own_name(archive: Archive) -> str:
    if archive.name is None:
        raise ImageError(
            ImageRefusal.INVALID_REFERENCE,
            f"{archive.path} does not say its name: give one with --name.",
        )
    return archive.name


@contextlib.contextmanager
def disk_full_refused() -> Iterator[None]:
    """Turn a full disk into its refusal."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise ImageError(
            ImageRefusal.DISK_FULL, "The disk is full: free some space and try again."
        ) from None
