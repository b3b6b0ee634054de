"""Which records are read to know the book at some clearings, and what comes of it.

From a source of records in their order: an exchange, or a folder that an auditor took along. Next:
`compare.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from busbar.replay.assembly import Assembly, Retelling
from busbar.replay.records import Json, Record, Unsound, read_record


class Source(Protocol):
    """Where records come from."""

    def names(self) -> Sequence[str]:
        """Give the names of all records, the oldest first."""
        ...

    def fetch(self, name: str) -> bytes | None:
        """Give a record, packed."""
        ...


class Found(NamedTuple):
    """A clearing with its whole book; or why there is none.

    `is_sound` says that nothing is wrong: the book is only not known yet.
    """

    name: str
    digest: str = ""
    status: Json | None = None
    why: str = ""
    is_sound: bool = True


class Chain:
    """Reads records of a source, each once as long as one goes on forward."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.names = list(source.names())
        self._at = {name: number for number, name in enumerate(self.names)}
        self._assembly = Assembly()
        self._next = 0
        self.read = 0

    def books(self, wanted: Sequence[str]) -> Iterator[Found]:
        """Give clearings with their books, in the order of the records."""
        for name in sorted(set(wanted), key=lambda name: self._at.get(name, -1)):
            try:
                yield self._book(name)
            except Unsound as error:
                self._assembly = Assembly()
                yield Found(name, why=str(error), is_sound=False)

    def _book(self, name: str) -> Found:
        if name not in self._at:
            raise Unsound(f"there is no record of {name}: it was dropped, or never kept")
        record = self._record(name)
        end, start = self._at[name], self._start(record)
        if self._assembly.at is None or not start <= self._next <= end:
            self._assembly, self._next = Assembly(), start
        while self._next <= end:
            last = self._next == end
            self._assembly.follow(record if last else self._record(self.names[self._next]))
            self._next += 1
        digest = record.link.digest
        if self._assembly.is_whole:
            return Found(name, digest, self._assembly.status())
        later = self._retold(end)
        if later is None:
            why = "its book has not been shown whole by the records up to now"
            return Found(name, digest, why=why)
        return Found(name, digest, later)

    def _start(self, record: Record) -> int:
        """Give where to begin: where the record says, or else where its chain begins.

        What it names may have been dropped; then later records have to tell what is missing.
        """
        if record.since is not None:
            return min(self._at.get(record.since, 0), self._at[record.link.name])
        while record.previous is not None and record.previous.name in self._at:
            record = self._record(record.previous.name)
        return self._at[record.link.name]

    def _retold(self, end: int) -> Json | None:
        retelling = Retelling(self._assembly)
        for name in self.names[end + 1 :]:
            if not retelling.hear(self._record(name)):
                return None
            if retelling.is_whole:
                return retelling.status()
        return None

    def _record(self, name: str) -> Record:
        packed = self._source.fetch(name)
        if packed is None:
            raise Unsound(f"the record {name} is missing")
        self.read += 1
        return read_record(name, packed)
