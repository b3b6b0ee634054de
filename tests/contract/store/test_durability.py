"""What outlives a restart: objects, history, money; and revisions that are never reused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from busbar.ledger import fold, settlement
from busbar.model.objects import Key, Object
from busbar.store.contract import (
    Compacted,
    Delete,
    EventType,
    Put,
    Refused,
    Store,
    StoreFailed,
    Transaction,
    Why,
)


def key(name: str) -> Key:
    return Key("", "pods", "a", name)


def pod(name: str, **spec: object) -> Object:
    return {"metadata": {"name": name, "namespace": "a"}, "spec": spec}


async def put(store: Store, name: str, **spec: object) -> int:
    await store.commit(Transaction((Put(key(name), pod(name, **spec)),)))
    return await store.revision()


async def test_objects_are_there_after_a_restart(durable: Any) -> None:
    store = durable.open()
    await put(store, "a", x=1)
    await put(store, "a", x="Größe €")
    await put(store, "b")
    await store.commit(Transaction((Delete(key("b")),)))
    before = await store.list("", "pods")
    store = await durable.reopen(store)
    assert await store.list("", "pods") == before
    assert await store.get(key("b")) is None


async def test_money_is_there_after_a_restart(durable: Any) -> None:
    store = durable.open()
    entries = settlement.top_up("a", 10, 1, "k"), settlement.hold("u", "a", 4, 2)
    await store.commit(Transaction((), entries))
    store = await durable.reopen(store)
    await store.commit(Transaction((), (settlement.release("u", "a", 4, 3),)))
    journal, balances = await store.journal(), (await store.snapshot()).balances()
    assert balances["ns/a/available"] == 10
    assert list(fold.verify(journal, balances)) == []
    reused = await store.commit(Transaction((), (settlement.top_up("a", 11, 1, "k"),)))
    assert isinstance(reused, Refused)
    assert reused.why is Why.IDEMPOTENCY


async def test_a_watch_resumes_across_a_restart(durable: Any) -> None:
    store = durable.open()
    start = await put(store, "a")
    await put(store, "a", x=1)
    await put(store, "b")
    await store.commit(Transaction((Delete(key("a")), Put(key("c"), pod("c")))))
    before = [event async for event in _events(store.watch("", "pods", after=start), 4)]
    store = await durable.reopen(store)
    after = [event async for event in _events(store.watch("", "pods", after=start), 4)]
    assert after == before
    assert [event.type for event in after][2:] == [EventType.DELETED, EventType.ADDED]


async def _events(watch: Any, count: int) -> Any:
    while count:
        for event in await watch.__anext__():
            yield event
            count -= 1


async def test_a_paged_list_goes_on_across_a_restart(durable: Any) -> None:
    store = durable.open()
    for name in "abcd":
        await put(store, name)
    first = await store.list("", "pods", limit=2)
    await store.commit(Transaction((Delete(key("c")),)))
    store = await durable.reopen(store)
    rest = await store.list("", "pods", start=first.next_key, at=first.revision)
    assert [obj["metadata"]["name"] for obj in rest.items] == ["c", "d"]


async def test_compaction_outlives_a_restart(durable: Any) -> None:
    store = durable.open()
    for n in range(10):
        await put(store, "a", n=n)
    await store.commit(Transaction((Delete(key("a")),)))
    now = await put(store, "b")
    await store.compact(now)
    store = await durable.reopen(store)
    with pytest.raises(Compacted):
        store.watch_all(after=now - 1)
    assert [obj["metadata"]["name"] for obj in (await store.list("", "pods")).items] == ["b"]


async def test_revisions_go_on_after_a_restart(durable: Any) -> None:
    store = durable.open()
    last = 0
    for n in range(3):
        revision = await put(store, f"p{n}")
        assert revision > last
        last = revision
        await store.commit(Transaction((Delete(key(f"p{n}")),)))
        last = await store.revision()
        await store.compact(last)
        store = await durable.reopen(store)
        assert await store.revision() >= last


async def test_a_closed_store_accepts_nothing(durable: Any) -> None:
    store = durable.open()
    await store.close()
    with pytest.raises(StoreFailed):
        await put(store, "a")


async def test_closing_finishes_what_was_accepted(durable: Any) -> None:
    store = durable.open()
    tasks = [asyncio.create_task(put(store, f"p{n}")) for n in range(10)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*tasks)
    store = durable.open()
    assert len((await store.list("", "pods")).items) == 10
