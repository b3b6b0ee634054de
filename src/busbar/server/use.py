"""Sums up what was seen on the board, four times an hour, into UseProfiles.

What could not be written is not kept: the next quarter of an hour is seen again. Next: `runner.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from busbar.advice.board import Board
from busbar.controllers.advice.folding import FOLD_MS, transactions
from busbar.model.time import Instant
from busbar.store.contract import Store, StoreFailed

log = logging.getLogger("busbar.use")


async def keep_profiles(store: Store, board: Board, now: Callable[[], Instant]) -> None:
    """Sum up for ever."""
    while True:
        await asyncio.sleep(FOLD_MS / 1000)
        try:
            await sum_up(store, board, now())
        except StoreFailed as error:
            log.error("use is not summed up: %s", error)


async def sum_up(store: Store, board: Board, now: Instant) -> int:
    """Write what was seen since the last time; gives how many workloads that were."""
    seen = board.hand_over(now)
    if not seen:
        return 0
    snapshot = await store.snapshot()
    done = await asyncio.to_thread(lambda: list(transactions(snapshot, seen, now)))
    for transaction in done:
        await store.commit(transaction)
    return len(done)
