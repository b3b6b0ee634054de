"""The uniform price of an eligibility class: the highest ask accepted, by zone and cell.

`bears` is what keeps two promises at once: everybody pays the highest accepted ask, and nobody
pays above their cap. An order is only accepted where the price it would make, and pay, is within
its own cap and the caps of all accepted before it. Next: `matching.py`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from busbar.market.axis import Span
from busbar.market.columns import Bools, Columns, Ints
from busbar.market.lanes import RowTest

Asks = npt.NDArray[Any]
NO_CAP = 2**62


class ClassPrices:
    """What has been accepted of one class. `paid` and `caps` have the shape (zone, cell)."""

    def __init__(self, columns: Columns, asks: Asks) -> None:
        shape = (len(columns.zones.values), asks.shape[1])
        self._columns, self._asks = columns, asks
        self.paid = np.full(shape, -1, dtype=asks.dtype)
        self.caps = np.full(shape, NO_CAP, dtype=asks.dtype)
        self._highest_paid, self._lowest_cap = -1, NO_CAP
        self._seen: set[tuple[int, int, Span, int]] = set()

    def copy(self) -> ClassPrices:
        """Copy: what the copy accepts does not count here."""
        other = ClassPrices(self._columns, self._asks)
        other.paid, other.caps = self.paid.copy(), self.caps.copy()
        other._highest_paid, other._lowest_cap = self._highest_paid, self._lowest_cap
        other._seen = set(self._seen)
        return other

    def test(self, span: Span, cap: int) -> RowTest | None:
        """Give the test of rows for an order, None where every row asking at most `cap` passes."""
        if self._highest_paid <= cap <= self._lowest_cap:
            return None
        limit, open_zones = self._limits(span, cap)
        zones, tariffs = self._columns.zones.codes, self._columns.tariffs.codes

        def bears(rows: Ints) -> Bools:
            zone = zones[rows]
            asks = self._asks[tariffs[rows], span.c0 : span.c1]
            return np.asarray(open_zones[zone] & (asks <= limit[zone]).all(axis=1), dtype=bool)

        return bears

    def bearable(self, span: Span, cap: int) -> Bools:
        """Say of each (zone, tariff) whether an order could be accepted there."""
        limit, open_zones = self._limits(span, cap)
        cells = self._asks[np.newaxis, :, span.c0 : span.c1]
        found = (cells <= limit[:, np.newaxis, :]).all(axis=2)
        return np.asarray(found & open_zones[:, np.newaxis], dtype=bool)

    def _limits(self, span: Span, cap: int) -> tuple[Asks, Bools]:
        """Give the most that each (zone, cell) may cost, and the zones not above it already."""
        cells = slice(span.c0, span.c1)
        limit = np.minimum(self.caps[:, cells], cap)
        return limit, np.asarray((self.paid[:, cells] <= limit).all(axis=1))

    def accept(self, row: int, span: Span, cap: int) -> None:
        """Take an order in: its row's asks may raise the price of its zone."""
        zone = int(self._columns.zones.codes[row])
        tariff = int(self._columns.tariffs.codes[row])
        entry = (zone, tariff, span, cap)
        if entry in self._seen:
            return
        self._seen.add(entry)
        cells = slice(span.c0, span.c1)
        asks = self._asks[tariff, cells]
        self.paid[zone, cells] = np.maximum(self.paid[zone, cells], asks)
        self.caps[zone, cells] = np.minimum(self.caps[zone, cells], cap)
        self._highest_paid = max(self._highest_paid, int(asks.max()))
        self._lowest_cap = min(self._lowest_cap, cap)

    def of(self, zone: int, span: Span) -> list[int]:
        """Give the prices of a term's cells."""
        return [int(price) for price in self.paid[zone, span.c0 : span.c1]]
