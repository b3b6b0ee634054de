"""The in-memory runtime on the suite's stage."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

import pytest
from tests.contract.runtimes.asynchronous import pytest_pyfunc_call, runner
from tests.contract.runtimes.promises import Program

from busbar.agent.runtimes.contract import ContainerSpec
from busbar.agent.runtimes.fake import Behaviour, FakeMachine, FakeRuntime

__all__ = ["pytest_pyfunc_call", "runner"]
T = TypeVar("T")
BEHAVIOURS = {
    Program.FOREVER: Behaviour(),
    Program.STUBBORN: Behaviour(ignores_term=True),
    Program.SUCCEEDS: Behaviour(exits_after_ms=0),
    Program.FAILS: Behaviour(exits_after_ms=0, exit_code=7),
    Program.SPEAKS: Behaviour(exits_after_ms=0, output=("hello", "world")),
    Program.MISSING: Behaviour(start_fails="nosuch: not found", not_executable=True),
    Program.ENDS_LATER: Behaviour(exits_after_ms=500, exit_code=5),
    Program.WRITES: Behaviour(exits_after_ms=1000, writes_bytes=3 << 20),
}


class SetClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.ms = 1_790_000_000_000

    def now(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000

    def advance(self, ms: int) -> None:
        self.ms += ms


class FakeStage:
    """Runs the suite on `FakeRuntime`."""

    def __init__(self, directory: Path) -> None:
        self.clock = SetClock()
        self.machine = FakeMachine(self.clock)
        self.runtime = FakeRuntime(self.machine)
        self._directory = directory

    def spec(
        self, pod_uid: str, program: Program, name: str = "main", attempt: int = 0
    ) -> ContainerSpec:
        self.machine.behaviours[name] = BEHAVIOURS[program]
        log = self._directory / pod_uid / name / f"{attempt}.log"
        return ContainerSpec(pod_uid, name, attempt, (), ("x",), {}, log)

    async def ready(self, spec: ContainerSpec) -> None:
        del spec  # Everything listens from the first moment on.

    async def restart(self) -> None:
        self.runtime = FakeRuntime(self.machine)

    async def lasting(self, deed: Awaitable[T]) -> T:
        task = asyncio.ensure_future(deed)
        while not task.done():
            self.clock.advance(50)
            self.machine.settle()
            await asyncio.sleep(0)
        return task.result()

    def leftovers(self) -> list[str]:
        return [*self.machine.sandboxes, *self.machine.containers]


@pytest.fixture
def stage(tmp_path: Path) -> FakeStage:
    return FakeStage(tmp_path)
