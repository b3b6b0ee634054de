"""What every runtime promises, each promise a test. A runtime is put on the `stage` fixture.

`test_fake.py` here, and `tests/e2e/runtimes/test_promises.py` with runc, run all of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from enum import Enum
from typing import Any, Protocol, TypeVar

import pytest

from busbar.agent.runtimes.contract import ContainerSpec, Runtime, RuntimeFailed

T = TypeVar("T")
MIB = 1 << 20
UID, OTHER = "0a0a0a0a-1111-4222-8333-444444444444", "0b0b0b0b-1111-4222-8333-444444444444"


class Program(Enum):
    """What a container of the suite does."""

    FOREVER = "runs until it is stopped, ends when asked"
    STUBBORN = "runs until it is killed"
    SUCCEEDS = "ends with 0"
    FAILS = "ends with 7"
    SPEAKS = "writes `hello` and a `world` and ends"
    MISSING = "names a command that does not exist"
    ENDS_LATER = "runs for a moment, then ends with 5"
    WRITES = "writes 3 MiB to its own file system and ends"


class Stage(Protocol):
    """A runtime and the ways in which the suite may touch its world."""

    runtime: Runtime

    def spec(self, pod_uid: str, program: Program, name: str = "main", attempt: int = 0) -> Any: ...

    async def ready(self, spec: ContainerSpec) -> None:
        """Wait until a program that listens to signals does so."""
        ...

    async def restart(self) -> None:
        """End the agent and begin another life of it over the same machine."""
        ...

    async def lasting(self, deed: Awaitable[T]) -> T:
        """Do what takes time on the runtime's clock."""
        ...

    def leftovers(self) -> list[str]:
        """Name everything on the machine that belongs to a Pod."""
        ...


def pod(uid: str = UID, namespace: str = "xyz") -> dict[str, Any]:
    return {"metadata": {"uid": uid, "namespace": namespace, "name": "p"}}


async def started(stage: Stage, program: Program, uid: str = UID, **more: Any) -> ContainerSpec:
    await stage.runtime.prepare(pod(uid))
    spec: ContainerSpec = stage.spec(uid, program, **more)
    await stage.runtime.start(spec)
    await stage.ready(spec)
    return spec


async def test_preparing_twice_gives_the_same_sandbox(stage: Stage) -> None:
    assert await stage.runtime.prepare(pod()) == await stage.runtime.prepare(pod())


async def test_preparing_at_the_same_time_gives_the_same_sandbox(stage: Stage) -> None:
    first, second = await asyncio.gather(*(stage.runtime.prepare(pod()) for _ in range(2)))
    assert first == second


async def test_pods_share_no_address_and_no_ids(stage: Stage) -> None:
    one = await stage.runtime.prepare(pod())
    two = await stage.runtime.prepare(pod(OTHER))
    assert one.address != two.address
    assert abs(one.uid_base - two.uid_base) >= 65_536
    assert abs(one.gid_base - two.gid_base) >= 65_536


async def test_a_started_container_runs(stage: Stage) -> None:
    spec = await started(stage, Program.FOREVER)
    status = await stage.runtime.status(spec.id)
    assert status is not None
    assert (status.id, status.pod_uid, status.name) == (spec.id, UID, "main")
    assert status.state == "running"
    assert status.exit_code is None
    assert status.finished_ms is None
    assert status.started_ms > 0


async def test_starting_the_same_run_again_changes_nothing(stage: Stage) -> None:
    spec = await started(stage, Program.FOREVER)
    before = await stage.runtime.status(spec.id)
    assert await stage.runtime.start(spec) == before
    assert len(await stage.runtime.list()) == 1


async def test_a_container_needs_its_pods_sandbox(stage: Stage) -> None:
    with pytest.raises(RuntimeFailed, match="has no sandbox"):
        await stage.runtime.start(stage.spec(UID, Program.FOREVER))
    assert await stage.runtime.list() == ()


async def test_what_ends_by_itself_leaves_its_exit_code(stage: Stage) -> None:
    for program, code in ((Program.SUCCEEDS, 0), (Program.FAILS, 7)):
        spec = await started(stage, program, name=program.name.lower())
        status = await stage.lasting(stage.runtime.wait(spec.id))
        assert status is not None
        assert (status.state, status.exit_code, status.reason) == ("exited", code, "")
        assert status.finished_ms is not None
        assert status.finished_ms >= status.started_ms
        assert await stage.runtime.status(spec.id) == status


async def test_waiting_for_what_has_ended_returns_at_once(stage: Stage) -> None:
    spec = await started(stage, Program.FAILS)
    first = await stage.lasting(stage.runtime.wait(spec.id))
    assert await stage.runtime.wait(spec.id) == first


async def test_several_may_wait_and_one_may_give_up(stage: Stage) -> None:
    spec = await started(stage, Program.FOREVER)
    waits = [asyncio.ensure_future(stage.runtime.wait(spec.id)) for _ in range(3)]
    await asyncio.sleep(0)
    waits[0].cancel()
    await stage.lasting(stage.runtime.stop(spec.id, 0))
    for status in await asyncio.gather(*waits[1:]):
        assert status is not None
        assert status.state == "exited"


async def test_a_polite_end_when_asked(stage: Stage) -> None:
    spec = await started(stage, Program.FOREVER)
    await stage.lasting(stage.runtime.stop(spec.id, 10))
    status = await stage.runtime.status(spec.id)
    assert status is not None
    assert (status.state, status.exit_code) == ("exited", 143)


async def test_a_sure_end_after_the_grace(stage: Stage) -> None:
    spec = await started(stage, Program.STUBBORN)
    await stage.lasting(stage.runtime.stop(spec.id, 0.3))
    status = await stage.runtime.status(spec.id)
    assert status is not None
    assert (status.state, status.exit_code) == ("exited", 137)


async def test_without_grace_the_end_is_sure_at_once(stage: Stage) -> None:
    spec = await started(stage, Program.STUBBORN)
    await stage.lasting(stage.runtime.stop(spec.id, 0))
    status = await stage.runtime.status(spec.id)
    assert status is not None
    assert (status.state, status.exit_code) == ("exited", 137)


async def test_a_second_stop_may_be_less_patient(stage: Stage) -> None:
    spec = await started(stage, Program.STUBBORN)
    patient = asyncio.ensure_future(stage.runtime.stop(spec.id, 3600))
    await asyncio.sleep(0)
    await stage.lasting(stage.runtime.stop(spec.id, 0))
    await stage.lasting(patient)
    status = await stage.runtime.status(spec.id)
    assert status is not None
    assert status.state == "exited"


async def test_stopping_what_has_ended_or_never_was_is_fine(stage: Stage) -> None:
    spec = await started(stage, Program.FAILS)
    await stage.lasting(stage.runtime.wait(spec.id))
    await stage.runtime.stop(spec.id, 10)
    await stage.runtime.stop("nobody", 10)
    status = await stage.runtime.status(spec.id)
    assert status is not None
    assert status.exit_code == 7


async def test_the_unknown_has_no_status_no_end_and_no_use(stage: Stage) -> None:
    assert await stage.runtime.status("nobody") is None
    assert await stage.runtime.wait("nobody") is None
    used = await stage.runtime.use("nobody")
    assert (used.cpu_ms, used.memory_peak_bytes) == (0, 0)


async def test_a_wrong_command_is_its_authors_fault_and_leaves_nothing(stage: Stage) -> None:
    await stage.runtime.prepare(pod())
    spec = stage.spec(UID, Program.MISSING)
    before = stage.leftovers()
    with pytest.raises(RuntimeFailed) as caught:
        await stage.runtime.start(spec)
    assert caught.value.not_executable
    assert caught.value.message
    assert "\n" not in caught.value.message
    assert await stage.runtime.status(spec.id) is None
    assert await stage.runtime.list() == ()
    assert stage.leftovers() == before


async def test_each_attempt_is_a_container_of_its_own(stage: Stage) -> None:
    first = await started(stage, Program.FAILS)
    await stage.lasting(stage.runtime.wait(first.id))
    await stage.runtime.remove(first.id)
    second = await started(stage, Program.FOREVER, attempt=1)
    assert first.id != second.id
    assert await stage.runtime.status(first.id) is None
    status = await stage.runtime.status(second.id)
    assert status is not None
    assert status.state == "running"


async def test_containers_of_one_pod_run_side_by_side(stage: Stage) -> None:
    one = await started(stage, Program.FOREVER, name="one")
    two = await started(stage, Program.FOREVER, name="two")
    await stage.lasting(stage.runtime.stop(one.id, 0))
    status = await stage.runtime.status(two.id)
    assert status is not None
    assert status.state == "running"


async def test_long_names_of_one_pod_stay_apart(stage: Stage) -> None:
    """A container's name may have 63 characters, and two may differ in the last only."""
    one = await started(stage, Program.FOREVER, name="n" * 62 + "1")
    two = await started(stage, Program.FOREVER, name="n" * 62 + "2")
    assert one.id != two.id
    assert len(await stage.runtime.list()) == 2


async def test_output_becomes_a_log_in_the_cri_format(stage: Stage) -> None:
    spec = await started(stage, Program.SPEAKS)
    await stage.lasting(stage.runtime.wait(spec.id))
    lines = [line.split(" ", 3) for line in spec.log_file.read_text().splitlines()]
    assert [line[1:] for line in lines] == [["stdout", "F", "hello"], ["stdout", "F", "world"]]
    assert all(stamp[10] == "T" and stamp.endswith("Z") for stamp, *_ in lines)


async def test_a_log_outlives_its_container(stage: Stage) -> None:
    spec = await started(stage, Program.SPEAKS)
    await stage.lasting(stage.runtime.wait(spec.id))
    await stage.runtime.remove(spec.id)
    await stage.runtime.release(UID)
    assert "hello" in spec.log_file.read_text()


async def test_workloads_outlive_the_agent(stage: Stage) -> None:
    spec = await started(stage, Program.FOREVER)
    before = await stage.runtime.status(spec.id)
    sandbox = await stage.runtime.prepare(pod())
    await stage.restart()
    assert await stage.runtime.list() == (before,)
    assert await stage.runtime.prepare(pod()) == sandbox
    assert await stage.runtime.start(spec) == before
    await stage.lasting(stage.runtime.stop(spec.id, 10))
    status = await stage.runtime.status(spec.id)
    assert status is not None
    assert status.exit_code == 143


async def test_an_end_that_no_agent_saw_is_known_later(stage: Stage) -> None:
    spec = await started(stage, Program.ENDS_LATER)
    await stage.restart()
    status = await stage.lasting(stage.runtime.wait(spec.id))
    assert status is not None
    assert (status.state, status.exit_code) == ("exited", 5)
    await stage.restart()
    assert await stage.runtime.status(spec.id) == status


async def test_removing_forgets_and_may_be_repeated(stage: Stage) -> None:
    spec = await started(stage, Program.SUCCEEDS)
    await stage.lasting(stage.runtime.wait(spec.id))
    for _ in range(2):
        await stage.runtime.remove(spec.id)
        assert await stage.runtime.status(spec.id) is None
        assert await stage.runtime.list() == ()


async def test_releasing_ends_and_removes_everything(stage: Stage) -> None:
    await started(stage, Program.STUBBORN, name="one")
    ended = await started(stage, Program.FAILS, name="two")
    await stage.lasting(stage.runtime.wait(ended.id))
    for _ in range(2):
        await stage.runtime.release(UID)
        assert await stage.runtime.list() == ()
        assert stage.leftovers() == []


async def test_a_released_pod_may_come_again(stage: Stage) -> None:
    await started(stage, Program.STUBBORN)
    await stage.runtime.release(UID)
    spec = await started(stage, Program.FOREVER)
    status = await stage.runtime.status(spec.id)
    assert status is not None
    assert status.state == "running"


async def test_the_sweep_spares_known_pods_and_removes_the_others(stage: Stage) -> None:
    kept = await started(stage, Program.FOREVER)
    await started(stage, Program.STUBBORN, uid=OTHER)
    removed = await stage.runtime.sweep({UID})
    assert any(OTHER in words for words in removed)
    assert [status.id for status in await stage.runtime.list()] == [kept.id]
    assert await stage.runtime.sweep({UID}) == ()


async def test_the_sweep_removes_what_an_earlier_life_left(stage: Stage) -> None:
    await started(stage, Program.STUBBORN)
    await stage.restart()
    await stage.runtime.sweep(set())
    assert await stage.runtime.list() == ()
    assert stage.leftovers() == []


async def test_use_is_never_negative(stage: Stage) -> None:
    spec = await started(stage, Program.FOREVER)
    used = await stage.runtime.use(spec.id)
    assert used.cpu_ms >= 0
    assert used.memory_peak_bytes >= 0
    assert used.memory_bytes >= 0


async def test_what_a_container_writes_to_its_own_file_system_is_counted(stage: Stage) -> None:
    spec = await started(stage, Program.WRITES)
    await stage.lasting(stage.runtime.wait(spec.id))
    written = await stage.runtime.written(spec.id)
    assert written is not None
    assert 3 * MIB <= written < 4 * MIB
    await stage.runtime.remove(spec.id)
    assert await stage.runtime.written(spec.id) == 0


async def test_who_writes_nothing_has_next_to_nothing_on_the_disk(stage: Stage) -> None:
    spec = await started(stage, Program.FOREVER)
    written = await stage.runtime.written(spec.id)
    assert written is not None
    assert written < MIB // 8
