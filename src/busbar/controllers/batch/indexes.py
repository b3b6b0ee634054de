"""Completed indexes of an Indexed Job, as its status writes them: `1,3-5`. Next: `podspec.py`."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby


def parse_indexes(text: str) -> frozenset[int]:
    """Read `1,3-5`; what is not of that form is left out."""
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first.isdecimal() and (last or first).isdecimal():
            found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def format_indexes(indexes: Iterable[int]) -> str:
    """Write indexes, runs of them as ranges."""
    parts = []
    for _, run in groupby(enumerate(sorted(set(indexes))), key=lambda pair: pair[1] - pair[0]):
        numbers = [number for _, number in run]
        first, last = numbers[0], numbers[-1]
        parts.append(str(first) if first == last else f"{first}-{last}")
    return ",".join(parts)
