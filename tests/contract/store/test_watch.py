"""Watches: every change once, in order, resumable; a slow watcher is cut off, not fed for ever."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from busbar.model.objects import Key, Object
from busbar.store.contract import (
    Committed,
    Compacted,
    Delete,
    Event,
    EventType,
    Put,
    Store,
    Transaction,
    Watch,
)


def key(name: str = "p", namespace: str = "a", resource: str = "pods") -> Key:
    return Key("", resource, namespace, name)


def thing(name: str = "p", **spec: object) -> Object:
    return {"metadata": {"name": name}, "spec": spec}


async def put(store: Store, *keys: Key, **spec: object) -> int:
    done = await store.commit(Transaction(tuple(Put(k, thing(k.name, **spec)) for k in keys)))
    assert isinstance(done, Committed)
    return done.revision


async def take(watch: Watch, count: int) -> list[Event]:
    events: list[Event] = []
    while len(events) < count:
        events += await watch.__anext__()
    assert len(events) == count
    return events


async def test_a_watch_tells_what_happened_and_what_was_before(store: Store) -> None:
    watch = store.watch("", "pods", after=0)
    created = await put(store, key(), x=1)
    changed = await put(store, key(), x=2)
    done = await store.commit(Transaction((Delete(key()),)))
    one, two, three = await take(watch, 3)
    assert (one.type, one.revision, one.previous) == (EventType.ADDED, created, None)
    assert (two.type, two.revision, two.previous) == (EventType.MODIFIED, changed, one.obj)
    assert (three.type, three.revision, three.previous) == (
        EventType.DELETED,
        done.revision,
        two.obj,
    )
    assert three.obj["spec"] == {"x": 2}
    assert three.obj["metadata"]["resourceVersion"] == str(done.revision)


async def test_a_watch_starts_after_its_revision(store: Store) -> None:
    revisions = [await put(store, key(f"p{n}")) for n in range(4)]
    watch = store.watch("", "pods", after=revisions[1])
    assert [event.revision for event in await take(watch, 2)] == revisions[2:]


async def test_a_watch_waits_for_what_comes(store: Store) -> None:
    watch = store.watch("", "pods", after=0)
    waiting = asyncio.create_task(watch.__anext__())
    await asyncio.sleep(0)
    assert not waiting.done()
    revision = await put(store, key())
    assert [event.revision for event in await waiting] == [revision]


async def test_a_watch_shows_its_collection_and_namespace_only(store: Store) -> None:
    pods = store.watch("", "pods", after=0)
    mine = store.watch("", "pods", "a", after=0)
    every = store.watch_all(after=0)
    await put(store, key("n", "", "nodes"))
    await put(store, key("p", "b"), key("m", "", "nodes"), key("p", "a"))
    assert [str(event.key) for event in await take(pods, 2)] == ["pods b/p", "pods a/p"]
    assert [str(event.key) for event in await take(mine, 1)] == ["pods a/p"]
    assert [str(event.key) for event in await take(every, 4)] == [
        "nodes n",
        "pods b/p",
        "nodes m",
        "pods a/p",
    ]


async def test_a_transaction_comes_in_one_batch_in_the_order_of_its_ops(store: Store) -> None:
    watch = store.watch_all(after=0)
    await put(store, key("b"), key("a"), key("n", "", "nodes"))
    batch = await watch.__anext__()
    assert [event.key.name for event in batch] == ["b", "a", "n"]


async def test_every_watcher_sees_all_in_order_while_many_write(store: Store) -> None:
    watches = [store.watch_all(after=0) for _ in range(3)]
    await asyncio.gather(*(put(store, key(f"p{n % 7}"), n=n) for n in range(100)))
    for watch in watches:
        revisions = [event.revision for event in await take(watch, 100)]
        assert revisions == sorted(set(revisions))


async def test_a_watch_resumed_at_any_revision_misses_and_repeats_nothing(store: Store) -> None:
    for n in range(20):
        await put(store, key(f"p{n % 3}"), key("n", "", "nodes"), n=n)
    whole = await take(store.watch("", "pods", after=0), 20)
    for seen in range(20):
        resumed = store.watch("", "pods", after=whole[seen].revision)
        assert await take(resumed, 19 - seen) == whole[seen + 1 :]


async def test_reads_are_at_least_as_new_as_events(store: Store) -> None:
    watch = store.watch("", "pods", after=0)
    waiting = asyncio.create_task(watch.__anext__())
    await asyncio.gather(*(put(store, key(f"p{n}")) for n in range(5)))
    last = (await waiting)[-1].revision
    assert await store.revision() >= last
    assert (await store.snapshot()).revision >= last


async def test_a_closed_watch_ends(store: Store) -> None:
    watch = store.watch("", "pods", after=0)
    waiting = asyncio.create_task(watch.__anext__())
    await asyncio.sleep(0)
    watch.close()
    with pytest.raises(StopAsyncIteration):
        await waiting
    with pytest.raises(StopAsyncIteration):
        await watch.__anext__()


async def test_watches_end_with_the_store(store: Store) -> None:
    watch = store.watch_all(after=0)
    waiting = asyncio.create_task(watch.__anext__())
    await asyncio.sleep(0)
    await store.close()
    with pytest.raises(StopAsyncIteration):
        await waiting


async def test_a_cancelled_wait_loses_nothing(store: Store) -> None:
    watch = store.watch("", "pods", after=0)
    waiting = asyncio.create_task(watch.__anext__())
    await asyncio.sleep(0)
    waiting.cancel()
    revision = await put(store, key())
    assert [event.revision for event in await take(watch, 1)] == [revision]


async def test_a_watch_cannot_start_before_what_was_compacted(store: Store) -> None:
    first = await put(store, key("a"))
    second = await put(store, key("b"))
    await put(store, key("c"))
    await store.compact(second)
    with pytest.raises(Compacted) as gone:
        store.watch("", "pods", after=first)
    assert (gone.value.asked, gone.value.oldest) == (first, second)
    assert len(await take(store.watch("", "pods", after=second), 1)) == 1


async def test_a_watch_cannot_start_in_the_future(store: Store) -> None:
    now = await put(store, key())
    with pytest.raises(Compacted):
        store.watch_all(after=now + 1)


async def test_compacting_beyond_the_present_keeps_the_present(store: Store) -> None:
    now = await put(store, key())
    await store.compact(now + 1000)
    assert await store.get(key()) is not None
    later = await put(store, key("q"))
    assert [e.revision for e in await take(store.watch_all(after=now), 1)] == [later]


async def test_an_open_watch_that_had_read_all_survives_compaction(store: Store) -> None:
    watch = store.watch("", "pods", after=0)
    await put(store, key())
    await take(watch, 1)
    await store.compact(await store.revision())
    await put(store, key("q"))
    assert [event.key.name for event in await take(watch, 1)] == ["q"]


async def test_a_watcher_that_never_reads_is_cut_off(engine: Any) -> None:
    store = engine.open(max_events=10)
    slow = store.watch("", "pods", after=0)
    quick = store.watch("", "pods", after=0)
    for n in range(30):
        await put(store, key(), n=n)
        await take(quick, 1)
    with pytest.raises(Compacted):
        await slow.__anext__()


async def test_what_was_forgotten_by_itself_cannot_be_asked_for(engine: Any) -> None:
    store = engine.open(max_events=10)
    revisions = [await put(store, key(), n=n) for n in range(30)]
    with pytest.raises(Compacted):
        store.watch("", "pods", after=revisions[18])
    assert len(await take(store.watch("", "pods", after=revisions[19]), 10)) == 10
    with pytest.raises(Compacted):
        await store.list("", "pods", at=revisions[18])


async def test_history_is_bounded_in_bytes_too(engine: Any) -> None:
    store = engine.open(max_bytes=10_000)
    slow = store.watch("", "pods", after=0)
    for n in range(5):
        await put(store, key(), n="x" * 4_000 + str(n))
    with pytest.raises(Compacted):
        await slow.__anext__()
