"""The doors besides the Kubernetes one, opened over what the server has. Next: `main.py`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from busbar.apis.registry.app import RegistryDoor
from busbar.apis.s3 import ports
from busbar.apis.s3.app import S3App
from busbar.apis.s3.app import create_app as s3_app
from busbar.apis.s3.errors import Code, S3Error
from busbar.images.store import ImageStore
from busbar.model.objects import Object, annotations_of, name_of, namespace_of, uid_of
from busbar.model.time import Instant, parse_instant
from busbar.model.wellknown import ANN_FORCE_DESTROY, API_VERSION
from busbar.server.access import AccessKeys, Buckets

CALLER = "busbar.caller"


def registry_door(images: Path) -> RegistryDoor:
    """Open the registry door: whoever the cloud knows may read its images.

    Who that is must be in the scope already, under `CALLER`: finding it out takes an await.
    """
    return RegistryDoor(ImageStore(images), lambda scope: scope.get(CALLER) or None)


def s3_door(
    data: Path,
    keys: AccessKeys,
    buckets: Buckets,
    clock: Callable[[], Instant],
    meter: ports.Meter | None = None,
) -> S3App:
    """Make the S3 door over the cloud's access keys and Bucket objects."""
    return s3_app(
        credentials=_Credentials(keys),
        directory=_Directory(buckets),
        clock=clock,
        data=data,
        meter=meter,
    )


async def purge_deleted(door: S3App, buckets: Buckets) -> None:
    """Forget the data of buckets whose object was deleted through another door, for ever."""
    changed = asyncio.Event()
    buckets.known.on_change(changed.set)
    await buckets.known.ready.wait()
    while True:
        # In this order: a bucket is made before data comes into it, so one that has data and is
        # not in the store any more is gone, and never one that was made meanwhile.
        with_data = await door.buckets_with_data()
        known = await buckets.uids()
        for uid in with_data:
            if uid not in known:
                await door.purge_bucket(uid)
        await changed.wait()
        changed.clear()


class BucketGuard:
    """Holds back a Bucket that has objects from being deleted, as S3 does with its own DELETE.

    A deletion that says so in an annotation takes the objects along. While it is decided and
    done, nothing slips into the bucket.
    """

    def __init__(self, door: S3App, buckets: Buckets) -> None:
        self._door = door
        self._buckets = buckets

    @asynccontextmanager
    async def __call__(self, obj: Object) -> AsyncIterator[str]:
        """Give why a Bucket must stay, as a clause; "" for what may go."""
        takes_all = annotations_of(obj).get(ANN_FORCE_DESTROY) == "true"
        if (obj.get("apiVersion"), obj.get("kind")) != (API_VERSION, "Bucket") or takes_all:
            yield ""
            return
        storage = self._door.storage
        try:
            await storage.close_bucket(uid_of(obj))
        except S3Error as error:
            is_full = error.code is Code.BucketNotEmpty
            yield _not_empty(obj) if is_full else str(error)
            return
        try:
            yield ""
        finally:
            left = await self._buckets.get(namespace_of(obj), name_of(obj))
            if left is not None and uid_of(left) == uid_of(obj):
                storage.reopen_bucket(uid_of(obj))


def _not_empty(bucket: Object) -> str:
    name, namespace = name_of(bucket), namespace_of(bucket)
    return (
        f"BucketNotEmpty: it has objects; remove them with `aws s3 rm --recursive s3://{name}`, or "
        f"let them go with it by `kubectl -n {namespace} annotate bucket {name} "
        f"{ANN_FORCE_DESTROY}=true`, then delete it again"
    )


class _Credentials:
    """The cloud's access keys in the S3 door's words."""

    def __init__(self, keys: AccessKeys) -> None:
        self._keys = keys

    def lookup(self, access_key_id: str) -> ports.AccessKey | None:
        grant = self._keys.lookup(access_key_id)
        if grant is None:
            return None
        return ports.AccessKey(grant.id, grant.secret, grant.namespace, buckets=grant.buckets)


class _Directory:
    """Bucket objects in the S3 door's words."""

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets

    async def find(self, namespace: str, name: str) -> ports.Bucket | None:
        found = await self._buckets.get(namespace, name)
        return _bucket(found) if found else None

    async def list(self, namespace: str) -> Sequence[ports.Bucket]:
        return [_bucket(found) for found in await self._buckets.list(namespace)]

    async def create(self, namespace: str, name: str) -> ports.Bucket | None:
        if not await self._buckets.create(namespace, name):
            return None
        return await self.find(namespace, name)

    async def delete(self, namespace: str, bucket: ports.Bucket) -> None:
        await self._buckets.delete(namespace, bucket.name, bucket.uid)


def _bucket(obj: Object) -> ports.Bucket:
    created = parse_instant(obj["metadata"]["creationTimestamp"], "metadata.creationTimestamp")
    return ports.Bucket(name_of(obj), uid_of(obj), created)
