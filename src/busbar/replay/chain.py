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

    def latest(self) -> Iterator[str]:
        """Give names of records from the latest back; there may be more than one wants to know."""
        ...

    def fetch(self, name: str) -> bytes | None:
        """Give a record, packed."""
        ...


class Names:
    """Names by their place, counted from the latest back, asked for as far as is wanted."""

    def __init__(self, latest: Iterator[str]) -> None:
        self._more = latest
        self._known: list[str] = []
        self._places: dict[str, int] = {}

    def __getitem__(self, place: int) -> str:
        return self._known[place]

    def __len__(self) -> int:
        return len(self._known)

    def last(self, count: int) -> list[str]:
        """Give the latest so many, the oldest of them first."""
        while len(self._known) < count and self._ask():
            pass
        return self._known[:count][::-1]

    def place(self, name: str) -> int | None:
        """Give the place of a record; None where there is none."""
        while name not in self._places:
            if not self._ask():
                return None
        return self._places[name]

    def _ask(self) -> bool:
        for name in self._more:
            self._places[name] = len(self._known)
            self._known.append(name)
            return True
        return False


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
        self.names = Names(source.latest())
        self._assembly = Assembly()
        self._next = -1
        self.read = 0

    def books(self, wanted: Sequence[str]) -> Iterator[Found]:
        """Give clearings with their books, in the order of the records."""
        places = {name: self.names.place(name) for name in wanted}
        for name in sorted(places, key=lambda name: -(places[name] or 0)):
            try:
                yield self._book(name, places[name])
            except Unsound as error:
                self._assembly = Assembly()
                yield Found(name, why=str(error), is_sound=False)

    def _book(self, name: str, end: int | None) -> Found:
        if end is None:
            raise Unsound(f"there is no record of {name}: it was dropped, or never kept")
        record = self._record(name)
        start = self._start(record, end)
        if self._assembly.at is None or not end <= self._next <= start:
            self._assembly, self._next = Assembly(), start
        while self._next >= end:
            last = self._next == end
            self._assembly.follow(record if last else self._record(self.names[self._next]))
            self._next -= 1
        digest = record.link.digest
        if self._assembly.is_whole:
            return Found(name, digest, self._assembly.status())
        later = self._retold(end)
        if later is None:
            why = "its book has not been shown whole by the records up to now"
            return Found(name, digest, why=why)
        return Found(name, digest, later)

    def _start(self, record: Record, end: int) -> int:
        """Give where to begin: where the record says, or else where its chain begins.

        What it names may have been dropped; then later records have to tell what is missing.
        """
        if record.since is not None:
            since = self.names.place(record.since)
            return max(end, len(self.names) - 1 if since is None else since)
        while record.previous is not None:
            place = self.names.place(record.previous.name)
            if place is None:
                break
            end, record = place, self._record(record.previous.name)
        return end

    def _retold(self, end: int) -> Json | None:
        retelling = Retelling(self._assembly)
        for place in range(end - 1, -1, -1):
            if not retelling.hear(self._record(self.names[place])):
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
