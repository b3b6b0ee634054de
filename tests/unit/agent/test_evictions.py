"""Who writes more to a node's disk than its Pod bought is ended, and told why."""

from __future__ import annotations

import pytest
from tests.unit.agent.conftest import UID, Node, pod

from busbar.agent import evictions
from busbar.agent.evictions import Evictor
from busbar.agent.runtimes.fake import Behaviour
from busbar.model.objects import Object

MIB, GIB = 1 << 20, 1 << 30
OTHER = "0b0b0b0b-1111-4222-8333-444444444444"


def evictor(node: Node) -> Evictor:
    directory = node.settings.directory
    return Evictor(node.runtime, node.pods, node.records, directory, node.clock)


def buying(size: str = "", uid: str = UID, limit: str = "", **spec: object) -> Object:
    """A Pod that reserves so much ephemeral storage."""
    asked = {"requests": {"ephemeral-storage": size}} if size else {}
    limits = {"limits": {"ephemeral-storage": limit}} if limit else {}
    main = {"name": "main", "image": "i", "command": ["x"], "resources": {**asked, **limits}}
    found = pod(uid, **{"containers": [main], "terminationGracePeriodSeconds": 30, **spec})
    return found | {"metadata": found["metadata"] | {"name": f"p-{uid[:2]}"}}


def last(node: Node, uid: str = UID) -> Object:
    told = [b["status"] for _, p, b in node.api.told if p.endswith(f"p-{uid[:2]}/status")]
    return told[-1]


@pytest.fixture(autouse=True)
def roomy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk of the machine that runs the tests is nobody's business."""
    monkeypatch.setattr(evictions, "free_bytes", lambda directory: 50 * GIB)


async def test_who_stays_within_what_was_bought_goes_on(node: Node) -> None:
    node.machine.default = Behaviour(writes_bytes=MIB)
    await node.run(buying("64Mi"))
    await node.elapses(60)
    await evictor(node).look()
    await node.turn()
    assert last(node)["phase"] == "Running"


async def test_who_writes_more_is_evicted_at_once_and_told_what_to_change(node: Node) -> None:
    node.machine.default = Behaviour(writes_bytes=MIB, ignores_term=True)
    await node.run(buying("64Mi"))
    await node.elapses(70)
    await evictor(node).look()
    await node.until(lambda: last(node)["phase"] == "Failed")
    assert last(node)["reason"] == "Evicted"
    assert last(node)["message"] == (
        "ephemeral local storage usage of 70Mi exceeds the 64Mi that the Pod reserved: raise "
        "resources.requests.ephemeral-storage, or write to a bucket"
    )
    assert last(node)["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137
    await node.until(lambda: not node.machine.containers)


async def test_an_evicted_pod_is_not_started_again(node: Node) -> None:
    node.machine.default = Behaviour(writes_bytes=MIB)
    await node.run(buying("64Mi", restartPolicy="Always"))
    await node.elapses(70)
    await evictor(node).look()
    await node.until(lambda: last(node)["phase"] == "Failed")
    await node.passes(600)
    assert len(node.machine.started) == 1
    assert last(node)["reason"] == "Evicted"


async def test_an_eviction_outlives_the_agent(node: Node) -> None:
    node.machine.default = Behaviour(writes_bytes=MIB)
    await node.run(buying("64Mi"))
    await node.elapses(70)
    node.worker().evict("it wrote too much")
    await node.die()
    await node.run(buying("64Mi"))
    await node.until(lambda: last(node)["phase"] == "Failed")
    assert (last(node)["reason"], last(node)["message"]) == ("Evicted", "it wrote too much")


async def test_containers_logs_and_emptydirs_count_together(node: Node) -> None:
    node.machine.default = Behaviour(writes_bytes=MIB)
    volumes = [{"name": "scratch", "emptyDir": {}}]
    two = [{"name": name, "image": "i", "command": ["x"]} for name in ("one", "two")]
    two[0]["resources"] = {"requests": {"ephemeral-storage": "22Mi"}}
    await node.run(buying(containers=two, volumes=volumes))
    folder = node.records.folder(UID)
    await node.elapses(10)
    await evictor(node).look()
    assert not node.worker()._record.stop_reason
    (folder / "volumes/emptyDir/scratch/file").write_bytes(b"x" * MIB)
    await evictor(node).look()
    assert not node.worker()._record.stop_reason
    (folder / "logs/one").mkdir(parents=True, exist_ok=True)
    (folder / "logs/one/0.log").write_bytes(b"x" * MIB)
    await evictor(node).look()
    assert node.worker()._record.stop_reason == "Evicted"


async def test_a_containers_own_limit_holds_below_what_the_pod_bought(node: Node) -> None:
    node.machine.behaviours["main"] = Behaviour(writes_bytes=MIB)
    side = {"name": "side", "image": "i", "command": ["x"]}
    both = buying("64Mi", limit="8Mi")
    both["spec"]["containers"].append(side)
    await node.run(both)
    await node.elapses(10)
    await evictor(node).look()
    await node.until(lambda: last(node)["phase"] == "Failed")
    assert last(node)["message"].startswith("container main has written 10Mi, more than its limit")


async def test_an_emptydirs_size_limit_holds(node: Node) -> None:
    volumes = [{"name": "scratch", "emptyDir": {"sizeLimit": "2Mi"}}]
    await node.run(buying(volumes=volumes))
    scratch = node.records.folder(UID) / "volumes/emptyDir/scratch"
    (scratch / "file").write_bytes(b"x" * (3 * MIB))
    await evictor(node).look()
    await node.until(lambda: last(node)["phase"] == "Failed")
    assert last(node)["reason"] == "Evicted"
    assert last(node)["message"].startswith("emptyDir volume scratch holds 4Mi, more than its")


async def test_who_bought_none_and_limits_nothing_has_what_is_left_over(node: Node) -> None:
    node.machine.default = Behaviour(writes_bytes=100 * MIB)
    await node.run(buying())
    await node.elapses(3600)
    await evictor(node).look()
    await node.turn()
    assert last(node)["phase"] == "Running"


async def test_more_files_than_can_be_counted_are_too_many_for_a_limit(node: Node) -> None:
    node.machine.default = Behaviour(writes_too_many_files=True)
    await node.run(buying("64Mi"))
    await evictor(node).look()
    await node.until(lambda: last(node)["phase"] == "Failed")
    assert last(node)["message"].startswith("it has more files than can be counted in 60 s")


async def two_writers(node: Node) -> Evictor:
    """One that bought 2 GiB and has written 100 MiB, and one that bought none and wrote 200."""
    node.machine.behaviours["main"] = Behaviour(writes_bytes=MIB)
    node.machine.behaviours["heavy"] = Behaviour(writes_bytes=2 * MIB)
    heavy = {"name": "heavy", "image": "i", "command": ["x"]}
    await node.run(buying("2Gi"))
    await node.run(buying(uid=OTHER, containers=[heavy]))
    await node.elapses(100)
    return evictor(node)


async def test_where_what_was_bought_is_no_longer_there_who_is_most_over_goes(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = await two_writers(node)
    monkeypatch.setattr(evictions, "free_bytes", lambda directory: 2 * GIB)
    await looks.look()
    await node.until(lambda: last(node, OTHER)["phase"] == "Failed")
    assert last(node, OTHER)["reason"] == "Evicted"
    assert last(node, OTHER)["message"] == (
        "the node was low on disk, and of its Pods this one had written the most beyond what it "
        "reserved (200Mi): request ephemeral-storage"
    )
    await looks.look()
    await node.turn()
    assert last(node)["phase"] == "Running"


async def test_where_what_was_bought_is_still_there_nobody_goes(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = await two_writers(node)
    monkeypatch.setattr(evictions, "free_bytes", lambda directory: 3 * GIB)
    await looks.look()
    await node.turn(OTHER)
    assert last(node, OTHER)["phase"] == "Running"
