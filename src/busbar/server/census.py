"""How much each bucket holds, written on its Bucket at a low rate: what work is near its data.

One look at the index counts all buckets; the next one waits fifty times as long as it took, so
that a store of millions of objects is not read all the time. Next: `main.py`.
"""

from __future__ import annotations

import asyncio
import logging
import time

from busbar.apis.s3.app import S3App
from busbar.controllers.parts.writes import update, with_status
from busbar.market.luggage import Place
from busbar.model.objects import Object, uid_of
from busbar.model.wellknown import GROUP
from busbar.store.contract import Op, Store, Transaction

log = logging.getLogger("busbar.server.census")
LOOK_SECONDS = 5.0
PAUSES = 50
"""How many times as long as a look took is waited for the next one."""


async def count_buckets(door: S3App, store: Store, place: Place) -> None:
    """Count what buckets hold and write what changed, for ever."""
    while True:
        begun = time.monotonic()
        sizes = await door.storage.sizes()
        took = time.monotonic() - begun
        for bucket in (await store.list(GROUP, "buckets")).items:
            objects, size = sizes.get(uid_of(bucket), (0, 0))
            ops = summarised(bucket, objects, size, place)
            if ops:
                # One that changed meanwhile is written the next time.
                await store.commit(Transaction(ops))
        await asyncio.sleep(max(LOOK_SECONDS, PAUSES * took))


def summarised(bucket: Object, objects: int, size: int, place: Place) -> tuple[Op, ...]:
    """Give the write that says what a bucket holds and where; nothing where it says so."""
    said = {
        "objects": objects,
        "bytes": size,
        "region": place.region or None,
        "storedBy": place.keeper or None,
    }
    return update(bucket, with_status(bucket, **said))
