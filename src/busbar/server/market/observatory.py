"""A look at the market beside the controllers': questions are worked out off the event loop.

It has a `Standing` of its own, since a book is not to be read in one thread while another changes
it. One question at a time; a queue of them is refused, not built up. Next: `quotes.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from busbar.apis.kubernetes.ports import QuestionRefused
from busbar.controllers.standing import Standing
from busbar.market.luggage import Place
from busbar.model.gpus import GpuClasses
from busbar.store.contract import Snapshot, Store

T = TypeVar("T")
WAITING_MAX = 16


class Observatory:
    """Answers questions from the latest snapshot."""

    def __init__(self, store: Store, place: Place, gpus: GpuClasses) -> None:
        self._store = store
        self._standing = Standing(place, gpus)
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def ask(self, question: Callable[[Snapshot, Standing], T]) -> T:
        """Work a question out in a thread."""
        if self._waiting >= WAITING_MAX:
            raise QuestionRefused(429, "too many questions at once; ask again in a moment")
        self._waiting += 1
        try:
            async with self._turn:
                snapshot = await self._store.snapshot()
                return await asyncio.to_thread(self._work, question, snapshot)
        finally:
            self._waiting -= 1

    def _work(self, question: Callable[[Snapshot, Standing], T], snapshot: Snapshot) -> T:
        standing = self._standing.at(snapshot)
        standing.weigh_bonds(snapshot)
        return question(snapshot, standing)
