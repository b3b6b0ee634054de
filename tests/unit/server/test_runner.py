"""The runner: every key is reconciled at start and at each change; refusals are tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from busbar.controllers.contract import NOTHING, Decision
from busbar.controllers.listening import Listening
from busbar.controllers.parts.writes import create, new_object, update
from busbar.model.objects import Key, annotate, annotations_of
from busbar.server.runner import Runner
from busbar.store.contract import EXISTS, Delete, Put, Require, Transaction
from busbar.store.memory import MemoryStore

ONE, TWO = Key("", "configmaps", "xyz", "one"), Key("", "configmaps", "xyz", "two")
GUARD = Key("", "configmaps", "busbar-system", "leader")


def config(key: Key):
    return new_object(key, f"uid-{key.name}", 0)


class Marker:
    """Marks every config map once."""

    name = "marker"
    watches = (("", "configmaps"),)
    coalesce_ms = 0

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.before_commit: Callable[[], None] = lambda: None
        self.fails_on = ""

    def keys(self, event):
        return (event.key,)

    def reconcile(self, snapshot, key, now):
        obj = snapshot.get(key)
        if obj is None or annotations_of(obj).get("marked"):
            return NOTHING
        self.seen.append(key.name)
        if key.name == self.fails_on:
            raise RuntimeError("a bug")
        decision = Decision((Transaction(update(obj, annotate(obj, {"marked": "yes"}))),))
        self.before_commit()
        return decision


def live(scenario, marker: Marker, store: MemoryStore, **more) -> None:
    """Run a scenario beside a runner; the clock stands still unless the scenario moves it."""

    async def main() -> None:
        clock = more.pop("clock", {"now": 0})
        runner = Runner(store, [marker], lambda: clock["now"], **more)
        clock["wake"] = runner._woken.set
        running = asyncio.create_task(runner.run())
        try:
            await scenario(clock)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(main())


async def until(holds: Callable[[], bool], clock: dict[str, Any]) -> None:
    for _ in range(2_000):
        if holds():
            return
        clock["now"] += 1
        clock["wake"]()  # The runner sleeps on the real clock; time here passes by itself.
        await asyncio.sleep(0)
    raise AssertionError("it did not come to hold")


def marked(store: MemoryStore, key: Key) -> bool:
    obj = store.snapshot_now().get(key)
    return obj is not None and annotations_of(obj).get("marked") == "yes"


def test_what_is_there_at_the_start_and_what_comes_later_is_reconciled():
    store, marker = MemoryStore(), Marker()
    store.commit_now(Transaction((create(config(ONE)),)))

    async def scenario(clock):
        await until(lambda: marked(store, ONE), clock)
        await store.commit(Transaction((create(config(TWO)),)))
        await until(lambda: marked(store, TWO), clock)

    live(scenario, marker, store)
    assert marker.seen == ["one", "two"]


def test_a_conflict_is_tried_again_from_a_newer_snapshot():
    store, marker = MemoryStore(), Marker()
    store.commit_now(Transaction((create(config(ONE)),)))

    def meddle():
        marker.before_commit = lambda: None
        obj = store.snapshot_now().get(ONE)
        store.commit_now(Transaction((Put(ONE, annotate(obj, {"edited": "1"})),)))

    marker.before_commit = meddle

    async def scenario(clock):
        await until(lambda: marked(store, ONE), clock)

    live(scenario, marker, store)
    assert marker.seen == ["one", "one"]
    assert annotations_of(store.snapshot_now().get(ONE))["edited"] == "1"


def test_a_bug_on_one_key_does_not_stop_the_others(caplog):
    store, marker = MemoryStore(), Marker()
    marker.fails_on = "one"
    store.commit_now(Transaction((create(config(ONE)), create(config(TWO)))))

    async def scenario(clock):
        await until(lambda: marked(store, TWO) and marker.seen.count("one") > 1, clock)

    live(scenario, marker, store)
    assert "marker failed on configmaps xyz/one" in caplog.text


def test_every_commit_insists_on_the_guard():
    store, marker = MemoryStore(), Marker()
    store.commit_now(Transaction((create(config(GUARD)), create(config(ONE)))))
    guard = (Require(GUARD, EXISTS),)

    async def scenario(clock):
        await until(lambda: marked(store, ONE), clock)
        await store.commit(Transaction((Delete(GUARD), create(config(TWO)))))
        await until(lambda: marker.seen.count("two") > 2, clock)

    live(scenario, marker, store, guard=lambda: guard)
    assert not marked(store, TWO)


def test_a_pause_of_the_machine_is_noticed_as_not_listening():
    store, marker, listening = MemoryStore(), Marker(), Listening()

    async def scenario(clock):
        for _ in range(20):
            await asyncio.sleep(0)
        assert listening.since == 1_000
        clock["now"] += 60_000
        await store.commit(Transaction((create(config(ONE)),)))
        await until(lambda: listening.since >= 61_000, clock)

    live(scenario, marker, store, listening=listening, clock={"now": 1_000})
