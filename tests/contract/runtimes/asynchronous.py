"""Coroutine tests without a plugin, each with a limit: a hang is a failure, not ten minutes.

A conftest takes `runner` and `pytest_pyfunc_call` from here.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator

import pytest

LIMIT_SECONDS = 20.0

# Imported by conftests before the suite itself: its assertions shall say what they saw.
pytest.register_assert_rewrite("tests.contract.runtimes.promises")


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """The event loop that fixtures and the test share."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine test on the loop of its fixtures."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    runner = pyfuncitem.funcargs.get("runner")
    if runner is None:
        asyncio.run(asyncio.wait_for(pyfuncitem.obj(**arguments), LIMIT_SECONDS))
    else:
        runner.run(asyncio.wait_for(pyfuncitem.obj(**arguments), LIMIT_SECONDS))
    return True
