"""The engines that keep the store contract; each test here runs against every one of them.

Another engine joins by a line in ENGINES. Tests may be coroutines; stores are closed after them.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from busbar.store.contract import Store
from busbar.store.memory import MemoryStore
from busbar.store.sqlite import SqliteStore

Open = Callable[..., Store]

DURABLE: dict[str, Callable[[Path], Open]] = {
    "sqlite": lambda path: lambda **limits: SqliteStore.open(path / "data", **limits),
}
"""Engines whose contents outlive the process."""

ENGINES: dict[str, Callable[[Path], Open]] = {
    "memory": lambda path: lambda **limits: MemoryStore(**limits),
    **DURABLE,
}


class Engine:
    """Opens stores of one engine, for one test, always over the same data."""

    def __init__(self, open_store: Open) -> None:
        self._open = open_store
        self._stores: list[Store] = []

    def open(self, **limits: int) -> Store:
        store = self._open(**limits)
        self._stores.append(store)
        return store

    async def reopen(self, store: Store) -> Store:
        await store.close()
        return self.open()

    async def close(self) -> None:
        for store in self._stores:
            await store.close()


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    return Engine(ENGINES[request.param](tmp_path))


@pytest.fixture(params=DURABLE)
def durable(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    return Engine(DURABLE[request.param](tmp_path))


@pytest.fixture
def store(engine: Engine) -> Store:
    return engine.open()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run coroutine tests in an event loop of their own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    args = {name: pyfuncitem.funcargs[name] for name in names}
    engines = [a for a in pyfuncitem.funcargs.values() if isinstance(a, Engine)]

    async def run() -> Any:
        try:
            async with asyncio.timeout(60):
                await pyfuncitem.obj(**args)
        finally:
            for used in engines:
                await used.close()

    asyncio.run(run())
    return True
