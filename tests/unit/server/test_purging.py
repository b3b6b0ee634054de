"""Data of buckets that are gone is forgotten; data of buckets that are there never is."""

from __future__ import annotations

import asyncio
from typing import Any

from busbar.model.objects import uid_of
from busbar.server.access import Buckets
from busbar.server.doors import purge_deleted
from busbar.store.memory import MemoryStore


class Door:
    """Has data of a bucket that is gone, and of one made while it is being asked."""

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets
        self.purged: list[str] = []
        self.done = asyncio.Event()

    async def buckets_with_data(self) -> list[str]:
        await self._buckets.create("xyz", "made-meanwhile")
        made = await self._buckets.get("xyz", "made-meanwhile")
        assert made is not None
        return [uid_of(made), "uid-of-a-gone-bucket"]

    async def purge_bucket(self, uid: str) -> None:
        self.purged.append(uid)
        if uid == "uid-of-a-gone-bucket":
            self.done.set()


def test_a_bucket_made_meanwhile_keeps_its_data() -> None:
    async def follow() -> list[str]:
        buckets = Buckets(MemoryStore(), lambda: 0, lambda: "uid-of-the-new-bucket")
        following = asyncio.create_task(buckets.known.run())
        door: Any = Door(buckets)
        purging = asyncio.create_task(purge_deleted(door, buckets))
        await door.done.wait()
        purging.cancel()
        following.cancel()
        return list(door.purged)

    assert asyncio.run(follow()) == ["uid-of-a-gone-bucket"]


def test_deleting_a_bucket_spares_its_namesake() -> None:
    async def follow() -> list[str]:
        uids = iter(("first", "second"))
        buckets = Buckets(MemoryStore(), lambda: 0, lambda: next(uids))
        await buckets.create("xyz", "data")
        await buckets.delete("xyz", "data", "first")
        await buckets.create("xyz", "data")
        await buckets.delete("xyz", "data", "first")
        return [uid_of(bucket) for bucket in await buckets.list("xyz")]

    assert asyncio.run(follow()) == ["second"]
