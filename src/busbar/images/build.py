"""Makes an image from a recipe: `busbar image build RECIPE_DIR`.

Each finished layer is kept under a key of what it was made of, so a build that was interrupted
goes on where it was; the image gets its name when all of it is there. Progress goes to a callback
as `BuildProgress`; its `str()` is the line for a log.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from busbar.images.layers import PackedLayer, pack, tree_bytes
from busbar.images.recipe import LayerRecipe, Recipe, layer_keys, load_recipe
from busbar.images.refusals import ImageError, ImageRefusal
from busbar.images.steps import Bench, carry_out
from busbar.images.store import ImageStore, StoredImage, disk_full_refused

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
KEY = "dev.busbar.recipe.layer"
"""Annotation of a layer: what it was made of. A build finds again what an earlier one made."""
MADE_SHARE = 0.9
"""The share of a layer's time that making it takes; the rest is packing."""


@dataclass(frozen=True)
class BuildProgress:
    """How far a build is: the layer that is being made, and the share of all that is done."""

    name: str
    number: int
    count: int
    title: str
    fraction: float
    verb: str = "building"

    def __str__(self) -> str:
        step = f"{self.number}/{self.count} {self.title}"
        return f"{self.verb} {self.name}: {step} … {self.fraction * 100:.0f} %"


Report = Callable[[BuildProgress], None]


@dataclass(frozen=True)
class _Layer:
    """A finished layer in the cache: its files (for the steps above it) and its blob."""

    files: Path
    packed: PackedLayer


class Meter:
    """Turns the fraction of one layer into the fraction of all, which never goes back.

    A step may look as if it did: a download that is whole is moved out of sight.
    """

    def __init__(self, recipe: Recipe, report: Report) -> None:
        self._recipe = recipe
        self._report = report
        self._total = sum(layer.seconds for layer in recipe.layers)
        self._furthest = 0.0

    def at(self, number: int, part: float) -> None:
        """Report that so much of a layer is done; layers are numbered from 0."""
        layers = self._recipe.layers
        before = sum(layer.seconds for layer in layers[:number])
        done = (before + layers[number].seconds * part) / self._total
        name = str(self._recipe.reference)
        title = layers[number].title
        self._furthest = max(self._furthest, done)
        self._report(BuildProgress(name, number + 1, len(layers), title, self._furthest))


def build(store: ImageStore, directory: Path, report: Report = lambda _: None) -> StoredImage:
    """Make the image of the recipe in `directory` and put it into the store."""
    recipe = load_recipe(directory)
    if os.geteuid() != 0:
        raise ImageError(
            ImageRefusal.BUILD_FAILED, "An image is built as root: run the command with sudo."
        )
    keys = layer_keys(directory, recipe)
    with disk_full_refused(), store.layout.building(), store.layout.adding() as tmp:
        packed = _of_an_earlier_build(store, recipe, keys)
        if packed is not None and _says_the_same(store, recipe):
            return store.describe(recipe.reference)
        if packed is None:
            layers = _make_all(store, directory, recipe, keys, tmp, report)
            packed = [layer.packed for layer in layers]
        image = store.publish(recipe.reference, *_manifest(store, recipe, keys, packed))
        # The image is whole: what was kept for going on is not needed any more.
        store.layout.forget_builds()
    return image


def _of_an_earlier_build(
    store: ImageStore, recipe: Recipe, keys: list[str]
) -> list[PackedLayer] | None:
    """The layers of the image of this name, where the same recipe made them."""
    descriptor = store.find(recipe.reference)
    if descriptor is None:
        return None
    manifest = store.manifest(descriptor)
    layers = manifest["layers"]
    if [layer.get("annotations", {}).get(KEY) for layer in layers] != keys:
        return None
    config = json.loads(store.layout.blob(manifest["config"]["digest"]).read_bytes())
    return [
        PackedLayer(layer["digest"], diff_id, layer["size"], layer["mediaType"])
        for layer, diff_id in zip(layers, config["rootfs"]["diff_ids"], strict=True)
    ]


def _says_the_same(store: ImageStore, recipe: Recipe) -> bool:
    descriptor = store.find(recipe.reference)
    assert descriptor is not None
    digest = store.manifest(descriptor)["config"]["digest"]
    config = json.loads(store.layout.blob(digest).read_bytes())
    return bool(config["config"] == recipe.config.as_oci())


def _make_all(
    store: ImageStore,
    directory: Path,
    recipe: Recipe,
    keys: list[str],
    tmp: Path,
    report: Report,
) -> list[_Layer]:
    meter = Meter(recipe, report)
    layers: list[_Layer] = []
    for number, key in enumerate(keys):
        report_part = functools.partial(meter.at, number)
        made_of = recipe.layers[number]
        layers.append(_layer(store, directory, made_of, key, layers, tmp, report_part))
    return layers


def _layer(
    store: ImageStore,
    directory: Path,
    layer: LayerRecipe,
    key: str,
    below: list[_Layer],
    tmp: Path,
    report: Callable[[float], None],
) -> _Layer:
    report(0.0)
    kept = store.layout.cache / key
    finished = _kept(store, kept)
    if finished is None:
        made = tmp / key
        (made / "files").mkdir(parents=True)
        scratch = tmp / f"{key}.scratch"
        scratch.mkdir()
        downloads = store.layout.cache / "downloads"
        downloads.mkdir(exist_ok=True)
        bench = Bench(
            recipe=directory.resolve(),
            target=made / "files",
            below=tuple(one.files for one in below),
            scratch=scratch,
            downloads=downloads,
            log=store.layout.root / "build.log",
        )
        carry_out(layer, bench, lambda part: report(part * MADE_SHARE))
        _pack(store, layer, made, tmp / "blob", report)
        shutil.rmtree(kept, ignore_errors=True)
        os.replace(made, kept)
        finished = _kept(store, kept)
        assert finished is not None
    report(1.0)
    return finished


def _pack(
    store: ImageStore, layer: LayerRecipe, made: Path, blob: Path, report: Callable[[float], None]
) -> None:
    files = made / "files"
    total = max(1, tree_bytes(files))
    rest = 1 - MADE_SHARE
    packed = pack(
        files, blob, layer.compress, lambda done: report(MADE_SHARE + rest * done / total)
    )
    store.layout.adopt(blob, packed.digest)
    (made / "layer.json").write_text(json.dumps(asdict(packed)))


def _kept(store: ImageStore, kept: Path) -> _Layer | None:
    """A layer that an earlier build finished, where its blob is still there."""
    try:
        packed = PackedLayer(**json.loads((kept / "layer.json").read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    if not store.layout.blob(packed.digest).exists():
        return None
    return _Layer(kept / "files", packed)


def _manifest(
    store: ImageStore, recipe: Recipe, keys: list[str], layers: list[PackedLayer]
) -> tuple[bytes, str]:
    config = {
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": recipe.config.as_oci(),
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [{"created_by": f"busbar image build: {one.title}"} for one in recipe.layers],
    }
    content: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": CONFIG_TYPE, **store.layout.put(_json(config))},
        "layers": [
            {
                "mediaType": layer.media_type,
                "digest": layer.digest,
                "size": layer.size,
                "annotations": {KEY: key},
            }
            for key, layer in zip(keys, layers, strict=True)
        ],
    }
    return _json(content), MANIFEST_TYPE


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, ensure_ascii=False).encode()
