"""Prices drawn in the terminal: bars of eighths, in as many columns as there are.

Next: `book.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence

EIGHTHS = " ▁▂▃▄▅▆▇█"
CLOSED = "·"


def width() -> int:
    """Give the terminal's width; 80 where there is none."""
    return shutil.get_terminal_size((80, 24)).columns


def chart(values: Sequence[int | None], rows: int = 4) -> list[str]:
    """Draw values as columns, `rows` lines high, the highest first; None (closed) as a dot.

    The lowest value is one eighth high, so that nothing looks like nothing.
    """
    known = [value for value in values if value is not None]
    if not known:
        return [CLOSED * len(values)]
    low, high = min(known), max(known)
    levels = [None if v is None else _level(v, low, high, rows * 8) for v in values]
    lines = []
    for row in reversed(range(rows)):
        lines.append("".join(_cell(level, row) for level in levels))
    return lines


def spark(values: Sequence[int | None]) -> str:
    """Draw values as one line."""
    return chart(values, 1)[0]


def _level(value: int, low: int, high: int, top: int) -> int:
    if high == low:
        return top // 2
    return 1 + (value - low) * (top - 1) // (high - low)


def _cell(level: int | None, row: int) -> str:
    if level is None:
        return CLOSED if row == 0 else " "
    return EIGHTHS[min(8, max(0, level - row * 8))]
