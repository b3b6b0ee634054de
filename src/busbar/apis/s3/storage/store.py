"""The storage as the door uses it: reads at once, writes that return when they are durable.

Reading an object and pinning its files is one step on the event loop's thread, and so is deciding
which files a commit has freed: that is why no reader ever loses its file. Next: `index.py`.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from busbar.apis.s3.errors import CannotOpen, Code, S3Error
from busbar.apis.s3.ports import Clock
from busbar.apis.s3.storage import index, listing, schema, uploads
from busbar.apis.s3.storage.blobs import Blobs
from busbar.apis.s3.storage.body import Body
from busbar.apis.s3.storage.commit import GroupCommit
from busbar.apis.s3.storage.records import (
    ALWAYS,
    Condition,
    Content,
    Headers,
    Listing,
    Part,
    Segment,
    Stored,
    Upload,
)

INLINE_BYTES_MAX = 64 * 1024
PURGE_BATCH = 256
POOL_THREADS = 8

T = TypeVar("T")
_NONE: Mapping[str, str] = MappingProxyType({})


class Place(NamedTuple):
    """An object's address: bucket uid and key."""

    bucket: str
    key: str


class DataInUse(CannotOpen):
    """Another process serves this data directory."""


class IndexMissing(CannotOpen):
    """There are files but no index: sweeping would remove them all."""


class Storage:
    """Objects of all buckets under one data directory."""

    def __init__(self, root: Path, clock: Clock) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._lock = _lock(root / "lock")
        try:
            self._open(root, clock)
        except BaseException:
            os.close(self._lock)
            raise

    def _open(self, root: Path, clock: Clock) -> None:
        self._clock = clock
        self._closed: set[str] = set()
        self.pool = ThreadPoolExecutor(POOL_THREADS, "s3-data")
        self.blobs = Blobs(root)
        path = str(root / "index.sqlite")
        if not Path(path).exists() and self.blobs.any():
            raise IndexMissing(
                f"{path} is missing, but there are objects' files beside it; restore it from the "
                "backup, or move the folder away to begin anew"
            )
        self._writer = schema.connect(path)
        schema.migrate(self._writer, clock())
        self._reader = schema.connect(path, readonly=True)
        self._lister = schema.connect(path, readonly=True)
        self._listing = ThreadPoolExecutor(1, "s3-list")
        self.swept = self.blobs.sweep(index.blobs_in_use(self._writer))
        self._commit = GroupCommit(self._writer, self._orphaned)

    async def close(self) -> None:
        """Finish what is under way and let another process in."""
        await self._commit.close()
        self._listing.shutdown()
        self.pool.shutdown()
        for db in (self._lister, self._reader, self._writer):
            db.close()
        os.close(self._lock)

    # reading

    def find(self, place: Place) -> Stored | None:
        """Give an object without its body, or None."""
        return index.find(self._reader, *place)

    def open(self, place: Place) -> Body | None:
        """Give an object with its body pinned, or None."""
        found = index.find_with_segments(self._reader, *place)
        return None if found is None else Body(*found, self.blobs, self.pool, self._remove)

    async def list_page(
        self, bucket: str, prefix: str, delimiter: str, after: str, limit: int
    ) -> Listing:
        """Give one page of a bucket."""
        return await self._in_lister(
            lambda: listing.page(self._lister, bucket, prefix, delimiter, after, limit)
        )

    async def sizes(self) -> dict[str, tuple[int, int]]:
        """Give each bucket's objects and bytes. Reads the whole index: ask seldom."""
        return await self._in_lister(lambda: index.sizes(self._lister))

    # writing

    async def put(
        self, place: Place, content: Content, headers: Headers, condition: Condition = ALWAYS
    ) -> Stored:
        """Create or replace an object."""

        def op(change: index.Change) -> Stored:
            self._check_open(place.bucket)
            return index.put(change, *place, content, headers, condition, self._clock())

        return await self._keeping(content, op)

    async def delete(self, bucket: str, key: str, if_match: str | None = None) -> None:
        """Delete an object; absence is fine unless a condition was given."""

        def op(change: index.Change) -> None:
            if if_match is not None:
                index.check(Condition(if_match), index.find(change.db, bucket, key))
            change.delete_object(bucket, key)

        await self._commit.run(op)

    async def delete_many(self, bucket: str, keys: Iterable[str]) -> None:
        """Delete objects in one transaction; absence is fine."""

        def op(change: index.Change) -> None:
            for key in keys:
                change.delete_object(bucket, key)

        await self._commit.run(op, large=True)

    async def copy(
        self,
        source: Place,
        target: Place,
        admit: Callable[[Stored], None],
        headers: Headers | None,
        condition: Condition = ALWAYS,
    ) -> Stored:
        """Copy an object without moving data; `admit` may refuse the source it finds."""

        def op(change: index.Change) -> Stored:
            self._check_open(target.bucket)
            found = index.find(change.db, *source)
            if found is None:
                raise S3Error(Code.NoSuchKey, "The copy source does not exist.")
            admit(found)
            index.check(condition, index.find(change.db, *target))
            pieces = index.segments_of(change.db, found.version)
            stored = found._replace(
                key=target.key,
                version=change.add_segments(pieces),
                modified=self._clock(),
                headers=found.headers if headers is None else headers,
            )
            change.write_object(target.bucket, stored)
            return stored

        return await self._commit.run(op)

    # multipart

    async def create_upload(self, upload: Upload) -> None:
        """Start a multipart upload."""

        def op(change: index.Change) -> None:
            self._check_open(upload.bucket)
            uploads.create(change, upload)

        await self._commit.run(op)

    def find_upload(self, place: Place, upload_id: str) -> Upload:
        """Give an upload, or refuse."""
        return uploads.find(self._reader, *place, upload_id)

    async def put_part(
        self, upload: Upload, number: int, content: Content, checksums: dict[str, str]
    ) -> Part:
        """Keep a part."""
        part = Part(number, 0, content.size, content.etag, self._clock(), checksums)
        return await self._keeping(
            content, lambda change: uploads.put_part(change, upload, content, part)
        )

    async def put_part_copy(
        self,
        upload: Upload,
        number: int,
        source: Place,
        body: Body,
        etag: str,
        pieces: list[Segment],
    ) -> Part:
        """Keep a part that shares pieces of an object that the caller has pinned."""
        size = sum(piece.length for piece in pieces)
        part = Part(number, 0, size, etag, self._clock(), {})

        def op(change: index.Change) -> Part:
            # Only what the index still mentions may be mentioned again.
            found = index.find(change.db, *source)
            if found is None or found.version != body.stored.version:
                raise S3Error(Code.SlowDown, "The copy source changed meanwhile; try again.")
            return uploads.put_part_copy(change, upload, pieces, part)

        return await self._commit.run(op)

    def parts(self, upload: Upload, after: int, limit: int) -> list[Part]:
        """Give parts after a number."""
        return uploads.parts(self._reader, upload.id, after, limit)

    async def complete(
        self,
        upload: Upload,
        wanted: list[uploads.Wanted],
        checksums: Mapping[str, str] = _NONE,
        condition: Condition = ALWAYS,
    ) -> Stored:
        """Make an object of parts."""

        def op(change: index.Change) -> Stored:
            self._check_open(upload.bucket)
            return uploads.complete(change, upload, wanted, checksums, condition, self._clock())

        return await self._commit.run(op, large=True)

    async def abort(self, upload: Upload) -> None:
        """Forget an upload."""
        await self._commit.run(lambda change: uploads.abort(change, upload), large=True)

    async def list_uploads(
        self, bucket: str, prefix: str, after: tuple[str, str], limit: int
    ) -> list[Upload]:
        """Give uploads after (key, id)."""
        return await self._in_lister(
            lambda: uploads.listing(self._lister, bucket, prefix, after, limit)
        )

    # buckets

    async def close_bucket(self, bucket: str) -> None:
        """Refuse if a bucket has objects; else let nothing in any more (until `reopen_bucket`)."""

        def op(change: index.Change) -> None:
            if not index.is_empty(change.db, bucket):
                raise S3Error(
                    Code.BucketNotEmpty, "The bucket has objects; delete them before the bucket."
                )
            self._closed.add(bucket)

        await self._commit.run(op)

    def reopen_bucket(self, bucket: str) -> None:
        """Take `close_bucket` back."""
        self._closed.discard(bucket)

    async def purge(self, bucket: str) -> None:
        """Forget everything in a bucket that is gone, and let nothing in any more."""
        self._closed.add(bucket)
        while await self._commit.run(
            lambda change: index.purge(change, bucket, PURGE_BATCH), large=True
        ):
            pass

    async def buckets_with_data(self) -> list[str]:
        """Give the uids of buckets that hold something."""
        return await self._in_lister(lambda: index.buckets_with_data(self._lister))

    # inside

    def _check_open(self, bucket: str) -> None:
        if bucket in self._closed:
            raise S3Error(Code.NoSuchBucket, "The bucket does not exist.")

    async def _keeping(self, content: Content, op: Callable[[index.Change], T]) -> T:
        try:
            return await self._commit.run(op)
        except S3Error as refusal:
            # After a failed sync the commit may yet have happened: then the file stays, and the
            # next start decides.
            if content.blob is not None and refusal.code is not Code.InternalError:
                self._remove([content.blob])
            raise

    def _orphaned(self, names: Iterable[str]) -> None:
        self._remove(self.blobs.doom(names))

    def _remove(self, names: list[str]) -> None:
        if names:
            self.pool.submit(self.blobs.remove, names)

    async def _in_lister(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._listing, work)


def _lock(path: Path) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise DataInUse(
            f"{path.parent} is served by another process; stop that one or choose another directory"
        ) from None
    return fd
