"""The least that a set of orders can cost on a book, found by HiGHS: what placement is held to.

One binary a feasible (order, row); every order on exactly one row; what each node has of each
dimension respected. Cost is what the term that starts now costs at the asks, on a reference node:
an order for six hours weighs twelve times one for half an hour. What a place costs beyond its
price (moving data, time lost before the work begins) counts as in the clearing.
Where the price rule binds the optimum too, a binary a (class, zone, cap) says whether the uniform
price there may pass that cap: then nobody with such a cap has a place there. Without it the bound
is lower than any clearing could reach.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import inf
from typing import NamedTuple

import highspy
import numpy as np
import numpy.typing as npt
from bench.books import may

from busbar.market.book import Book
from busbar.market.burden import moving
from busbar.market.calendar import Calendar
from busbar.market.eligibility import reference_draw
from busbar.market.offers import Supply
from busbar.market.orders import DEFAULT_DURATION, Eligibility, Order
from busbar.model.dtu import Resources
from busbar.model.money import NANO_PER_EURO
from busbar.model.time import HOUR, Instant

DIMENSIONS = len(Resources._fields)
MEBIBYTE = 1024**2
MICRO = 1_000_000


def cost_at_asks(book: Book, orders: Sequence[Order], nodes: dict[str, str], now: Instant) -> float:
    """Give what orders cost where they are, in euro: `nodes` by order id."""
    rows = {row.node: row for row in book.supplies}
    costs = Costs(book, now)
    placed = [(order, rows[nodes[order.id]]) for order in orders if order.id in nodes]
    return sum(costs.of(o, row).euro + costs.beyond(o, row) for o, row in placed)


class Cost(NamedTuple):
    """What a term costs, and the highest ask in it; infinite where it is not sold."""

    euro: float
    top: float


class Costs:
    """Costs of terms that start now; equal ones are worked out once."""

    def __init__(self, book: Book, now: Instant) -> None:
        self._book, self._now = book, now
        self._known: dict[tuple[Calendar, int], Cost] = {}

    def of(self, order: Order, row: Supply) -> Cost:
        """Give what an order would cost on a row."""
        key = row.calendar, order.duration or DEFAULT_DURATION
        if key not in self._known:
            self._known[key] = self._find(*key)
        euro, top = self._known[key]
        return Cost(euro * self.draw(order), top)

    def draw(self, order: Order) -> float:
        """Give what an order draws on a reference node, DTU per hour."""
        return reference_draw(self._book.columns, order, self._now) / MICRO

    def beyond(self, order: Order, row: Supply) -> float:
        """Give what a row costs an order beyond its price: data moved, time lost before."""
        data, delays, _ = order.burden
        lost = sum(ms for _, ms, spared in delays if row.node not in spared)
        ask = row.calendar.ask_at(self._now) or 0
        moved = moving(data, row.rates, row.zone, row.vendor)
        return (moved + ask * self.draw(order) * lost / HOUR) / NANO_PER_EURO

    def _find(self, calendar: Calendar, length: int) -> Cost:
        pieces = list(calendar.pieces(self._now, self._now + length))
        if any(piece.ask is None for piece in pieces):
            return Cost(inf, inf)
        asks = [(piece.ask or 0, piece.end - piece.start) for piece in pieces]
        return Cost(sum(a * ms for a, ms in asks) / HOUR / NANO_PER_EURO, max(asks)[0])

    def at_cap(self, order: Order) -> float:
        """Give what an order would pay at its cap, in euro: what it is worth to who placed it."""
        hours = (order.duration or DEFAULT_DURATION) / HOUR
        return order.cap_nano / NANO_PER_EURO * self.draw(order) * hours


def least_cost(
    book: Book,
    orders: Sequence[Order],
    now: Instant,
    *,
    gap: float = 1e-3,
    seconds: float = 20,
    uniform: bool = False,
    may_fail: bool = False,
) -> float:
    """Give the least cost of placing all of the orders that is found, in euro.

    Within `gap` of the optimum, unless time runs out before; inf where they cannot all be placed.
    `uniform`: nobody's class may pay more in a zone than any of its caps there. `may_fail`: an
    order may go without a place, and then costs what it would have paid at its cap.
    """
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("mip_rel_gap", gap)
    solver.setOptionValue("time_limit", float(seconds))
    pairs = _pairs(book, orders, now)
    solver.passModel(_model(book, orders, pairs))
    if uniform:
        _bind_prices(solver, book, orders, pairs)
    if may_fail:
        costs = Costs(book, now)
        for number, order in enumerate(orders):
            solver.addCol(costs.at_cap(order), 0, 1, 1, [number], [1.0])
    solver.run()
    if solver.getModelStatus() not in (
        highspy.HighsModelStatus.kOptimal,
        highspy.HighsModelStatus.kTimeLimit,
    ):
        return float("inf")
    return float(solver.getInfo().objective_function_value)


class Pair(NamedTuple):
    """An order that may have a row, the highest ask there, and what the order then costs."""

    order: int
    row: int
    ask: float
    cost: float


def _pairs(book: Book, orders: Sequence[Order], now: Instant) -> list[Pair]:
    costs = Costs(book, now)
    return [
        Pair(i, r, cost.top, cost.euro + costs.beyond(order, row))
        for r, row in enumerate(book.supplies)
        for i, order in enumerate(orders)
        if (cost := costs.of(order, row)).top <= order.cap_nano
        and may(order, row)
        and order.requests.fits_in(row.capacity)
    ]


def _bind_prices(
    solver: highspy.Highs, book: Book, orders: Sequence[Order], pairs: Sequence[Pair]
) -> None:
    """Add the rule of the uniform price."""
    found: dict[tuple[Eligibility, str], list[tuple[int, Pair]]] = defaultdict(list)
    for column, pair in enumerate(pairs):
        place = orders[pair.order].eligibility, book.supplies[pair.row].zone
        found[place].append((column, pair))
    for there in found.values():
        for cap in sorted({orders[pair.order].cap_nano for _, pair in there}):
            above: dict[int, list[int]] = defaultdict(list)
            within: dict[int, list[int]] = defaultdict(list)
            for column, pair in there:
                if orders[pair.order].cap_nano <= cap:
                    within[pair.order].append(column)
                elif pair.ask > cap:
                    above[pair.order].append(column)
            if above and within:
                _part(solver, above.values(), within.values())


def _part(solver: highspy.Highs, above: Iterable[list[int]], within: Iterable[list[int]]) -> None:
    """Add a binary: if it is 1 orders may be above the cap, if it is 0 within it."""
    passed = solver.getNumCol()
    solver.addVar(0, 1)
    solver.changeColIntegrality(passed, highspy.HighsVarType.kInteger)
    infinity = highspy.kHighsInf
    for columns in above:
        signs = [1.0] * len(columns)
        solver.addRow(-infinity, 0, len(columns) + 1, [*columns, passed], [*signs, -1.0])
    for columns in within:
        signs = [1.0] * len(columns)
        solver.addRow(-infinity, 1, len(columns) + 1, [*columns, passed], [*signs, 1.0])


def _model(book: Book, orders: Sequence[Order], pairs: Sequence[Pair]) -> highspy.HighsLp:
    count, rows = len(orders), len(book.supplies)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(pairs), count + DIMENSIONS * rows
    model.col_cost_ = np.array([pair.cost for pair in pairs])
    model.col_lower_, model.col_upper_ = np.zeros(len(pairs)), np.ones(len(pairs))
    model.integrality_ = [highspy.HighsVarType.kInteger] * len(pairs)
    model.row_lower_ = np.concatenate([np.ones(count), np.zeros(DIMENSIONS * rows)])
    have = _scaled([row.capacity for row in book.supplies]).T.ravel()
    model.row_upper_ = np.concatenate([np.ones(count), have])
    _fill(model, pairs, orders, rows)
    return model


def _fill(
    model: highspy.HighsLp, pairs: Sequence[Pair], orders: Sequence[Order], rows: int
) -> None:
    count = len(orders)
    matrix = model.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kColwise
    entries = 1 + DIMENSIONS
    matrix.start_ = np.arange(0, entries * len(pairs) + 1, entries)
    matrix.index_ = np.array(
        [[i, *(count + k * rows + r for k in range(DIMENSIONS))] for i, r, *_ in pairs]
    ).ravel()
    needs = _scaled([orders[i].requests for i, *_ in pairs])
    matrix.value_ = np.insert(needs, 0, 1, axis=1).ravel()


def _scaled(amounts: Sequence[Resources]) -> npt.NDArray[np.float64]:
    """Give amounts, shape (item, dimension), of like size: the solver works in floats."""
    found = np.array(amounts, dtype=float).reshape(-1, DIMENSIONS)
    return found / np.array([1, MEBIBYTE, 1, MEBIBYTE])
