"""Old history is forgotten; what the last rounds brought is kept."""

from __future__ import annotations

import asyncio

import pytest

from busbar.model.objects import Key
from busbar.store.contract import Compacted, Put, StoreFailed, Transaction
from busbar.store.memory import MemoryStore
from busbar.store.upkeep import forget_old_history

CHANGE = Transaction((Put(Key("", "pods", "a", "p"), {"metadata": {}}),))


class Over(Exception):
    """The test has seen enough rounds."""


async def after_rounds(store: MemoryStore, rounds: int) -> None:
    left = rounds

    async def sleep(seconds: float) -> None:
        nonlocal left
        assert seconds == 60
        if left == 0:
            raise Over
        left -= 1
        store.commit_now(CHANGE)

    with pytest.raises(Over):
        await forget_old_history(store, kept=5, sleep=sleep)


def test_nothing_is_forgotten_before_its_time() -> None:
    store = MemoryStore()
    asyncio.run(after_rounds(store, 4))
    assert len(store.watch_all(after=0).take()) == 4


def test_what_is_older_than_five_rounds_is_forgotten() -> None:
    store = MemoryStore()
    asyncio.run(after_rounds(store, 20))
    assert len(store.watch_all(after=15).take()) == 5
    with pytest.raises(Compacted):
        store.watch_all(after=14)


def test_it_ends_with_a_store_that_has_failed() -> None:
    class Broken(MemoryStore):
        async def compact(self, before: int) -> None:
            raise StoreFailed("the disk is full")

    async def at_once(seconds: float) -> None:
        store.commit_now(CHANGE)

    store = Broken()
    asyncio.run(forget_old_history(store, sleep=at_once))
    assert store.snapshot_now().revision > 0
