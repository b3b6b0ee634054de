"""Writes the record of a clearing: the batch, what came out, and its part of the book.

It remembers what the record before said. That the record before is really there it sees in the
snapshot, by the digest of its Clearing; where it is not (a start, a commit that was refused), a new
chain begins, which rests on nothing older. Next: `../market/record.py`.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final, NamedTuple

import msgspec

from busbar.controllers.recording.cursor import Cursor
from busbar.controllers.recording.lines import TABLES, WEIGHTS, Lines
from busbar.market.book import Book
from busbar.model.objects import Key, status_of
from busbar.model.time import Instant
from busbar.model.wellknown import GROUP
from busbar.store.contract import Record, Snapshot

FORMAT: Final = 1
Json = dict[str, Any]


class Written(NamedTuple):
    """A record, its digest and that of the record before, "" where a chain begins."""

    record: Record
    digest: str
    previous: str


class _Last(NamedTuple):
    name: str
    digest: str
    at: Instant


class Recorder:
    """Writes records, one after the other; each shows a part of the book of at most some weight."""

    def __init__(self, weight_max: int) -> None:
        self._weight_max = weight_max
        self._last: _Last | None = None
        self._lines: Lines | None = None
        self._cursor = Cursor(WEIGHTS, weight_max)

    def write(self, snapshot: Snapshot, name: str, book: Book, clearing: Json) -> Written:
        """Write the record of a clearing, given as JSON without its book."""
        lines = self._lines
        if lines is None or not lines.follows(book) or not self._is_there(snapshot):
            lines = self._lines = Lines(book)
            self._last, self._cursor = None, Cursor(WEIGHTS, self._weight_max)
        lines.take(book)
        last, at = self._last, int(clearing["atMs"])
        part = self._book(lines, name, at - last.at if last else 0)
        said = {
            "format": FORMAT,
            "name": name,
            "previous": {"name": last.name, "digest": last.digest} if last else None,
            "clearing": clearing,
            "book": part,
            "since": self._cursor.since(),
        }
        body = msgspec.json.encode(said)
        digest = hashlib.sha256(body).hexdigest()
        self._last = _Last(name, digest, at)
        return Written(Record(name, body), digest, last.digest if last else "")

    def _is_there(self, snapshot: Snapshot) -> bool:
        """Say whether the last record was kept."""
        if self._last is None:
            return False
        found = snapshot.get(Key(GROUP, "clearings", "", self._last.name))
        return found is not None and status_of(found).get("digest") == self._last.digest

    def _book(self, lines: Lines, name: str, waited_ms: int) -> Json:
        tables = lines.tables
        found: Json = {
            title: {"lines": len(table)} for title, table in zip(TABLES, tables, strict=True)
        }
        for title, table in zip(TABLES, tables, strict=True):
            if self._cursor.is_fresh:
                # Where a chain begins nothing has changed: all of it is yet to be shown.
                table.forget()
            elif changes := table.changes():
                found[title]["changed"] = changes
        for at, first, end in self._cursor.parts(tables, name, waited_ms):
            found[TABLES[at]]["shown"] = [first, tables[at].shown(first, end)]
        return found
