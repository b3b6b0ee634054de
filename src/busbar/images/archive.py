"""Tells which kind of image a file or directory is, and the name it carries. Next: `store.py`."""

from __future__ import annotations

import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from busbar.images.layout import MANIFEST_BYTES_MAX, REF_NAME
from busbar.images.refusals import ImageError, ImageRefusal


@dataclass(frozen=True)
class Archive:
    """What skopeo is given to read it, and the first name it carries."""

    path: Path
    source: str
    name: str | None


def open_archive(path: Path) -> Archive:
    """Recognise a docker-archive, an oci-archive or an OCI layout directory."""
    if path.is_dir():
        return _from_layout(path)
    if not path.is_file():
        raise ImageError(ImageRefusal.NOT_FOUND, f"{path} is not there.")
    try:
        with tarfile.open(path) as tar:
            return _from_tar(path, tar)
    except (tarfile.TarError, OSError, ValueError, KeyError, TypeError, EOFError):
        raise _unreadable(path) from None


def _from_layout(path: Path) -> Archive:
    try:
        index = json.loads((path / "index.json").read_bytes())
        name = _layout_name(index)
    except (OSError, ValueError, KeyError, TypeError):
        raise _unreadable(path) from None
    return Archive(path, f"oci:{path}" + _selector(index), name)


def _from_tar(path: Path, tar: tarfile.TarFile) -> Archive:
    """Docker writes both an index and its own manifest since version 25; its own has the tags."""
    found: dict[str, Any] = {}
    for member in tar:
        name = member.name.removeprefix("./")
        if name in ("manifest.json", "index.json") and member.size <= MANIFEST_BYTES_MAX:
            content: IO[bytes] | None = tar.extractfile(member)
            found[name] = json.loads(content.read()) if content is not None else None
    if "manifest.json" in found:
        tags = found["manifest.json"][0].get("RepoTags") or []
        selector = f":{tags[0]}" if tags else ""
        return Archive(path, f"docker-archive:{path}{selector}", tags[0] if tags else None)
    index = found["index.json"]
    return Archive(path, f"oci-archive:{path}" + _selector(index), _layout_name(index))


def _layout_name(index: dict[str, Any]) -> str | None:
    annotations = index["manifests"][0].get("annotations") or {}
    name = annotations.get("io.containerd.image.name") or annotations.get(REF_NAME)
    return str(name) if name else None


def _selector(index: dict[str, Any]) -> str:
    """skopeo must be told which image where the layout holds several."""
    if len(index["manifests"]) == 1:
        return ""
    return ":" + str(index["manifests"][0]["annotations"][REF_NAME])


def _unreadable(path: Path) -> ImageError:
    return ImageError(
        ImageRefusal.INVALID_IMAGE,
        f"{path} is no image: give a file of `docker save`, an OCI archive or an OCI layout.",
    )
