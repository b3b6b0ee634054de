"""Coroutine tests, and a connection that fails or stops the process where a test says so."""

from __future__ import annotations

import asyncio
import inspect
import sqlite3
import threading
from pathlib import Path

import pytest

from busbar.model.objects import Key
from busbar.store.contract import Committed, Put, Transaction
from busbar.store.sqlite import SqliteStore, schema


class Faulty(sqlite3.Connection):
    """A connection whose statements can be counted and made to fail."""

    fail_at: str = ""
    gate: threading.Event | None = None
    """What a COMMIT waits for."""
    error: Exception = sqlite3.OperationalError("disk I/O error")
    statements: list[str]

    def execute(self, sql: str, *args: object) -> sqlite3.Cursor:  # type: ignore[override]
        self.__dict__.setdefault("statements", []).append(sql)
        if self.gate is not None and sql == "COMMIT":
            assert self.gate.wait(30)
        if self.fail_at and sql.startswith(self.fail_at):
            raise self.error
        return super().execute(sql, *args)  # type: ignore[arg-type]


class Bench:
    """A data directory and the connection of the store last opened in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = path / "busbar.db"
        self.connection: Faulty | None = None

    def open(self) -> SqliteStore:
        return SqliteStore.open(self.path, connect=self._connect)

    def _connect(self, path: Path) -> sqlite3.Connection:
        schema.connect(path).close()
        self.connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, factory=Faulty
        )
        self.connection.execute("PRAGMA synchronous = FULL")
        return self.connection

    async def put(self, store: SqliteStore, name: str, size: int = 1) -> int:
        obj = {"metadata": {"name": name}, "data": "x" * size}
        done = await store.commit(Transaction((Put(Key("", "pods", "a", name), obj),)))
        assert isinstance(done, Committed)
        return done.revision

    def edit(self, *statements: str) -> None:
        """Change the closed database behind the store's back."""
        connection = sqlite3.connect(self.database, isolation_level=None)
        for statement in statements:
            connection.execute(statement)
        connection.close()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "data")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run coroutine tests in an event loop of their own."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    args = {name: pyfuncitem.funcargs[name] for name in names}
    asyncio.run(asyncio.wait_for(pyfuncitem.obj(**args), 60))
    return True
