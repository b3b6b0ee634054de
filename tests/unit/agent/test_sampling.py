"""What the agent observes of use: counters of each running container, and of the machine."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tests.unit.agent.conftest import UID, Node, pod

from busbar.agent.api import Unreachable
from busbar.agent.runtimes.contract import Use
from busbar.agent.runtimes.fake import Behaviour
from busbar.agent.sampling import Sampler, machine_use
from busbar.model.use import Counters, UseReport

STAT = "cpu  100 0 50 1000 30 0 20 0 7 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n"
MEMINFO = "MemTotal:  1000 kB\nMemFree:  1 kB\nMemAvailable:  400 kB\n"


def sampler(node: Node) -> Sampler:
    return Sampler(node.api, node.runtime, node.pods, node.clock)  # type: ignore[arg-type]


async def test_running_containers_are_told_with_their_counters(node: Node) -> None:
    node.machine.default = Behaviour(use=Use(0, 4096, 2048), cpu_milli=250)
    await node.run(pod())
    node.clock.advance(10)
    await sampler(node).tell()
    verb, path, body = node.api.told[-1]
    assert (verb, path) == ("POST", "/agent/v1/nodes/n1/use")
    told = msgspec.convert(body, UseReport)
    (one,) = told.pods
    assert (one.namespace, one.name, one.uid) == ("xyz", "p", UID)
    (container,) = one.containers
    assert (container.name, container.cpu_ms) == ("main", 2500)
    assert (container.memory_bytes, container.peak_bytes) == (2048, 4096)


async def test_what_has_ended_is_not_told(node: Node) -> None:
    node.machine.default = Behaviour(exits_after_ms=1000)
    await node.run(pod())
    await node.passes(5)
    assert (await sampler(node).look()).pods == ()


async def test_a_cloud_out_of_reach_is_told_the_next_time(node: Node) -> None:
    node.machine.default = Behaviour(cpu_milli=1000)
    await node.run(pod())
    node.api.is_reachable = False
    node.clock.advance(15)
    with pytest.raises(Unreachable):
        await sampler(node).tell()
    node.api.is_reachable = True
    node.clock.advance(15)
    await sampler(node).tell()
    told = msgspec.convert(node.api.told[-1][2], UseReport)
    assert told.pods[0].containers[0].cpu_ms == 30_000


def test_the_machine_is_busy_but_for_idle_and_waiting(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text(STAT)
    (tmp_path / "meminfo").write_text(MEMINFO)
    assert machine_use(tmp_path) == Counters(1700, 600 * 1024)


def test_a_machine_that_says_nothing_uses_nothing_known(tmp_path: Path) -> None:
    assert machine_use(tmp_path) == Counters()
