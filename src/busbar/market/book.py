"""The order book's supply side: rows and what is already promised of them.

Next: `clearing.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from busbar.market.commitments import Commitment
from busbar.market.offers import Supply


@dataclass(frozen=True, slots=True)
class Book:
    """Everything for sale. `vendors` are all vendors known, with or without supply."""

    supplies: tuple[Supply, ...]
    commitments: tuple[Commitment, ...] = ()
    vendors: frozenset[str] = frozenset()

    @classmethod
    def build(
        cls,
        supplies: Iterable[Supply],
        commitments: Iterable[Commitment] = (),
        vendors: Iterable[str] = (),
    ) -> Book:
        """Make a book; the order of rows and commitments does not matter."""
        rows = tuple(sorted(supplies, key=lambda row: (row.node, row.offer)))
        known = frozenset(vendors) | {row.vendor for row in rows if row.vendor}
        return cls(rows, tuple(commitments), known)
