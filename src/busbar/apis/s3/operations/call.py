"""What every operation gets: the request, who sent it, and the door's parts. Next: `objects.py`."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote

from busbar.apis.s3.body import Incoming, incoming, ingest, read_all
from busbar.apis.s3.canonical import encode
from busbar.apis.s3.errors import Code, S3Error
from busbar.apis.s3.gates import Gates
from busbar.apis.s3.ports import Bucket, BucketDirectory, Clock
from busbar.apis.s3.request import Request, check_key
from busbar.apis.s3.sigv4 import Identity
from busbar.apis.s3.storage.records import Content
from busbar.apis.s3.storage.store import Place, Storage

DOCUMENT_BYTES_MAX = 8 * 1024 * 1024


class Door(NamedTuple):
    """The parts that operations work with."""

    storage: Storage
    directory: BucketDirectory
    clock: Clock
    region: str
    gates: Gates


class Call(NamedTuple):
    """One authenticated request."""

    door: Door
    request: Request
    identity: Identity

    @property
    def namespace(self) -> str:
        """Whose request it is."""
        return self.identity.key.namespace

    @property
    def bucket_name(self) -> str:
        """The bucket that is addressed."""
        return self.request.bucket or ""

    @property
    def key(self) -> str:
        """The key that is addressed, checked."""
        return check_key(self.request.key or "")

    def may_open(self, name: str) -> bool:
        """Say whether the caller's key opens a bucket: a workload's opens those it mounts."""
        return self.identity.key.buckets is None or name in self.identity.key.buckets

    def check_manages_buckets(self) -> None:
        """Refuse a workload's key: it uses the buckets it was given and makes or ends none."""
        if self.identity.key.buckets is not None:
            raise S3Error(
                Code.AccessDenied, "This access key opens certain buckets; it makes and ends none."
            )

    async def bucket(self) -> Bucket:
        """Give the addressed bucket, or refuse."""
        return await self.find_bucket(self.bucket_name)

    async def find_bucket(self, name: str) -> Bucket:
        """Give a bucket of the caller's namespace, or refuse."""
        if not self.may_open(name):
            raise S3Error(Code.AccessDenied, "This access key opens other buckets only.")
        bucket = await self.door.directory.find(self.namespace, name)
        if bucket is None:
            raise S3Error(
                Code.NoSuchBucket, f"The namespace {self.namespace} has no bucket of this name."
            )
        return bucket

    async def place(self) -> Place:
        """Give where the addressed object lies."""
        key = self.key
        return Place((await self.bucket()).uid, key)

    async def source(self) -> Place:
        """Give where the object in x-amz-copy-source lies."""
        path, _, version = self.request.header("x-amz-copy-source").partition("?versionId=")
        if version not in ("", "null"):
            raise S3Error(Code.NoSuchVersion, "Buckets are not versioned: leave versionId out.")
        try:
            name, _, key = unquote(path, errors="strict").removeprefix("/").partition("/")
        except UnicodeDecodeError:
            name = key = ""
        if not name or not key:
            raise S3Error(
                Code.InvalidArgument, "x-amz-copy-source must be /bucket/key, percent-encoded."
            )
        return Place((await self.find_bucket(name)).uid, check_key(key))

    async def document(self, *, checksums: bool = True) -> bytes:
        """Receive an XML document, verified, by checksum headers only if they are its own."""
        plan = incoming(self.request, self.identity, DOCUMENT_BYTES_MAX, checksums=checksums)
        return await read_all(self.request.receive, plan)

    async def receive(self) -> tuple[Content, Incoming]:
        """Receive a body for the storage, verified and synced."""
        plan = incoming(self.request, self.identity)
        storage = self.door.storage
        async with self.door.gates.upload(self.namespace, plan.length):
            content = await ingest(self.request.receive, plan, storage.blobs, storage.pool)
        return content, plan

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """Give a number from the query, capped at `high`."""
        value = self.request.query.get(name, "")
        if not value:
            return default
        if not value.isascii() or not value.isdigit() or len(value) > 10 or int(value) < low:
            raise S3Error(Code.InvalidArgument, f"{name} must be a number, at least {low}.")
        return min(int(value), high)

    def url_encoder(self) -> UrlEncoder:
        """Give how keys are written in the answer."""
        kind = self.request.query.get("encoding-type", "")
        if kind not in ("", "url"):
            raise S3Error(Code.InvalidArgument, "encoding-type can only be url.")
        return UrlEncoder(bool(kind))


class UrlEncoder(NamedTuple):
    """Writes keys as they are or percent-encoded, as the client asked."""

    on: bool

    def __call__(self, key: str) -> str:
        return encode(key).replace("%2F", "/") if self.on else key
