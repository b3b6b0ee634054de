"""Many rows in few statements: all of them, once, in their order."""

from __future__ import annotations

import sqlite3

import pytest

from busbar.store.sqlite.bulk import SIZES, insert, parts


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 85, 255, 256, 257, 1000])
def test_every_row_is_in_one_statement_and_statements_have_few_sizes(count: int) -> None:
    rows = list(range(count))
    found = [list(part) for part in parts(rows)]
    assert [row for part in found for row in part] == rows
    assert {len(part) for part in found} <= set(SIZES)
    assert len(found) <= count // SIZES[0] + 3 * (len(SIZES) - 1)


def test_rows_arrive_as_they_were_given() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, body BLOB)")
    rows = [(n, None if n % 3 else b"x" * n) for n in range(342)]
    insert(connection, "INSERT INTO things", rows)
    assert connection.execute("SELECT id, body FROM things ORDER BY id").fetchall() == rows
