"""Reading records, on a connection of its own: whoever takes much along keeps nobody waiting.

Next: `engine.py`.
"""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from busbar.store.contract import Shelved
from busbar.store.sqlite import schema

_LIST = """SELECT name, length(body) FROM records
WHERE seq < coalesce((SELECT seq FROM records WHERE name = ?), ?) ORDER BY seq DESC LIMIT ?"""
_END = 2**62


class Shelf:
    """Reads off the event loop, one question at a time, so that memory stays bounded."""

    def __init__(self, database: Path) -> None:
        self._connection = schema.connect_for_reading(database)
        self._turn = asyncio.Lock()

    async def get(self, name: str) -> bytes | None:
        """Give a record, packed, or None."""
        async with self._turn:
            return await asyncio.to_thread(self._get, name)

    async def list(self, before: str, limit: int) -> tuple[Shelved, ...]:
        """List records from the latest back, or from one."""
        async with self._turn:
            return await asyncio.to_thread(self._list, before, limit)

    async def close(self) -> None:
        """Release the connection."""
        async with self._turn:
            self._connection.close()

    def _get(self, name: str) -> bytes | None:
        query = "SELECT CAST(body AS BLOB) FROM records WHERE name = ?"
        found = self._connection.execute(query, (name,)).fetchone()
        return None if found is None else bytes(found[0])

    def _list(self, before: str, limit: int) -> tuple[Shelved, ...]:
        # An unknown start comes before everything: nothing is listed.
        end = 0 if before else _END
        rows = self._connection.execute(_LIST, (before, end, limit or -1))
        return tuple(Shelved(name, size) for name, size in rows)


def is_recorded(connection: sqlite3.Connection, name: str) -> bool:
    """Say whether there is a record of a name, on the connection of who asks."""
    found = connection.execute("SELECT 1 FROM records WHERE name = ?", (name,)).fetchone()
    return found is not None
