"""The doors besides the Kubernetes one, opened over what the server has. Next: `main.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from busbar.apis.registry.app import RegistryDoor
from busbar.apis.s3 import ports
from busbar.apis.s3.app import S3App
from busbar.apis.s3.app import create_app as s3_app
from busbar.images.store import ImageStore
from busbar.model.objects import Object, name_of, uid_of
from busbar.model.time import Instant, parse_instant
from busbar.server.access import AccessKeys, Buckets

CALLER = "busbar.caller"


def registry_door(images: Path) -> RegistryDoor:
    """Open the registry door: whoever the cloud knows may read its images.

    Who that is must be in the scope already, under `CALLER`: finding it out takes an await.
    """
    return RegistryDoor(ImageStore(images), lambda scope: scope.get(CALLER) or None)


def s3_door(data: Path, keys: AccessKeys, buckets: Buckets, clock: Callable[[], Instant]) -> S3App:
    """Make the S3 door over the cloud's access keys and Bucket objects."""
    return s3_app(
        credentials=_Credentials(keys), directory=_Directory(buckets), clock=clock, data=data
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
