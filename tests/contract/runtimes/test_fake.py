"""The in-memory runtime keeps every promise, and has the faults that it is asked for."""

from __future__ import annotations

import asyncio

import pytest
from tests.contract.runtimes.conftest import FakeStage
from tests.contract.runtimes.promises import *  # noqa: F403
from tests.contract.runtimes.promises import UID, Program, pod

from busbar.agent.runtimes.contract import RuntimeFailed, Use
from busbar.agent.runtimes.fake import Behaviour


async def test_memory_beyond_the_limit_is_named(stage: FakeStage) -> None:
    await stage.runtime.prepare(pod())
    spec = stage.spec(UID, Program.FOREVER)
    stage.machine.behaviours["main"] = Behaviour(exits_after_ms=100, out_of_memory=True)
    await stage.runtime.start(spec)
    status = await stage.lasting(stage.runtime.wait(spec.id))
    assert status is not None
    assert (status.exit_code, status.reason) == (137, "OOMKilled")
    assert status.finished_ms == status.started_ms + 100


async def test_a_slow_start_takes_as_long_as_the_clock_says(stage: FakeStage) -> None:
    await stage.runtime.prepare(pod())
    spec = stage.spec(UID, Program.FOREVER)
    stage.machine.behaviours["main"] = Behaviour(start_takes_ms=1000)
    starting = asyncio.ensure_future(stage.runtime.start(spec))
    await asyncio.sleep(0)
    stage.clock.advance(999)
    stage.machine.settle()
    await asyncio.sleep(0)
    assert not starting.done()
    assert (await stage.lasting(starting)).state == "running"


async def test_a_reboot_ends_everything_unseen(stage: FakeStage) -> None:
    await stage.runtime.prepare(pod())
    spec = stage.spec(UID, Program.FOREVER)
    await stage.runtime.start(spec)
    stage.machine.reboot()
    await stage.restart()
    status = await stage.runtime.status(spec.id)
    assert status is not None
    assert (status.state, status.exit_code, status.finished_ms) == ("exited", 255, None)
    assert not stage.machine.sandboxes


async def test_a_lost_container_is_unknown(stage: FakeStage) -> None:
    await stage.runtime.prepare(pod())
    spec = stage.spec(UID, Program.FOREVER)
    await stage.runtime.start(spec)
    stage.machine.lose(spec.id)
    assert await stage.runtime.status(spec.id) is None


async def test_a_sandbox_may_fail(stage: FakeStage) -> None:
    stage.machine.prepare_fails = "no addresses are left"
    with pytest.raises(RuntimeFailed, match="no addresses are left"):
        await stage.runtime.prepare(pod())


async def test_use_is_what_was_set(stage: FakeStage) -> None:
    await stage.runtime.prepare(pod())
    spec = stage.spec(UID, Program.FOREVER)
    stage.machine.behaviours["main"] = Behaviour(use=Use(7, 8))
    await stage.runtime.start(spec)
    assert await stage.runtime.use(spec.id) == Use(7, 8)
