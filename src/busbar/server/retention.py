"""How long records are kept: so many days, and so much on the disk; then the oldest go.

A record that is kept may rest on some that have gone: its book is then told by those that came
after it (`busbar.replay.assembly`), so nothing has to be kept for another's sake. Next:
`renewal.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from busbar.model.time import DAY, Instant
from busbar.store.contract import Store, StoreFailed

log = logging.getLogger("busbar.retention")

EVERY_S = 300
MIB = 1024**2
PAGE = 5_000
"""Names that are looked at in one go: there may be a million."""


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
            oldest = await first_to_stay(store, now() - days * DAY, mib * MIB)
            if oldest:
                await store.drop_records(oldest)
                log.info("records before %s were dropped", oldest)
        except StoreFailed:
            return


async def first_to_stay(store: Store, since: Instant, size_max: int, page: int = PAGE) -> str:
    """Give the record before which all have to go, "" where none has to. The latest stays."""
    oldest, size = "", 0
    while found := await store.records(oldest, page):
        for record in found:
            size += record.size
            if oldest and (size > size_max or _written_at(record.name) < since):
                return oldest
            oldest = record.name
    return ""


def _written_at(name: str) -> Instant:
    """Read when a clearing was from its name, `c-MILLISECONDS-REVISION`."""
    at = name.split("-")[1] if name.count("-") == 2 else ""
    return int(at) if at.isascii() and at.isdigit() else 0
