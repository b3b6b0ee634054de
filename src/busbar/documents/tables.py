"""Rows of usage as CSV and as Parquet. Parquet needs the extra `busbar[parquet]`.

Next: `parties.py`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, BinaryIO

from busbar.documents.focus import COLUMNS, VERSION, Row, Type, shown

ROWS_AT_ONCE = 10_000


class ExtraMissing(Exception):
    """A library that is installed on request is missing; one sentence with the fix."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra `{extra}`: pip install 'busbar[{extra}]'")


def write_csv(rows: Iterable[Row], out: BinaryIO) -> int:
    """Write CSV (RFC 4180, UTF-8) with a header; an empty field is null. Gives the rows' count."""
    text = io.TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
    try:
        writer = csv.writer(text)
        writer.writerow([column.name for column in COLUMNS])
        count = 0
        for row in rows:
            count += 1
            writer.writerow([shown(row[column.name], column.type) for column in COLUMNS])
        return count
    finally:
        text.detach()


def write_parquet(rows: Iterable[Row], out: BinaryIO) -> int:
    """Write Parquet with exact decimals, a group of rows at a time. Gives the rows' count."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise ExtraMissing("Parquet", "parquet") from None
    schema = _schema(pyarrow)
    count = 0
    with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        for group in _groups(rows):
            writer.write_table(pyarrow.Table.from_pylist(group, schema=schema))
            count += len(group)
    return count


def _schema(pyarrow: Any) -> Any:
    types = {
        Type.TEXT: pyarrow.string(),
        Type.TIME: pyarrow.timestamp("ms", tz="UTC"),
        Type.EURO: pyarrow.decimal128(28, 9),
        Type.QUANTITY: pyarrow.decimal128(38, 18),
        Type.INTEGER: pyarrow.int64(),
    }
    fields = [
        pyarrow.field(column.name, types[column.type], nullable=not column.required)
        for column in COLUMNS
    ]
    return pyarrow.schema(fields, metadata={"FOCUS": VERSION})


def _groups(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while group := list(islice(left, ROWS_AT_ONCE)):
        yield group
