"""What every benchmark gives and how it is printed: rows, each beside its goal and its peer.

A module of this folder with a function `rows()` is a benchmark; `bench/run` finds it by its file's
name. A row without a goal is there to be looked at; a value that could not be had says so in
`note`, and counts as missed. Next: `run`.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """A line of the table."""

    name: str
    value: float | None
    unit: str
    goal: float | None
    met: bool | None
    peer: str = ""
    peer_value: float | None = None
    note: str = ""


def at_most(
    name: str, value: float, unit: str, goal: float, peer: str = "", other: float | None = None
) -> Row:
    """Make a row whose value should be at most the goal."""
    return Row(name, rounded(value), unit, goal, value <= goal, peer, rounded(other))


def at_least(
    name: str, value: float, unit: str, goal: float, peer: str = "", other: float | None = None
) -> Row:
    """Make a row whose value should be at least the goal."""
    return Row(name, rounded(value), unit, goal, value >= goal, peer, rounded(other))


def shown(name: str, value: float, unit: str, peer: str = "", other: float | None = None) -> Row:
    """Make a row that has no goal."""
    return Row(name, rounded(value), unit, None, None, peer, rounded(other))


def missing(name: str, unit: str, goal: float | None, why: str) -> Row:
    """Make the row of a value that could not be measured: a miss, with its reason."""
    return Row(name, None, unit, goal, False if goal is not None else None, note=why)


def percentile(values: Sequence[float], percent: int) -> float:
    """Give a percentile of at least two values."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def rounded(value: float | None) -> float | None:
    """Keep three significant digits of what is small, whole numbers of what is large."""
    if value is None:
        return None
    return float(round(value)) if abs(value) >= 1000 else float(f"{value:.4g}")


def as_json(rows: Sequence[Row]) -> str:
    """Give the rows as JSON: a list, keys as in `Row`; a note only where there is one."""
    documents = [row._asdict() for row in rows]
    for document in documents:
        if not document["note"]:
            del document["note"]
    return json.dumps(documents, indent=2, ensure_ascii=False)


def as_table(rows: Sequence[Row]) -> str:
    """Give the rows as a table to read."""
    lines = [("what", "value", "unit", "goal", "", "beside it")]
    lines += [(r.name, _number(r.value), r.unit, _number(r.goal), _mark(r), _peer(r)) for r in rows]
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    return "\n".join(_line(line, widths) for line in lines)


def _line(line: tuple[str, ...], widths: Sequence[int]) -> str:
    name, value, unit, goal, mark, peer = line
    cells = (
        name.ljust(widths[0]),
        value.rjust(widths[1]),
        unit.ljust(widths[2]),
        goal.rjust(widths[3]),
        mark.ljust(widths[4]),
        peer,
    )
    return "  ".join(cells).rstrip()


def _mark(row: Row) -> str:
    return {True: "met", False: "MISSED", None: ""}[row.met]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.10g}"


def _peer(row: Row) -> str:
    value = "" if row.peer_value is None else f": {_number(row.peer_value)}"
    return "; ".join(part for part in (row.peer + value, row.note) if part)
