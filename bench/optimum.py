"""The least that a set of orders can cost on a book, found by HiGHS: what placement is held to.

One binary a feasible (order, row); every order on exactly one row; cpu, memory and GPUs of each
node respected. Cost is the ask times the draw on a reference node, for a term that starts now. The
uniform price and its caps are not part of it, so the bound is a little lower than any clearing
could reach.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import highspy
import numpy as np
from bench.books import may

from busbar.market.book import Book
from busbar.market.orders import Order
from busbar.model.dtu import REFERENCE_RATING, draw_micro
from busbar.model.money import NANO_PER_EURO
from busbar.model.time import Instant

MEBIBYTE = 1024**2
MICRO = 1_000_000


def cost_at_asks(book: Book, orders: Sequence[Order], nodes: dict[str, str], now: Instant) -> float:
    """Give what orders cost where they are, in euro an hour: `nodes` by order id."""
    asks = {row.node: row.calendar.ask_at(now) or 0 for row in book.supplies}
    return sum(asks[nodes[o.id]] / NANO_PER_EURO * _draw(o) for o in orders if o.id in nodes)


def least_cost(
    book: Book, orders: Sequence[Order], now: Instant, *, gap: float = 1e-3, seconds: float = 20
) -> float:
    """Give the least cost of placing all of the orders that is found, in euro an hour.

    Within `gap` of the optimum, unless time runs out before; inf where they cannot all be placed.
    """
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("threads", 1)
    solver.setOptionValue("mip_rel_gap", gap)
    solver.setOptionValue("time_limit", float(seconds))
    solver.passModel(_model(book, orders, now))
    solver.run()
    if solver.getModelStatus() not in (
        highspy.HighsModelStatus.kOptimal,
        highspy.HighsModelStatus.kTimeLimit,
    ):
        return float("inf")
    return float(solver.getInfo().objective_function_value)


def _model(book: Book, orders: Sequence[Order], now: Instant) -> highspy.HighsLp:
    pairs = [
        (i, r, ask / NANO_PER_EURO * _draw(order))
        for r, row in enumerate(book.supplies)
        if (ask := row.calendar.ask_at(now)) is not None
        for i, order in enumerate(orders)
        if ask <= order.cap_nano and may(order, row) and order.requests.fits_in(row.capacity)
    ]
    count, rows = len(orders), len(book.supplies)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(pairs), count + 3 * rows
    model.col_cost_ = np.array([cost for *_, cost in pairs])
    model.col_lower_, model.col_upper_ = np.zeros(len(pairs)), np.ones(len(pairs))
    model.integrality_ = [highspy.HighsVarType.kInteger] * len(pairs)
    model.row_lower_ = np.concatenate([np.ones(count), np.zeros(3 * rows)])
    cpu = [row.capacity.cpu_milli for row in book.supplies]
    memory = [row.capacity.memory_bytes / MEBIBYTE for row in book.supplies]
    gpus = [row.capacity.gpus for row in book.supplies]
    model.row_upper_ = np.array([1.0] * count + cpu + memory + gpus, dtype=float)
    _fill(model, pairs, orders, rows)
    return model


def _fill(model: highspy.HighsLp, pairs: list[Any], orders: Sequence[Order], rows: int) -> None:
    count = len(orders)
    matrix = model.a_matrix_
    matrix.format_ = highspy.MatrixFormat.kColwise
    matrix.start_ = np.arange(0, 4 * len(pairs) + 1, 4)
    matrix.index_ = np.array(
        [[i, count + r, count + rows + r, count + 2 * rows + r] for i, r, _ in pairs]
    ).ravel()
    needs = [orders[i].requests for i, *_ in pairs]
    matrix.value_ = np.array(
        [[1, need.cpu_milli, need.memory_bytes / MEBIBYTE, need.gpus] for need in needs],
        dtype=float,
    ).ravel()


def _draw(order: Order) -> float:
    return draw_micro(order.requests, REFERENCE_RATING) / MICRO
