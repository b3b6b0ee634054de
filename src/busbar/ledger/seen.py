"""Which ids a journal has had, in few bytes each: millions of them are kept while one is verified.

A table of 64-bit hashes with open addressing, at most two thirds full: 12 to 24 bytes an id, where
a set of integers takes 70 and more. Two ids with one hash would be taken for one: among ten million
the chance is one in 370,000. Next: `fold.py`, which asks.
"""

from __future__ import annotations

from array import array
from typing import Final

MASK64: Final = 2**64 - 1
SMALLEST: Final = 1 << 10
"""Places of a new table; a power of two, as all later ones."""


class Seen:
    """A set of ids that only grows."""

    def __init__(self) -> None:
        self._places = array("Q", bytes(8 * SMALLEST))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, id_: str) -> bool:
        """Add an id; says whether it was there before."""
        if not self._put(self._places, hash(id_) & MASK64 or 1):
            return True
        self._count += 1
        if 3 * self._count > 2 * len(self._places):
            self._grow()
        return False

    @staticmethod
    def _put(places: array[int], key: int) -> bool:
        """Put a key at its place or the next free one; 0 is a free place."""
        mask = len(places) - 1
        at = key & mask
        while found := places[at]:
            if found == key:
                return False
            at = (at + 1) & mask
        places[at] = key
        return True

    def _grow(self) -> None:
        larger = array("Q", bytes(16 * len(self._places)))
        for key in self._places:
            if key:
                self._put(larger, key)
        self._places = larger
