"""The book as tables of numbered lines, and which lines changed since the last record.

A line keeps its number as long as it is in the book; a number that has become free is given out
again. So a change is a number with what was there and what is there now, whatever the line says.
Next: `lines.py`, which fills them from a book.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from busbar.market.occupancy import Occupancy
from busbar.market.publish import commitment_line

T = TypeVar("T")
Line = Any
"""A line as JSON; None where a number is free."""


class Change(NamedTuple):
    """What was under a number at the record before, and what is there now."""

    number: int
    before: Line
    after: Line


class Numbered(Protocol):
    """What a recorder asks of a table."""

    def __len__(self) -> int:
        """Give how many numbers were ever given out."""
        ...

    def shown(self, first: int, end: int) -> list[Line]:
        """Give the lines of a range of numbers."""
        ...

    def changes(self) -> list[Change]:
        """Give what changed since this was asked last, by number; it is forgotten."""
        ...

    def forget(self) -> None:
        """Forget what changed until now."""
        ...


class Table(Generic[T]):
    """Lines that are kept as values and written as JSON only when they are shown."""

    def __init__(self, write: Callable[[T], Line]) -> None:
        self._write = write
        self._lines: list[T | None] = []
        self._free: list[int] = []
        self._before: dict[int, T | None] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, value: T) -> int:
        """Give a value a number."""
        if self._free:
            number = self._free.pop()
        else:
            number = len(self._lines)
            self._lines.append(None)
        self.put(number, value)
        return number

    def put(self, number: int, value: T | None) -> None:
        """Change a line; None frees its number."""
        self._before.setdefault(number, self._lines[number])
        self._lines[number] = value
        if value is None:
            self._free.append(number)

    def replace(self, number: int, value: T) -> None:
        """Hold another object for the same line; nothing changes."""
        self._lines[number] = value

    def get(self, number: int) -> T:
        """Give the value under a number that is in use."""
        value = self._lines[number]
        assert value is not None
        return value

    def shown(self, first: int, end: int) -> list[Line]:
        """Give the lines of a range of numbers."""
        return [self._said(value) for value in self._lines[first:end]]

    def changes(self) -> list[Change]:
        """Give what changed since this was asked last."""
        found = [
            Change(number, self._said(before), self._said(self._lines[number]))
            for number, before in sorted(self._before.items(), key=_number)
            if before != self._lines[number]
        ]
        self._before.clear()
        return found

    def forget(self) -> None:
        """Forget what changed until now."""
        self._before.clear()

    def _said(self, value: T | None) -> Line:
        return None if value is None else self._write(value)


class Promised:
    """Commitments, in the table that the market keeps of them: they are a million, so no other."""

    def __init__(self, occupancy: Occupancy) -> None:
        self.occupancy = occupancy
        occupancy.note()

    def __len__(self) -> int:
        return self.occupancy.numbers

    @property
    def is_followed(self) -> bool:
        """Say whether all changes were noted; they are not where there were too many."""
        return self.occupancy.is_noting

    def shown(self, first: int, end: int) -> list[Line]:
        """Give the lines of a range of numbers."""
        return _written(self.occupancy.numbered(range(first, end)))

    def changes(self) -> list[Change]:
        """Give what changed since this was asked last."""
        noted = self.occupancy.note()
        numbers = sorted(noted)
        then = _written(noted[number] for number in numbers)
        now = _written(self.occupancy.numbered(numbers))
        pairs = zip(numbers, then, now, strict=True)
        return [Change(*pair) for pair in pairs if pair[1] != pair[2]]

    def forget(self) -> None:
        """Forget what changed until now."""
        self.occupancy.note()


def _written(found: Iterable[tuple[Any, ...] | None]) -> list[Line]:
    return [None if one is None else commitment_line(*one) for one in found]


def _number(entry: tuple[int, Any]) -> int:
    return entry[0]
