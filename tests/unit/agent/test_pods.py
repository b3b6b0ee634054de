"""Which Pods this node runs: the list, the watch, and what they no longer know."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.unit.agent.conftest import UID, Node, deleting, pod

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
