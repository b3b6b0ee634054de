"""How long records are kept: so many days, and so much on the disk; then the oldest go.

A record that is kept may rest on some that have gone: its book is then told by those that came
after it (`busbar.replay.assembly`), so nothing has to be kept for another's sake. Next:
`renewal.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from busbar.model.time import DAY, Instant
from busbar.store.contract import Shelved, Store, StoreFailed

log = logging.getLogger("busbar.retention")

EVERY_S = 300
MIB = 1024**2


async def let_records_go(
    store: Store,
    now: Callable[[], Instant],
    days: int,
    mib: int,
    *,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Drop what is too old or too much, every five minutes; ends when the store has failed."""
    while True:
        await sleep(EVERY_S)
        try:
            known = await store.records()
            oldest = oldest_kept(known, now() - days * DAY, mib * MIB)
            if oldest and oldest != known[-1].name:
                await store.drop_records(oldest)
                log.info("records before %s were dropped", oldest)
        except StoreFailed:
            return


def oldest_kept(known: Sequence[Shelved], since: Instant, size_max: int) -> str:
    """Give the oldest record that stays, of those known from the latest back; the latest does."""
    oldest, size = "", 0
    for record in known:
        size += record.size
        if oldest and (size > size_max or _written_at(record.name) < since):
            break
        oldest = record.name
    return oldest


def _written_at(name: str) -> Instant:
    """Read when a clearing was from its name, `c-MILLISECONDS-REVISION`."""
    at = name.split("-")[1] if name.count("-") == 2 else ""
    return int(at) if at.isascii() and at.isdigit() else 0
