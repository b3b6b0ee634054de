"""The memory engine can be driven without an event loop, as a simulator does."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from busbar.ledger import settlement
from busbar.model.objects import Key
from busbar.store.contract import Committed, Put, Transaction
from busbar.store.memory import MemoryStore

T = TypeVar("T")
KEY = Key("", "pods", "a", "p")
CREATE = Transaction((Put(KEY, {"metadata": {"name": "p"}}),), (settlement.top_up("a", 1, 1, "k"),))


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    with pytest.raises(StopIteration) as stopped:
        coroutine.send(None)
    result: T = stopped.value.value
    return result


def test_nothing_but_a_watch_ever_suspends() -> None:
    store = MemoryStore()
    assert isinstance(drive(store.commit(CREATE)), Committed)
    assert drive(store.get(KEY)) is not None
    assert len(drive(store.list("", "pods")).items) == 1
    assert drive(store.revision()) == 1
    assert drive(store.snapshot()).balance("ns/a/available") == 1
    assert len(drive(store.journal())) == 1
    assert len(drive(store.watch_all(after=0).__anext__())) == 1
    drive(store.compact(1))
    drive(store.close())


def test_the_immediate_calls_do_the_same() -> None:
    store = MemoryStore()
    assert isinstance(store.commit_now(CREATE), Committed)
    assert store.snapshot_now().get(KEY) is not None
    assert [sealed.seq for sealed in store.journal_now()] == [1]
    assert [event.key for event in store.watch_all(after=0).take()] == [KEY]


def test_two_stores_given_the_same_transactions_are_the_same() -> None:
    one, two = MemoryStore(), MemoryStore()
    for store in (one, two):
        store.commit_now(CREATE)
    assert one.journal_now() == two.journal_now()
    assert one.snapshot_now().get(KEY) == two.snapshot_now().get(KEY)
