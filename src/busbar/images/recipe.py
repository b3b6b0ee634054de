"""A recipe: how an image is made from packages, without any registry.

A recipe is a directory with a `recipe.toml` and the files it names:

    name = "docker.io/apache/spark:latest"   # under which it is stored
    [config]                                 # as in an image's config: user, env, entrypoint …
    [[layers]]                               # lowest first
    title = "Debian packages"                # what people see while it is made
    step = "debian"                          # one of `Step`; the other keys are the step's own
    compress = true                          # false where the content is compressed already
    seconds = 40                             # about how long it takes, for the progress bar

Next: `steps.py`, which carries the steps out.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from busbar.images.reference import Reference, parse_reference
from busbar.images.refusals import ImageError, ImageRefusal

FORMAT = 1
"""Part of every layer's key: raise it when the same recipe is to give other layers."""


class Step(StrEnum):
    """What can make a layer."""

    DEBIAN = "debian"
    PACKAGES = "packages"
    PYPI = "pypi"
    FILES = "files"
    RUN = "run"


class LayerRecipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One layer; which fields count depends on the step."""

    title: str
    step: Step
    compress: bool = True
    seconds: Annotated[float, Meta(gt=0)] = 1.0
    lines: Annotated[int, Meta(ge=1)] = 100
    """About how many lines the step's tool prints: that is how far it is known to be."""

    suite: str = "bookworm"
    """debian: the suite; debian and packages: what to take from it."""
    packages: list[str] = []
    exclude: list[str] = []
    """debian: dpkg path patterns that are left out."""
    requirement: str = ""
    """pypi: `name==version`, taken as source distribution with the digest `sha256`."""
    sha256: str = ""
    bytes: Annotated[int, Meta(ge=1)] = 1 << 20
    """pypi: about how large the download is."""
    place: dict[str, str] = {}
    """pypi, packages: path in the package -> path in the image; pypi takes nothing else."""
    skip: list[str] = []
    """pypi: patterns of file names that are left out."""
    links: dict[str, list[str]] = {}
    """packages: target of a symbolic link -> the links to make."""
    source: str = "rootfs"
    """files: directory of the recipe that is copied to `/`."""
    folders: dict[str, str] = {}
    """files: folders to make, with their permissions in octal."""
    script: str = ""
    """run: file of the recipe, run as root in the image made so far."""


class ConfigRecipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the image's config says about running it."""

    user: str = ""
    working_dir: str = ""
    entrypoint: list[str] = []
    cmd: list[str] = []
    env: dict[str, str] = {}
    labels: dict[str, str] = {}

    def as_oci(self) -> dict[str, Any]:
        """The `config` object of an OCI image config."""
        config: dict[str, Any] = {
            "User": self.user,
            "WorkingDir": self.working_dir,
            "Env": [f"{name}={value}" for name, value in self.env.items()],
            "Entrypoint": self.entrypoint,
            "Cmd": self.cmd,
            "Labels": self.labels,
        }
        return {key: value for key, value in config.items() if value}


class Recipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole recipe."""

    name: str
    description: str = ""
    config: ConfigRecipe = ConfigRecipe()
    layers: Annotated[list[LayerRecipe], Meta(min_length=1, max_length=32)]

    @property
    def reference(self) -> Reference:
        """The full name of the image it makes."""
        return parse_reference(self.name)


def load_recipe(directory: Path) -> Recipe:
    """Read `directory`/recipe.toml; raises `ImageError` naming the field that is wrong."""
    path = directory / "recipe.toml"
    try:
        recipe = msgspec.convert(tomllib.loads(path.read_text()), Recipe)
    except FileNotFoundError:
        raise ImageError(
            ImageRefusal.NOT_FOUND, f"{path} is not there: name a directory with a recipe."
        ) from None
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise ImageError(ImageRefusal.BUILD_FAILED, f"{path}: {error}.") from None
    _ = recipe.reference
    return recipe


def layer_keys(directory: Path, recipe: Recipe) -> list[str]:
    """A name for each layer that changes when anything that goes into it changes."""
    keys: list[str] = []
    above = str(FORMAT)
    for layer in recipe.layers:
        digest = hashlib.sha256(above.encode())
        made_of = {k: v for k, v in msgspec.to_builtins(layer).items() if k not in _ONLY_SHOWN}
        digest.update(json.dumps(made_of, sort_keys=True).encode())
        for path in _inputs(directory, layer):
            digest.update(_fingerprint(directory, path))
        above = digest.hexdigest()
        keys.append(above[:32])
    return keys


_ONLY_SHOWN = frozenset({"title", "seconds", "lines", "bytes"})


def _inputs(directory: Path, layer: LayerRecipe) -> list[Path]:
    if layer.step is Step.FILES:
        return sorted((directory / layer.source).rglob("*"))
    if layer.step is Step.RUN:
        return [directory / layer.script]
    return []


def _fingerprint(directory: Path, path: Path) -> bytes:
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        content = os.readlink(path).encode()
    else:
        content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
    head = f"{path.relative_to(directory)}\0{status.st_mode:o}\0{len(content)}\0"
    return head.encode() + content
