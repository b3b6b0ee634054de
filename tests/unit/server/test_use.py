"""What was seen is summed up into profiles, off the loop; and who looks long is run aside."""

from __future__ import annotations

import asyncio
import threading

from busbar.advice.board import Board
from busbar.controllers.contract import NOTHING, Decision
from busbar.controllers.parts.writes import create, new_object
from busbar.model.objects import Key, status_of
from busbar.model.use import ContainerUse, Counters, PodUse, UseReport
from busbar.server.runner import Runner
from busbar.server.use import sum_up
from busbar.store.contract import Put, Transaction
from busbar.store.memory import MemoryStore

NOW = 1_790_000_000_000
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "namespace": "xyz", "uid": "u"},
    "spec": {"nodeName": "n1", "containers": [{"name": "main"}]},
}
NODE = {"metadata": {"name": "n1"}, "status": {"capacity": {"cpu": "4", "memory": "8Gi"}}}


def reports(board: Board, count: int) -> None:
    for number in range(count):
        used = ContainerUse(5_000 * number, 1 << 20, name="main", run="r")
        pods = (PodUse("xyz", "p", "u", (used,)),)
        board.take(NODE, UseReport(10_000 * number, "b", Counters(), pods), {"u": POD}, NOW)


def test_a_workload_seen_for_minutes_gets_a_profile_and_one_seen_for_a_moment_none():
    async def main() -> None:
        store, board = MemoryStore(), Board()
        home = new_object(Key("", "namespaces", "", "xyz"), "h", NOW)
        await store.commit(Transaction((create(home), Put(Key("", "pods", "xyz", "p"), POD))))
        reports(board, 5)
        assert await sum_up(store, board, NOW) == 0
        reports(board, 1)  # The counters began anew.
        reports(board, 15)
        assert await sum_up(store, board, NOW) == 1
        (profile,) = (await store.list("busbar.dev", "useprofiles", "xyz")).items
        assert status_of(profile)["subject"] == {"apiVersion": "v1", "kind": "Pod", "name": "p"}
        assert status_of(profile)["samples"] >= 12
        assert await sum_up(store, board, NOW) == 0

    asyncio.run(main())


class Slow:
    """A controller that says in which thread it was run."""

    name = "slow"
    watches = (("", "configmaps"),)
    coalesce_ms = 0
    aside = True

    def __init__(self) -> None:
        self.threads: list[int] = []

    def keys(self, event):
        return (Key("", "configmaps", "", "all"),)

    def reconcile(self, snapshot, key, now):
        self.threads.append(threading.get_ident())
        made = Key("", "secrets", "xyz", "made")
        if snapshot.get(made) is not None:
            return NOTHING
        return Decision((Transaction((create(new_object(made, "m", now)),)),))


def test_a_controller_that_looks_long_is_run_in_a_thread_and_its_decision_committed():
    async def main() -> None:
        store, slow = MemoryStore(), Slow()
        one = Key("", "configmaps", "xyz", "one")
        await store.commit(Transaction((create(new_object(one, "1", 0)),)))
        running = asyncio.create_task(Runner(store, [slow], lambda: 0).run())
        for _ in range(2_000):
            if await store.get(Key("", "secrets", "xyz", "made")) is not None:
                break
            await asyncio.sleep(0.001)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert slow.threads
        assert threading.get_ident() not in slow.threads

    asyncio.run(main())
