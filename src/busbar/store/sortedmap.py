"""A sorted map whose snapshots cost nothing: a chunk is copied only once a snapshot shares it.

A snapshot of 100,000 objects at every reconciling step must cost microseconds while writes go on
all the time. So the map is a list of chunks of sorted keys; taking a snapshot marks them shared,
and the next write to a chunk copies that chunk (and, once, the list of chunks), nothing else.
Which keys were written last is noted beside, so that two near snapshots are told apart at once.
Next: `view.py`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import Final, Generic, NamedTuple, TypeVar

V = TypeVar("V")

CHUNK_MAX: Final = 128
NOTED_MAX: Final = 8192
"""Written keys that are noted before the notes begin anew."""


class _Chunk(Generic[V]):
    """Some neighbouring entries; `owner` is the map that may change it in place."""

    __slots__ = ("keys", "owner", "values")

    def __init__(self, keys: list[str], values: list[V], owner: object) -> None:
        self.keys = keys
        self.values = values
        self.owner = owner


class Change(NamedTuple, Generic[V]):
    """An entry before and after; None where there was or is none."""

    key: str
    before: V | None
    after: V | None


class Frozen(Generic[V]):
    """An unchanging state of a map. Keys are strings, ordered by code point."""

    __slots__ = ("_chunks", "_lows", "_noted", "_notes", "_size")

    def __init__(
        self, lows: list[str], chunks: list[_Chunk[V]], size: int, notes: list[str]
    ) -> None:
        self._lows = lows
        self._chunks = chunks
        self._size = size
        self._notes = notes
        self._noted = len(notes)

    def __len__(self) -> int:
        return self._size

    def get(self, key: str) -> V | None:
        """Give the value of a key, or None."""
        place = bisect_right(self._lows, key) - 1
        if place < 0:
            return None
        chunk = self._chunks[place]
        at = bisect_left(chunk.keys, key)
        return chunk.values[at] if at < len(chunk.keys) and chunk.keys[at] == key else None

    def values(self, low: str = "", high: str | None = None) -> list[V]:
        """Give the values of the keys in [low, high) in order, as a list of its own."""
        found: list[V] = []
        for chunk, start, end in self._ranges(low, high):
            found += chunk.values if end - start == len(chunk.keys) else chunk.values[start:end]
        return found

    def items(self, low: str = "", high: str | None = None) -> Iterator[tuple[str, V]]:
        """Iterate over the entries with keys in [low, high) in order."""
        for chunk, start, end in self._ranges(low, high):
            yield from zip(chunk.keys[start:end], chunk.values[start:end], strict=True)

    def count(self, low: str = "", high: str | None = None) -> int:
        """Count the entries with keys in [low, high)."""
        return sum(end - start for _, start, end in self._ranges(low, high))

    def changes(self, since: Frozen[V]) -> Iterator[Change[V]]:
        """Iterate over what differs from another state, by identity of the values."""
        for key in sorted(self._may_differ(since)):
            old, new = since.get(key), self.get(key)
            if old is not new:
                yield Change(key, old, new)

    def _may_differ(self, since: Frozen[V]) -> set[str]:
        """Give the keys written between two states; where they lie too far apart, more.

        Then chunks that both states share are skipped, so it costs what changed, plus a glance at
        each chunk.
        """
        if self._notes is since._notes:
            first, last = sorted((self._noted, since._noted))
            return set(self._notes[first:last])
        here, there = {id(c) for c in self._chunks}, {id(c) for c in since._chunks}
        was = _identities(chunk for chunk in since._chunks if id(chunk) not in here)
        now = _identities(chunk for chunk in self._chunks if id(chunk) not in there)
        return {key for key, _ in was ^ now}

    def _ranges(self, low: str, high: str | None) -> Iterator[tuple[_Chunk[V], int, int]]:
        first = max(0, bisect_right(self._lows, low) - 1)
        last = len(self._chunks) if high is None else bisect_left(self._lows, high)
        for place in range(first, last):
            chunk = self._chunks[place]
            start = bisect_left(chunk.keys, low) if place == first else 0
            end = len(chunk.keys)
            if high is not None and place == last - 1:
                end = bisect_left(chunk.keys, high)
            if start < end:
                yield chunk, start, end


def _identities(chunks: Iterable[_Chunk[V]]) -> set[tuple[str, int]]:
    found: set[tuple[str, int]] = set()
    for chunk in chunks:
        found.update(zip(chunk.keys, map(id, chunk.values), strict=True))
    return found


class SortedMap(Frozen[V]):
    """The changing side: set and remove entries, freeze for a snapshot in constant time."""

    __slots__ = ("_owner", "_shared")

    def __init__(self) -> None:
        super().__init__([], [], 0, [])
        self._owner = object()
        self._shared = False

    def freeze(self) -> Frozen[V]:
        """Give the state as it is now; later changes do not touch it."""
        self._owner = object()
        self._shared = True
        if len(self._notes) > NOTED_MAX:
            self._notes, self._noted = [], 0
        return Frozen(self._lows, self._chunks, self._size, self._notes)

    def set(self, key: str, value: V) -> None:
        """Put an entry."""
        self._note(key)
        place = self._place(key)
        chunk = self._own(place)
        at = bisect_left(chunk.keys, key)
        if at < len(chunk.keys) and chunk.keys[at] == key:
            chunk.values[at] = value
            return
        chunk.keys.insert(at, key)
        chunk.values.insert(at, value)
        self._size += 1
        if at == 0:
            self._lows[place] = key
        if len(chunk.keys) > CHUNK_MAX:
            self._split(place, chunk, appended=at == len(chunk.keys) - 1)

    def remove(self, key: str) -> None:
        """Remove an entry; fine where there is none."""
        if self.get(key) is None:
            return
        self._note(key)
        place = bisect_right(self._lows, key) - 1
        chunk = self._own(place)
        at = bisect_left(chunk.keys, key)
        del chunk.keys[at], chunk.values[at]
        self._size -= 1
        if not chunk.keys:
            del self._lows[place], self._chunks[place]

    def _note(self, key: str) -> None:
        self._notes.append(key)
        self._noted += 1

    def _place(self, key: str) -> int:
        """Give the chunk a key belongs in; make the first one."""
        if not self._chunks:
            self._unshare()
            self._lows.append(key)
            self._chunks.append(_Chunk([], [], self._owner))
        return max(0, bisect_right(self._lows, key) - 1)

    def _own(self, place: int) -> _Chunk[V]:
        """Give a chunk that no snapshot sees, copied where one does."""
        self._unshare()
        chunk = self._chunks[place]
        if chunk.owner is not self._owner:
            chunk = _Chunk(chunk.keys.copy(), chunk.values.copy(), self._owner)
            self._chunks[place] = chunk
        return chunk

    def _unshare(self) -> None:
        if self._shared:
            self._lows = self._lows.copy()
            self._chunks = self._chunks.copy()
            self._shared = False

    def _split(self, place: int, chunk: _Chunk[V], appended: bool) -> None:
        """Cut a full chunk in two; at its end where keys arrive in order, so that chunks fill."""
        cut = len(chunk.keys) - 1 if appended else len(chunk.keys) // 2
        right = _Chunk(chunk.keys[cut:], chunk.values[cut:], self._owner)
        del chunk.keys[cut:], chunk.values[cut:]
        self._lows.insert(place + 1, right.keys[0])
        self._chunks.insert(place + 1, right)
