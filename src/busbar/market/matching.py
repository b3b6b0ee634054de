"""The state of a batch while it is placed: what is free, what each class pays, who is where.

One order at a time takes the first row of its merit order that has room and whose price its class
can bear. Next: `clearing.py`, which says in which order they come.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from busbar.market.axis import Axis, Span
from busbar.market.columns import Bools, Columns, Ints
from busbar.market.commitments import Commitment
from busbar.market.eligibility import eligible_rows
from busbar.market.lanes import Lane, Merit, RowTest
from busbar.market.lots import lots
from busbar.market.orders import Eligibility, Order
from busbar.market.prices import ClassPrices
from busbar.market.terms import Window
from busbar.model.dtu import draw_micro


class Placement(NamedTuple):
    """An order on a row for a term."""

    order: Order
    window: Window
    row: int
    span: Span


class Matching:
    """What is free and who is where, for one batch."""

    def __init__(
        self, columns: Columns, commitments: tuple[Commitment, ...], axis: Axis, seed: int
    ) -> None:
        self.columns, self.axis = columns, axis
        self.free = columns.free(commitments, axis)
        self.asks: npt.NDArray[Any] = columns.asks(axis)
        self._minimum_terms = [minimum for _, minimum in columns.tariffs.values]
        self._tie_order = _tie_order(columns, self.free, seed)
        self._prices: dict[Eligibility, ClassPrices] = {}
        self._merits: dict[Eligibility, Merit] = {}
        self._lanes: dict[tuple[Eligibility, int, int, bool], Lane] = {}

    def find(self, order: Order, window: Window) -> Placement | None:
        """Find where its merit order puts an order; None where nothing fits."""
        lane = self._lane(order.eligibility, window)
        need, cap = order.requests, order.cap_nano
        if lane.is_hopeless(need, cap, window.latest_end):
            return None
        prices = self.prices(order.eligibility)
        avoided = self.columns.nodes_named(order.avoid) if order.avoid else None
        for run in lane.runs(window.latest_end):
            test = _and_not_on(avoided, prices.test(run.span, cap), self.columns)
            row = run.first_fit(self.free, need, cap, test)
            if row is not None:
                return Placement(order, window, row, run.span)
        if avoided is None:
            lane.failed.append((need, cap, window.latest_end))
        return None

    def asked(self, placement: Placement) -> list[int]:
        """Give what a placement's offer asks in the cells of its term."""
        tariff = int(self.columns.tariffs.codes[placement.row])
        cells = self.asks[tariff, placement.span.c0 : placement.span.c1]
        return [int(ask) for ask in cells]

    def draw(self, placement: Placement) -> int:
        """Give what an order draws where it is placed, in micro-DTU per hour."""
        rating = self.columns.rows[placement.row].rating_micro
        return draw_micro(placement.order.requests, rating)

    def take(self, placement: Placement) -> None:
        """Take the room of a placement and count its asks into its class's price."""
        order, _, row, span = placement
        self._change_room(placement, -1)
        self.prices(order.eligibility).accept(row, span, order.cap_nano)

    def release(self, placement: Placement) -> None:
        """Give the room back. The prices of its class must then be made anew."""
        self._change_room(placement, 1)

    def _change_room(self, placement: Placement, sign: int) -> None:
        node = int(self.columns.node_of_row[placement.row])
        need = np.array(placement.order.requests, dtype=np.int64)
        self.free[placement.span.k0 : placement.span.k1, :, node] += sign * need

    def prices(self, wanted: Eligibility) -> ClassPrices:
        """Give what has been accepted of a class."""
        if wanted not in self._prices:
            self._prices[wanted] = ClassPrices(self.columns, self.asks)
        return self._prices[wanted]

    def reprice(self, placements: list[Placement]) -> None:
        """Make all prices anew from what is placed."""
        self._prices.clear()
        for order, _, row, span in placements:
            self.prices(order.eligibility).accept(row, span, order.cap_nano)

    def _lane(self, wanted: Eligibility, window: Window) -> Lane:
        key = (wanted, window.first, window.length, window.forward)
        if key not in self._lanes:
            everything = window._replace(latest_end=self.axis.edges[-1])
            spans = [self.axis.span(start, end) for start, end in everything.terms()]
            merit = self._merit(wanted)
            self._lanes[key] = Lane(merit, self.axis, self.asks, self._minimum_terms, spans)
        return self._lanes[key]

    def _merit(self, wanted: Eligibility) -> Merit:
        if wanted not in self._merits:
            columns = self.columns
            rows = self._tie_order[eligible_rows(columns, wanted)[self._tie_order]]
            self._merits[wanted] = Merit(
                rows, columns.node_of_row[rows], columns.tariffs.codes[rows]
            )
        return self._merits[wanted]


def _tie_order(columns: Columns, free: Ints, seed: int) -> Ints:
    """Order rows of equal cost: least free cpu first, then memory, then by the nodes' lots.

    The fullest first keeps whole nodes whole, for work that needs one.
    """
    node = columns.node_of_row
    drawn = lots(columns.keys, seed)[node]
    rows = np.arange(columns.row_count)
    return np.asarray(np.lexsort((rows, drawn, free[0, 1][node], free[0, 0][node])))


def _and_not_on(avoided: Ints | None, test: RowTest | None, columns: Columns) -> RowTest | None:
    if avoided is None:
        return test

    def passes(rows: Ints) -> Bools:
        found = ~np.isin(columns.node_of_row[rows], avoided)
        return found if test is None else found & test(rows)

    return passes
