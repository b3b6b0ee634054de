"""The book at a clearing, put together from its record and those around it.

Records are followed in order: each says which lines changed since the one before, and shows a
stretch of the book as it stands. What was shown once is known from then on. What is told twice must
be the same both times: a change that was left out is found when its line is shown again, or changes
again. Next: `chain.py`, which picks the records.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from busbar.replay.records import TABLES, Json, Link, Record, Unsound

Line = Any
UNKNOWN: Final = object()
_COMMITMENT = ("node", "cpuMilli", "memoryBytes", "gpus", "ephemeralBytes", "startMs", "endMs")


class Table:
    """The lines of one table, by number; None where a number is free."""

    def __init__(self, title: str) -> None:
        self._title = title
        self.lines: list[Line] = []
        self.unknown = 0

    def grow(self, count: int, line: Line) -> None:
        """Give out further numbers, up to a count."""
        more = count - len(self.lines)
        if more < 0:
            raise Unsound(f"the {self._title} have {count} lines after {len(self.lines)}")
        self.lines += [line] * more
        self.unknown += more if line is UNKNOWN else 0

    def tell(self, number: int, line: Line) -> None:
        """Know a line; it must not be known otherwise."""
        known = self.lines[number]
        if known is UNKNOWN:
            self.unknown -= 1
        elif known != line:
            raise Unsound(
                f"line {number} of the {self._title} is {_said(line)}; by the records before it is"
                f" {_said(known)}: a change was left out"
            )
        self.lines[number] = line

    def change(self, number: int, before: Line, after: Line) -> None:
        """Change a line, which must have been as is said."""
        self.tell(number, before)
        self.lines[number] = after


class Assembly:
    """A book that follows records: `follow` each in turn, then ask."""

    def __init__(self) -> None:
        self.tables = {title: Table(title) for title in TABLES}
        self.at: Record | None = None

    @property
    def is_whole(self) -> bool:
        """Say whether every line is known."""
        return not any(table.unknown for table in self.tables.values())

    def follow(self, record: Record) -> None:
        """Go on to the next record; raises `Unsound` where it does not follow, or contradicts."""
        is_next = self.at is not None and record.previous is not None
        if self.at is not None and record.previous is not None:
            _check_follows(self.at.link, record)
        if not is_next:
            self.tables = {title: Table(title) for title in TABLES}
        try:
            for title, said in record.book.items():
                table = self.tables[title]
                table.grow(int(said["lines"]), None if is_next else UNKNOWN)
                _changes(table, said, is_known=is_next)
                for number, line in _shown(said):
                    table.tell(number, line)
        except (LookupError, TypeError, ValueError) as error:
            raise Unsound(_garbled(record, error)) from None
        except Unsound as error:
            raise Unsound(f"the record {record.link.name}: {error}") from None
        self.at = record

    def status(self) -> Json:
        """Give the clearing with its whole book, as a Clearing object of a small one has it."""
        assert self.at is not None
        try:
            return {**self.at.clearing, **book_of(self.tables)}
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise Unsound(_garbled(self.at, error)) from None


class Retelling:
    """The book at one clearing, completed by what later records say of lines not known then.

    The first record that speaks of such a line tells it: as what was there before a change, or as
    a line shown that has not changed meanwhile.
    """

    def __init__(self, assembly: Assembly) -> None:
        assert assembly.at is not None
        self._then = Assembly()
        self._then.at, self._last = assembly.at, assembly.at.link
        for title, table in assembly.tables.items():
            copy = self._then.tables[title]
            copy.lines, copy.unknown = list(table.lines), table.unknown

    @property
    def is_whole(self) -> bool:
        """Say whether every line is known."""
        return self._then.is_whole

    def hear(self, record: Record) -> bool:
        """Hear a later record; False where it begins another chain and says nothing of this."""
        if record.previous is None:
            return False
        _check_follows(self._last, record)
        try:
            for title, said in record.book.items():
                table = self._then.tables[title]
                for number, before, _ in said.get("changed", ()):
                    _fill(table, number, before)
                for number, line in _shown(said):
                    _fill(table, number, line)
        except (LookupError, TypeError, ValueError) as error:
            raise Unsound(_garbled(record, error)) from None
        self._last = record.link
        return True

    def status(self) -> Json:
        """Give the clearing with its whole book."""
        return self._then.status()


def _check_follows(last: Link, record: Record) -> None:
    assert record.previous is not None
    name, previous = record.link.name, record.previous
    if previous.name != last.name:
        raise Unsound(
            f"the record {name} follows {previous.name}, which is missing; the one at hand is"
            f" {last.name}"
        )
    if previous.digest != last.digest:
        raise Unsound(
            f"the record {last.name} is not the one that {name} follows: it has the SHA-256"
            f" {last.digest}, not {previous.digest}"
        )


def _changes(table: Table, said: Json, *, is_known: bool) -> None:
    """Let changes happen; of what was before the first record at hand nothing else is known."""
    for number, before, after in said.get("changed", ()):
        if is_known:
            table.change(number, before, after)
        else:
            table.tell(number, after)


def _shown(said: Json) -> Iterator[tuple[int, Line]]:
    first, lines = said.get("shown") or (0, ())
    yield from enumerate(lines, first)


def _fill(table: Table, number: int, line: Line) -> None:
    if number < len(table.lines) and table.lines[number] is UNKNOWN:
        table.tell(number, line)


def book_of(tables: dict[str, Table]) -> Json:
    """Give lines as the book of a Clearing object."""
    offers: dict[int, Json] = {}
    for node in _in_use(tables["nodes"]):
        under = node["under"]
        if under not in offers:
            offers[under] = {**tables["offers"].lines[under], "nodes": []}
        offers[under]["nodes"].append({k: v for k, v in node.items() if k != "under"})
    return {
        "supply": [offers[number] for number in sorted(offers)],
        "vendors": sorted(_in_use(tables["vendors"])),
        "holdings": list(_in_use(tables["holdings"])),
        "commitments": [
            dict(zip(_COMMITMENT, line, strict=True)) for line in _in_use(tables["commitments"])
        ],
    }


def _in_use(table: Table) -> Iterator[Line]:
    return (line for line in table.lines if line is not None)


def _said(line: Line) -> str:
    text = "free" if line is None else str(line)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _garbled(record: Record, error: Exception) -> str:
    return f"{record.link.name} is not a record ({type(error).__name__}: {error})"
