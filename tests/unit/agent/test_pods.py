"""Which Pods this node runs: the list, the watch, and what they no longer know."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.unit.agent.conftest import UID, Node, deleting, pod

from busbar.agent import pods
from busbar.agent.api import ApiRefused
from busbar.model.objects import Object

LIST = "/api/v1/pods"
OTHER = "0b0b0b0b-1111-4222-8333-444444444444"


def listed(*pods: Object) -> Object:
    """What a list gives: items say neither kind nor version."""
    bare = [{k: v for k, v in p.items() if k not in ("kind", "apiVersion")} for p in pods]
    return {"metadata": {"resourceVersion": "7"}, "items": bare}


async def follow(node: Node, *pods: Object) -> None:
    """Follow the cloud, which lists these."""
    await node.lease.renew()
    node.api.objects[LIST] = listed(*pods)
    node.tasks.add(asyncio.create_task(node.pods.run()))
    await node.until(lambda: len(node.pods.workers) == len(pods))


def say(node: Node, kind: str, obj: Any) -> None:
    node.api.events.put_nowait({"type": kind, "object": obj})


async def test_what_is_listed_runs(node: Node) -> None:
    await follow(node, pod(), pod(OTHER))
    await node.until(lambda: len(node.machine.started) == 2)


async def test_what_the_watch_adds_runs_and_what_it_deletes_stops(node: Node) -> None:
    await follow(node)
    say(node, "ADDED", pod())
    await node.until(lambda: len(node.machine.started) == 1)
    say(node, "DELETED", pod())
    await node.until(lambda: UID not in node.pods.workers)
    assert not node.machine.containers


async def test_a_change_reaches_the_worker(node: Node) -> None:
    await follow(node, pod())
    await node.until(lambda: len(node.machine.started) == 1)
    say(node, "BOOKMARK", {"metadata": {"resourceVersion": "8"}})
    say(node, "MODIFIED", deleting(pod()))
    await node.until(lambda: UID not in node.pods.workers)
    assert node.api.deleted


async def test_a_word_about_an_unknown_pods_end_is_nothing(node: Node) -> None:
    await follow(node)
    say(node, "DELETED", pod(OTHER))
    say(node, "ADDED", pod())
    await node.until(lambda: UID in node.pods.workers)
    assert OTHER not in node.pods.workers


async def test_what_a_new_list_lacks_is_stopped(node: Node) -> None:
    await follow(node, pod(), pod(OTHER))
    await node.until(lambda: len(node.machine.started) == 2)
    node.api.objects[LIST] = listed(pod(OTHER))
    say(node, "ERROR", {"code": 410})
    await node.until(lambda: UID not in node.pods.workers)
    assert OTHER in node.pods.workers


async def test_a_cloud_out_of_reach_stops_nobody(node: Node) -> None:
    await node.run(pod())
    node.api.is_reachable = False
    node.tasks.add(asyncio.create_task(node.pods.run()))
    await node.turn()
    assert len(node.machine.containers) == 1
    node.api.is_reachable = True
    node.api.objects[LIST] = listed(pod(), pod(OTHER))
    await node.until(lambda: OTHER in node.pods.workers)


async def test_a_refused_list_stops_nobody(node: Node) -> None:
    await node.run(pod())
    node.api.refused[LIST] = ApiRefused(500, "InternalError", "")
    node.tasks.add(asyncio.create_task(node.pods.run()))
    await node.turn()
    assert len(node.machine.containers) == 1


async def test_pods_are_found_by_uid_or_name(node: Node) -> None:
    worker = await node.run(pod())
    assert node.pods.find("", "", UID) is worker
    assert node.pods.find("xyz", "p") is worker
    assert node.pods.find("abc", "p") is None
    assert node.pods.find("xyz", "p", OTHER) is None


# -- what was heard before the lease was won back (ADR 18) ---------------------------------------


async def win_back(node: Node) -> None:
    """Lose the lease and win it back, as `keep` would tell it."""
    node.clock.advance(20)
    node.pods.lease_changed(False)
    await node.lease.renew()
    node.pods.lease_changed(True)


async def fetching(node: Node) -> None:
    """Be at the point where a Pod's image is still on its way."""
    node.images.gate = asyncio.Event()
    await follow(node, pod())
    await node.until(lambda: bool(node.machine.sandboxes))


async def test_a_lease_won_back_asks_anew_and_only_then_starts(node: Node) -> None:
    await fetching(node)
    gate = node.api.gates[LIST] = asyncio.Event()
    await win_back(node)
    assert node.images.gate is not None
    node.images.gate.set()
    await node.until(lambda: node.api.asked.count(LIST) == 2)
    await node.turn()
    assert node.machine.started == []
    gate.set()
    await node.until(lambda: len(node.machine.started) == 1)


async def test_what_was_evicted_meanwhile_never_starts(node: Node) -> None:
    await fetching(node)
    node.api.objects[LIST] = listed()
    await win_back(node)
    assert node.images.gate is not None
    node.images.gate.set()
    await node.until(lambda: UID not in node.pods.workers)
    assert node.machine.started == []


async def test_a_stale_answer_on_its_way_starts_nothing(node: Node) -> None:
    """Asked for before the lease was lost, it arrives after the lease was won back."""
    await node.lease.renew()
    node.api.objects[LIST] = listed(pod())
    late = node.api.gates[LIST] = asyncio.Event()
    node.tasks.add(asyncio.create_task(node.pods.run()))
    await node.until(lambda: node.api.asked == [LIST])
    node.api.objects[LIST] = listed(pod(OTHER))
    await win_back(node)
    late.set()
    await node.until(lambda: len(node.machine.started) == 1)
    assert node.machine.started[0].pod_uid == OTHER
    assert node.api.asked.count(LIST) == 2
    await node.until(lambda: UID not in node.pods.workers)


async def test_a_stale_word_of_the_old_watch_starts_nothing(node: Node) -> None:
    """It lay in the stream while the node was cut off."""
    await follow(node)
    await node.until(lambda: node.api.asked == [LIST])
    node.clock.advance(20)
    await node.lease.renew()
    say(node, "ADDED", pod())
    await node.until(lambda: UID in node.pods.workers)
    await node.turn()
    assert node.machine.started == []
    node.api.objects[LIST] = listed()
    node.pods.lease_changed(True)
    await node.until(lambda: UID not in node.pods.workers)
    assert node.machine.started == []


async def test_another_life_of_the_agent_starts_nothing_before_it_has_asked(node: Node) -> None:
    await fetching(node)
    node.records.save(node.worker()._record)
    await node.die()
    node.images.gate = None
    await node.lease.renew()
    for record in list(node.known.values()):
        node.pods.adopt(record.pod)
    await node.turn()
    assert node.machine.started == []
    await follow(node, pod())
    await node.until(lambda: len(node.machine.started) == 1)


async def test_a_lease_that_was_never_lost_asks_nothing_twice(node: Node) -> None:
    await follow(node, pod())
    await node.lease.renew()
    node.pods.lease_changed(True)
    await node.until(lambda: len(node.machine.started) == 1)
    assert node.api.asked.count(LIST) == 1


async def test_a_lease_won_does_not_wait_for_the_next_try(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a cloud out of reach, pauses between questions grow to seconds."""
    monkeypatch.setattr(pods, "PAUSE_SECONDS_MAX", 3600.0)
    monkeypatch.setattr(pods, "PAUSE_SECONDS", 3600.0)
    node.api.refused[LIST] = ApiRefused(500, "InternalError", "")
    node.tasks.add(asyncio.create_task(node.pods.run()))
    await asyncio.sleep(0.001)
    node.api.refused.clear()
    node.api.objects[LIST] = listed(pod())
    await win_back(node)
    await node.until(lambda: len(node.machine.started) == 1)
