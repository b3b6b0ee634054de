"""Many rows in few statements.

The writer's thread gives up the interpreter's lock at each step of a statement, and may wait long
until it has it back while the exchange is busy; the exchange pays for each hand-over too. So a
hundred rows are one step, not a hundred. Statements have a few sizes only: the connection keeps
them prepared. Next: `writer.py`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, TypeVar

_Row = TypeVar("_Row")

SIZES = (256, 64, 16, 4, 1)
"""Rows of a statement; SQLite takes 32,766 parameters."""


def insert(connection: sqlite3.Connection, head: str, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows of one width; `head` is the statement up to its VALUES."""
    run(connection, f"{head} VALUES {{}}", rows)


def run(connection: sqlite3.Connection, statement: str, rows: Sequence[Sequence[Any]]) -> int:
    """Run a statement with rows of one width where it has {}, and give how many rows it changed."""
    changed = 0
    for part in parts(rows):
        parameters = list(chain.from_iterable(part))
        changed += connection.execute(statement.format(places(part)), parameters).rowcount
    return changed


def parts(rows: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
    """Part rows, in their order, into the sizes of statements."""
    at = 0
    for size in SIZES:
        while len(rows) - at >= size:
            yield rows[at : at + size]
            at += size


def places(rows: Sequence[Sequence[Any]]) -> str:
    """Give the places of the parameters of rows.

    >>> places([(1, 2), (3, 4)])
    '(?,?),(?,?)'
    """
    one = f"({','.join('?' * len(rows[0]))})"
    return ",".join([one] * len(rows))
