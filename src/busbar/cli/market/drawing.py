"""Prices drawn in the terminal: bars of eighths, a column an hour.

Next: `book.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

EIGHTHS = " ▁▂▃▄▅▆▇█"
CLOSED = "·"


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


def scaled(values: Sequence[int | None], high: str, low: str) -> list[str]:
    """Draw the present hour and the next 48, with the highest and lowest value beside them."""
    lines = chart(values)
    room = max(len(high), len(low))
    sides = [high, *[""] * (len(lines) - 2), low if low != high else ""]
    drawn = [f"  {side:>{room}} {line}".rstrip() for side, line in zip(sides, lines, strict=True)]
    hours = "".join(f"{mark:<12}" for mark in ("now", "+12h", "+24h", "+36h", "+48h"))
    return [*drawn, f"  {'':>{room}} {hours}".rstrip()]


def _level(value: int, low: int, high: int, top: int) -> int:
    if high == low:
        return top // 2
    return 1 + (value - low) * (top - 1) // (high - low)


def _cell(level: int | None, row: int) -> str:
    if level is None:
        return CLOSED if row == 0 else " "
    return EIGHTHS[min(8, max(0, level - row * 8))]
