"""The order book's supply side: rows and what is already promised of them.

Next: `clearing.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from busbar.market.axis import Axis
from busbar.market.columns import Columns, Ints
from busbar.market.commitments import Commitment
from busbar.market.company import Companion
from busbar.market.dealings import Holding
from busbar.market.occupancy import Occupancy
from busbar.market.offers import Supply


class Book:
    """Everything for sale. `vendors` are all vendors known, with or without supply.

    Make one with `build`, or around an `Occupancy` that somebody keeps. Its tables are made once;
    only what is promised may change from batch to batch.
    """

    def __init__(
        self,
        supplies: tuple[Supply, ...],
        occupancy: Occupancy,
        vendors: frozenset[str],
        companions: tuple[Companion, ...] = (),
        holdings: tuple[Holding, ...] = (),
    ) -> None:
        self.supplies, self.occupancy, self.vendors = supplies, occupancy, vendors
        self.companions, self.holdings = companions, holdings

    @classmethod
    def build(
        cls,
        supplies: Iterable[Supply],
        commitments: Iterable[Commitment] | Occupancy = (),
        vendors: Iterable[str] = (),
        companions: Iterable[Companion] = (),
        holdings: Iterable[Holding] = (),
    ) -> Book:
        """Make a book; the order of rows and commitments does not matter."""
        rows = tuple(sorted(supplies, key=lambda row: (row.node, row.offer)))
        known = frozenset(vendors) | {row.vendor for row in rows if row.vendor}
        if not isinstance(commitments, Occupancy):
            commitments = Occupancy.of(commitments)
        return cls(rows, commitments, known, tuple(sorted(companions)), tuple(holdings))

    def among(self, companions: tuple[Companion, ...]) -> Book:
        """Give the same book with others on its nodes; the tables are shared."""
        other = Book(self.supplies, self.occupancy, self.vendors, companions, self.holdings)
        other.__dict__["columns"] = self.columns
        return other

    def held(self, holdings: tuple[Holding, ...]) -> Book:
        """Give the same book with other holdings of its limited offers; the tables are shared."""
        other = Book(self.supplies, self.occupancy, self.vendors, self.companions, holdings)
        other.__dict__["columns"] = self.columns
        return other

    def __repr__(self) -> str:
        return (
            f"Book({self.supplies!r}, {self.commitments!r}, {self.vendors!r}, "
            f"{self.companions!r}, {self.holdings!r})"
        )

    @property
    def commitments(self) -> tuple[Commitment, ...]:
        """Give what is promised, in an order of its own."""
        return tuple(self.occupancy)

    @cached_property
    def columns(self) -> Columns:
        """Give the supplies as tables."""
        return Columns(self.supplies)

    def free(self, axis: Axis) -> Ints:
        """Give what is free, shape (slot, dimension, node)."""
        return self.occupancy.free(self.columns, axis)
