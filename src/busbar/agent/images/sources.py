"""Where a layer's plain bytes come from: an uncompressed file, or a stream out of zstd or gzip.

Both count and hash what they give, and stop at a limit: a small file may hide a huge one.
Next: `extract.py`.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import hashlib
import io
import mmap
import os
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Protocol

import zstandard

from busbar.agent.images.tarstream import Source, unsafe
from busbar.images.refusals import ImageError, ImageRefusal

CHUNK = 1 << 20
SMALL = 64 << 10
"""Up to here one write beats setting up a copy within the kernel."""
ZSTD_WINDOW_MAX = 128 << 20
GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"


class LayerSource(Source, Protocol):
    """A source that knows its digest once it has been read to the end."""

    def finish(self) -> str:
        """Read the rest; gives `sha256:…` of all plain bytes."""


@contextlib.contextmanager
def open_file(path: Path, bytes_max: int) -> Iterator[LayerSource]:
    """Open a layer that is a file; an uncompressed one is copied by the kernel."""
    with io.BufferedReader(io.FileIO(path), CHUNK) as blob:
        if blob.peek(4)[:4] and not _is_compressed(blob):
            with contextlib.closing(_Plain(blob)) as plain:
                yield plain
        else:
            yield open_stream(blob, bytes_max)


def open_stream(blob: io.BufferedReader[Any], bytes_max: int) -> LayerSource:
    """Open a layer while it arrives. The content tells the compression, not the media type."""
    magic = blob.peek(4)[:4]
    if not magic:
        raise unsafe("it is empty")
    if magic[:2] == GZIP:
        return _Stream(gzip.GzipFile(fileobj=blob), bytes_max)
    if magic == ZSTD:
        decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_MAX)
        return _Stream(decompressor.stream_reader(blob, read_across_frames=True), bytes_max)
    return _Stream(blob, bytes_max)


def _is_compressed(blob: io.BufferedReader[Any]) -> bool:
    magic = blob.peek(4)[:4]
    return magic[:2] == GZIP or magic == ZSTD


class _Plain:
    """An uncompressed tar: the kernel copies the files, a thread hashes beside it."""

    def __init__(self, blob: IO[bytes]) -> None:
        self._descriptor = blob.fileno()
        self._map = mmap.mmap(self._descriptor, 0, access=mmap.ACCESS_READ)
        self._view = memoryview(self._map)
        self._at = 0
        self._digest = ""
        self._hasher = threading.Thread(target=self._hash, daemon=True)
        self._hasher.start()

    def take(self, count: int) -> memoryview:
        taken = self._view[self._at : self._at + count]
        self._at += len(taken)
        return taken

    def skip(self, count: int) -> None:
        self._at += count

    def spool(self, count: int, descriptor: int) -> None:
        if self._at + count > len(self._view):
            raise unsafe("it ends in the middle")
        if count <= SMALL:
            _write_all(descriptor, self.take(count))
            return
        end = self._at + count
        try:
            while self._at < end:
                self._at += os.copy_file_range(
                    self._descriptor, descriptor, end - self._at, offset_src=self._at
                )
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):
                raise
            _write_all(descriptor, self._view[self._at : end])
            self._at = end

    def finish(self) -> str:
        self._hasher.join()
        return self._digest

    def close(self) -> None:
        self._hasher.join()
        self._view.release()
        with contextlib.suppress(BufferError):
            # An entry that is still referred to keeps the map; the process ends soon.
            self._map.close()

    def _hash(self) -> None:
        digest = hashlib.sha256()
        for start in range(0, len(self._view), 8 * CHUNK):
            digest.update(self._view[start : start + 8 * CHUNK])
        self._digest = "sha256:" + digest.hexdigest()


class _Stream:
    """A compressed tar."""

    def __init__(
        self, plain: IO[bytes] | gzip.GzipFile | zstandard.ZstdDecompressionReader, bytes_max: int
    ) -> None:
        self._plain = plain
        self._left = bytes_max
        self._digest = hashlib.sha256()
        self._buffer = memoryview(b"")

    def take(self, count: int) -> bytes | memoryview:
        if len(self._buffer) >= count:
            return self._cut(count)
        parts: list[memoryview] = []
        while count > 0 and self._filled():
            parts.append(self._cut(count))
            count -= len(parts[-1])
        return b"".join(parts)

    def skip(self, count: int) -> None:
        while count > 0 and self._filled():
            count -= len(self._cut(count))

    def spool(self, count: int, descriptor: int) -> None:
        while count > 0:
            if not self._filled():
                raise unsafe("it ends in the middle")
            piece = self._cut(count)
            _write_all(descriptor, piece)
            count -= len(piece)

    def finish(self) -> str:
        while self._filled():
            self._cut(CHUNK)
        return "sha256:" + self._digest.hexdigest()

    def _cut(self, count: int) -> memoryview:
        piece, self._buffer = self._buffer[:count], self._buffer[count:]
        return piece

    def _filled(self) -> bool:
        """Whether there are bytes in the buffer, after reading more where there were none."""
        if not self._buffer:
            self._buffer = memoryview(self._read())
            self._left -= len(self._buffer)
            if self._left < 0:
                raise ImageError(
                    ImageRefusal.TOO_LARGE, "A layer of the image unpacks to more than is allowed."
                )
            self._digest.update(self._buffer)
        return len(self._buffer) > 0

    def _read(self) -> bytes:
        try:
            return self._plain.read(CHUNK)
        except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise unsafe("its compression is damaged") from None


def _write_all(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
