"""What a node has of images, on disk: unpacked layers by content, images by name.

    layers/HEX/diff     a layer as overlayfs wants it; HEX is the start of its diff id
    layers/HEX/boot     the boot during which it was written; removed once it is surely on disk
    images/HASH.json    a name: manifest digest, config, layers; what the name meant before, and
                        may still be running, stays beside it until it is collected
    tmp/                work in progress; worth nothing after a crash

A layer appears by rename when it is whole. A machine that loses power may keep the rename and
lose the content: hence `boot`. Workers hold `lock` shared, the collector needs it alone.
Next: `places.py`.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from busbar.agent.clock import boot_id
from busbar.images.reference import Reference
from busbar.images.workplace import Workplace

HEX = 32
"""Characters of a diff id in a path: enough to be unique, short enough for mount options."""


@dataclass(frozen=True)
class UnpackedImage:
    """An image ready to be run; `layers` lowest first, `config` as in an image's `config`."""

    reference: str
    digest: str
    layers: tuple[Path, ...]
    config: dict[str, Any]


class ImageRecord(msgspec.Struct, frozen=True):
    """What is kept of an image."""

    reference: str
    digest: str
    diff_ids: list[str]
    config: dict[str, Any]
    key: str = ""
    """Hash of the credentials it was fetched with; who has others must fetch it again."""


class Listed(NamedTuple):
    """An image that is here, whole: its name in full, and what it takes on disk."""

    reference: str
    size_bytes: int


class Catalog:
    """One directory of layers and images; any number of workers may add at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.tmp = root / "tmp"
        self._layers = root / "layers"
        self._images = root / "images"
        self._workplace = Workplace(self.tmp, root / "lock")
        self._sizes: dict[str, int] = {}
        """Of layers, by their folder's name: what is unpacked does not change."""

    def prepare(self) -> None:
        """Make the directories."""
        for directory in (self.tmp, self._layers, self._images):
            directory.mkdir(parents=True, exist_ok=True)
        # Unpacked layers hold set-user-id files of strangers: nobody else may come near them.
        self.root.chmod(0o700)

    def find(self, reference: Reference, key: str = "") -> UnpackedImage | None:
        """The image, where all of it is here; never asks a registry."""
        record = self.record(reference)
        if record is None or record.key not in ("", key):
            return None
        if not all(self.has_layer(diff_id) for diff_id in record.diff_ids):
            return None
        layers = tuple(self.layer(diff_id) / "diff" for diff_id in record.diff_ids)
        return UnpackedImage(record.reference, record.digest, layers, record.config)

    def record(self, reference: Reference) -> ImageRecord | None:
        """What is kept of a name."""
        try:
            content = self._record_path(reference).read_bytes()
            return msgspec.json.decode(content, type=ImageRecord)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def save(self, reference: Reference, record: ImageRecord) -> None:
        """Keep a name; its layers must be here."""
        path = self._record_path(reference)
        older = self.record(reference)
        if older is not None and older.digest != record.digest:
            os.replace(path, path.with_suffix(f".{older.digest[7:39]}"))
        with tempfile.NamedTemporaryFile(dir=self.root, delete=False) as partial:
            partial.write(msgspec.json.encode(record))
        os.replace(partial.name, path)

    def listed(self) -> list[Listed]:
        """Give the images that are here, whole. Slow where a layer is new: it is walked once."""
        found = []
        for path in sorted(self._images.glob("*.json")):
            try:
                record = msgspec.json.decode(path.read_bytes(), type=ImageRecord)
            except (FileNotFoundError, msgspec.DecodeError):
                continue
            if all(self.has_layer(diff_id) for diff_id in record.diff_ids):
                size = sum(self._size(self.layer(diff_id)) for diff_id in set(record.diff_ids))
                found.append(Listed(record.reference, size))
        return found

    def _size(self, layer: Path) -> int:
        if layer.name not in self._sizes:
            self._sizes[layer.name] = size_of(layer)
        return self._sizes[layer.name]

    def layer(self, diff_id: str) -> Path:
        """Where a layer is or would be."""
        return self._layers / diff_id.removeprefix("sha256:")[:HEX]

    def has_layer(self, diff_id: str) -> bool:
        """Whether a layer is here, whole."""
        layer = self.layer(diff_id)
        return layer.is_dir() and self._written_now(layer)

    def add_layer(self, made: Path, diff_id: str) -> None:
        """Take over a folder with a finished `diff`; the loser of a race throws its own away."""
        (made / "boot").write_text(boot_id())
        target = self.layer(diff_id)
        if target.exists() and not self.has_layer(diff_id):
            os.replace(target, made.with_name(f"{made.name}.lost"))
        try:
            os.replace(made, target)
        except OSError:
            if not self.has_layer(diff_id):
                raise
            shutil.rmtree(made)

    def settle(self) -> None:
        """Once all that was written is surely on disk, the boot does not matter any more."""
        pending = [
            layer
            for layer in self._layers.iterdir()
            if (layer / "boot").exists() and self._written_now(layer)
        ]
        if pending:
            os.sync()
        for layer in pending:
            (layer / "boot").unlink(missing_ok=True)

    @contextlib.contextmanager
    def adding(self) -> Iterator[Path]:
        """Hold off the collector; gives a temporary directory that is removed afterwards."""
        self.prepare()
        with self._workplace.working() as directory:
            yield directory

    def touch(self, reference: Reference) -> None:
        """Note that an image was asked for just now."""
        with contextlib.suppress(FileNotFoundError):
            os.utime(self._record_path(reference))

    def collect(self, in_use: set[str], before_s: float = math.inf) -> bool:
        """Remove images that are not in use and were last asked for before a time (Unix seconds).

        Their layers go with them. Gives False, having done nothing, while an image is fetched.
        """
        self.prepare()
        try:
            with self._workplace.alone():
                self._collect(in_use, before_s)
        except BlockingIOError:
            return False
        return True

    def _written_now(self, layer: Path) -> bool:
        """Whether a layer is surely on disk, or was written during this boot."""
        try:
            return (layer / "boot").read_text() == boot_id()
        except FileNotFoundError:
            return True

    def _collect(self, in_use: set[str], before_s: float) -> None:
        keep: set[Path] = set()
        for path in self._images.iterdir():
            try:
                record = msgspec.json.decode(path.read_bytes(), type=ImageRecord)
            except msgspec.DecodeError:
                record = None
            old = path.stat().st_mtime < before_s
            if record is None or (old and record.digest not in in_use):
                path.unlink()
            else:
                keep |= {self.layer(diff_id) for diff_id in record.diff_ids}
        for layer in set(self._layers.iterdir()) - keep:
            # First out of sight, so that a half-removed layer is never taken for a whole one.
            doomed = Path(tempfile.mkdtemp(dir=self.tmp)) / layer.name
            os.replace(layer, doomed)

    def _record_path(self, reference: Reference) -> Path:
        return self._images / (hashlib.sha256(str(reference).encode()).hexdigest() + ".json")


def size_of(folder: Path) -> int:
    """Give the bytes of all files below a folder; what goes meanwhile counts nothing."""
    total, todo = 0, [folder]
    while todo:
        with contextlib.suppress(OSError), os.scandir(todo.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    todo.append(Path(entry.path))
                elif entry.is_file(follow_symlinks=False):
                    with contextlib.suppress(OSError):
                        total += entry.stat(follow_symlinks=False).st_size
    return total
