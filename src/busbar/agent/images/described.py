"""Reads an image's manifest and config, which anybody may have written. Next: `offers.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from busbar.images.reference import DIGEST
from busbar.images.refusals import ImageError, ImageRefusal
from busbar.images.store import manifest_type

LAYERS_MAX = 127
"""What docker accepts; overlayfs takes up to 500."""


Read = TypeVar("Read")


class _Config(msgspec.Struct):
    """The part of a config that running needs; its types are checked here, once for all."""

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


class _Descriptor(msgspec.Struct):
    digest: str
    size: int


class _Manifest(msgspec.Struct):
    config: _Descriptor
    layers: list[_Descriptor]


@dataclass(frozen=True)
class Layer:
    """A layer as it is stored (`digest`, `size`) and as it is unpacked (`diff_id`)."""

    digest: str
    diff_id: str
    size: int


@dataclass(frozen=True)
class Described:
    """What an image consists of, lowest layer first, and how it is run."""

    layers: tuple[Layer, ...]
    config: dict[str, Any]

    def stack(self) -> list[str]:
        """Each layer once, where it is topmost: overlayfs refuses a folder that is there twice."""
        diff_ids = [layer.diff_id for layer in self.layers]
        return list(dict.fromkeys(reversed(diff_ids)))[::-1]


def config_digest(manifest: bytes, name: str) -> str:
    """The digest of the config that goes with a manifest."""
    manifest_type(manifest, name)
    digest = _decode(manifest, _Manifest, name).config.digest
    return _checked(digest, name)


def describe(manifest: bytes, config: bytes, name: str) -> Described:
    """Read both; raises `ImageError` where they are damaged or do not belong together."""
    manifest_type(manifest, name)
    stored = _decode(manifest, _Manifest, name).layers
    read = _decode(config, _ImageConfig, name)
    diff_ids = read.rootfs.diff_ids
    if len(stored) != len(diff_ids) or not 0 < len(stored) <= LAYERS_MAX:
        raise _damaged(name)
    layers = tuple(
        Layer(_checked(blob.digest, name), _checked(diff_id, name), max(0, blob.size))
        for blob, diff_id in zip(stored, diff_ids, strict=True)
    )
    runnable = msgspec.to_builtins(read.config or _Config())
    return Described(layers, {key: value for key, value in runnable.items() if value is not None})


def _decode(content: bytes, kind: type[Read], name: str) -> Read:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, RecursionError):
        raise _damaged(name) from None


def _checked(digest: str, name: str) -> str:
    if not DIGEST.fullmatch(digest):
        raise _damaged(name)
    return digest


def _damaged(name: str) -> ImageError:
    return ImageError(
        ImageRefusal.INVALID_IMAGE,
        f"The image {name} is damaged or in an unknown format: build or export it again.",
    )
