"""Packs a directory into a layer: a tar in a fixed order, hashed (and compressed) as it is written.

Directories come out of overlayfs, whose whiteouts become those of the image specification
(github.com/opencontainers/image-spec/blob/main/layer.md). Next: `build.py`.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import zstandard

TAR = "application/vnd.oci.image.layer.v1.tar"
CHUNK = 1 << 20
ZSTD_LEVEL = 1


@dataclass(frozen=True)
class PackedLayer:
    """A layer's blob: digest as stored, diff_id of the plain tar."""

    digest: str
    diff_id: str
    size: int
    media_type: str


class _Sink:
    """A writer for tarfile that hashes, compresses and hashes again."""

    def __init__(self, out: IO[bytes], compress: bool) -> None:
        self._out = out
        self._compressor: Any = None
        if compress:
            self._compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL, threads=2).compressobj()
        self.plain = hashlib.sha256()
        self.stored = hashlib.sha256() if compress else self.plain
        self.size = 0

    def write(self, data: bytes) -> int:
        self.plain.update(data)
        self._emit(self._compressor.compress(data) if self._compressor else data)
        return len(data)

    def finish(self) -> None:
        if self._compressor:
            self._emit(self._compressor.flush())

    def _emit(self, data: bytes) -> None:
        if self._compressor and data:
            self.stored.update(data)
        self._out.write(data)
        self.size += len(data)


def pack(source: Path, target: Path, compress: bool, report: Callable[[int], None]) -> PackedLayer:
    """Write the tree below `source` as a layer to `target`; `report` gets the bytes read so far."""
    with open(target, "wb") as out:
        sink = _Sink(out, compress)
        with tarfile.open(
            fileobj=cast(IO[bytes], sink), mode="w|", bufsize=CHUNK, format=tarfile.PAX_FORMAT
        ) as tar:
            tar.copybufsize = CHUNK  # type: ignore[attr-defined]
            done = 0
            for path, name in _entries(source):
                done += _add(tar, path, name)
                report(done)
        sink.finish()
    return PackedLayer(
        digest="sha256:" + sink.stored.hexdigest(),
        diff_id="sha256:" + sink.plain.hexdigest(),
        size=sink.size,
        media_type=TAR + ("+zstd" if compress else ""),
    )


def tree_bytes(source: Path) -> int:
    """Bytes of all regular files below `source`."""
    statuses = (os.lstat(path) for path, _ in _entries(source))
    return sum(status.st_size for status in statuses if stat.S_ISREG(status.st_mode))


def _entries(source: Path) -> Iterator[tuple[Path, str]]:
    """Everything below `source`, parents first, names in byte order."""
    for folder, folders, files in os.walk(source):
        folders.sort()
        for name in sorted(folders + files):
            path = Path(folder) / name
            yield path, str(path.relative_to(source))


def _add(tar: tarfile.TarFile, path: Path, name: str) -> int:
    status = os.lstat(path)
    if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
        folder, _, base = name.rpartition("/")
        tar.addfile(_empty(f"{folder}/.wh.{base}" if folder else f".wh.{base}"))
        return 0
    if (
        stat.S_ISCHR(status.st_mode)
        or stat.S_ISBLK(status.st_mode)
        or stat.S_ISSOCK(status.st_mode)
    ):
        # Devices are the runtime's to give.
        return 0
    entry = tar.gettarinfo(str(path), name)
    entry.uname = entry.gname = ""
    # Whole seconds: what a program saw at build time (a class archive its jars) it must see again.
    entry.mtime = int(entry.mtime)
    entry.pax_headers = _capabilities(path) if entry.isreg() else {}
    if entry.isreg():
        with open(path, "rb") as content:
            tar.addfile(entry, content)
        return entry.size
    tar.addfile(entry)
    if entry.isdir() and _opaque(path):
        tar.addfile(_empty(f"{name}/.wh..wh..opq"))
    return 0


def _empty(name: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode = 0o600
    return entry


def _capabilities(path: Path) -> dict[str, str]:
    if "security.capability" not in os.listxattr(path):
        return {}
    value = os.getxattr(path, "security.capability")
    return {"SCHILY.xattr.security.capability": value.decode("utf-8", "surrogateescape")}


def _opaque(path: Path) -> bool:
    try:
        return os.getxattr(path, "trusted.overlay.opaque") == b"y"
    except OSError:
        return False
