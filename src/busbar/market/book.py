"""The order book's supply side: rows and what is already promised of them.

Next: `clearing.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from busbar.market.columns import Columns
from busbar.market.commitments import Commitment
from busbar.market.offers import Supply


class Book:
    """Everything for sale. `vendors` are all vendors known, with or without supply.

    Make one with `build`. It never changes; its tables are made once and kept.
    """

    def __init__(
        self,
        supplies: tuple[Supply, ...],
        commitments: tuple[Commitment, ...],
        vendors: frozenset[str],
    ) -> None:
        self.supplies, self.commitments, self.vendors = supplies, commitments, vendors

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
        return cls(rows, tuple(sorted(commitments, key=_place)), known)

    def __repr__(self) -> str:
        return f"Book({self.supplies!r}, {self.commitments!r}, {self.vendors!r})"

    @cached_property
    def columns(self) -> Columns:
        """Give the supplies as tables."""
        return Columns(self.supplies)


def _place(commitment: Commitment) -> tuple[object, ...]:
    node, resources, start, end = commitment
    return node, start, end is None, end or 0, resources
