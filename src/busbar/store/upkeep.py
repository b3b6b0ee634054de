"""What a running store needs from time to time: to forget old history, so that memory stays flat.

As Kubernetes' API server does with etcd: what is older than five minutes is compacted. Started by
the server. Next: `sqlite/`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final

from busbar.store.contract import Revision, Store, StoreFailed

KEPT: Final = 5
EVERY_S: Final = 60


async def forget_old_history(
    store: Store,
    *,
    kept: int = KEPT,
    every_s: float = EVERY_S,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> None:
    """Compact to the revision of `kept` rounds ago, every round; ends when the store has failed."""
    rounds: deque[Revision] = deque([await store.revision()])
    while True:
        await sleep(every_s)
        rounds.append(await store.revision())
        if len(rounds) <= kept:
            continue
        try:
            await store.compact(rounds.popleft())
        except StoreFailed:
            return
