"""An OCI image layout on disk: content by digest, names in one index, safe for many processes.

Source: github.com/opencontainers/image-spec/blob/main/image-layout.md; skopeo reads and writes
the same directory as `oci:DIR:NAME`. Three rules keep it whole whatever dies when:
content appears by rename under its digest; the index is replaced by rename under `index.lock`;
who adds holds `busy.lock` shared, and who sweeps needs it alone.
Next: `store.py`, the operations people ask for.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from busbar.images.workplace import Workplace, locked

REF_NAME = "org.opencontainers.image.ref.name"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
MANIFEST_BYTES_MAX = 4 << 20
"""What registries accept at most; anything larger is not a manifest."""

Descriptor = dict[str, Any]


class Layout:
    """The directory and its three rules; knows descriptors, not references."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = root / "blobs" / "sha256"
        self.tmp = root / "tmp"
        self.cache = root / "cache"
        self._index = root / "index.json"
        self._workplace = Workplace(self.tmp, root / "busy.lock")

    def prepare(self) -> None:
        """Make the directory an (empty) layout; does nothing to one that is there."""
        for directory in (self.blobs, self.tmp, self.cache):
            directory.mkdir(parents=True, exist_ok=True)
        if not (self.root / "oci-layout").exists():
            self._replace(self.root / "oci-layout", b'{"imageLayoutVersion": "1.0.0"}\n')

    def blob(self, digest: str) -> Path:
        """Where the content with this digest is or would be."""
        return self.blobs / digest.removeprefix("sha256:")

    def descriptors(self) -> list[Descriptor]:
        """The index: one descriptor of a manifest for each name."""
        try:
            index = json.loads(self._index.read_bytes())
        except FileNotFoundError:
            return []
        return list(index["manifests"])

    def edit(self, change: Callable[[list[Descriptor]], list[Descriptor]]) -> None:
        """Replace the index by `change(index)`, alone and at once."""
        with locked(self.root / "index.lock", fcntl.LOCK_EX):
            manifests = change(self.descriptors())
            index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": manifests}
            self._replace(self._index, json.dumps(index, indent=1, sort_keys=True).encode())

    def put(self, content: bytes) -> Descriptor:
        """Store a small blob; gives digest and size."""
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        if not self.blob(digest).exists():
            self._replace(self.blob(digest), content)
        return {"digest": digest, "size": len(content)}

    def adopt(self, path: Path, digest: str) -> None:
        """Move a finished file, whose digest the caller has checked, into the store."""
        os.replace(path, self.blob(digest))

    def sync(self) -> None:
        """Make everything written so far survive a power cut; before a name points to it."""
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _syncfs(descriptor)
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def adding(self) -> Iterator[Path]:
        """Hold off sweeping; gives a temporary directory on the same file system."""
        self.prepare()
        with self._workplace.working() as directory:
            yield directory

    def sweep(self, referenced: Callable[[], set[str]]) -> bool:
        """Delete what nothing refers to; leaves it for later where somebody is adding."""
        try:
            with self._workplace.alone():
                keep = {digest.removeprefix("sha256:") for digest in referenced()}
                for path in self.blobs.iterdir():
                    if path.name not in keep:
                        path.unlink(missing_ok=True)
        except BlockingIOError:
            return False
        return True

    @contextlib.contextmanager
    def building(self) -> Iterator[None]:
        """One build at a time: a second one waits, and then finds the layers of the first."""
        self.prepare()
        with locked(self.root / "build.lock", fcntl.LOCK_EX):
            yield

    def forget_builds(self) -> None:
        """Remove what is kept for going on with builds; only while `building`."""
        for path in self.cache.iterdir():
            shutil.rmtree(path, ignore_errors=True)

    def _replace(self, path: Path, content: bytes) -> None:
        with tempfile.NamedTemporaryFile(dir=self.root, prefix=".", delete=False) as partial:
            partial.write(content)
            partial.flush()
            os.fsync(partial.fileno())
        os.chmod(partial.name, 0o644)
        os.replace(partial.name, path)


def _syncfs(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syncfs(descriptor) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
