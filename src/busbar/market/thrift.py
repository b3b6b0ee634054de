"""Where money does not suffice for all that a standing order lacks, the cheapest hours go first.

Only what could be paid for at the asks takes part in the batch: the clearing takes orders by cap
and size, not by what their hour costs. Next: `clearing.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy.typing as npt

from busbar.market.axis import Axis, make_axis
from busbar.market.book import Book
from busbar.market.columns import CLOSED
from busbar.market.eligibility import eligible_rows, reference_draw
from busbar.market.funds import Funds
from busbar.market.orders import Order
from busbar.model.dtu import amount
from busbar.model.time import Instant

_NOWHERE = 2**62
"""The cost of a term that nobody offers: it comes last, and the clearing says why."""


def cheapest_first(
    book: Book, orders: Sequence[Order], funds: Funds, now: Instant
) -> tuple[Order, ...]:
    """Give the orders that `funds` suffice for, the cheapest first; all of them where it does.

    They are orders for a stated time: `deadline` and `duration` are set. Of equally cheap ones the
    earlier goes first. One that nobody offers stays in, so that it is told why.
    """
    left = funds.balance if funds.budget_left is None else min(funds.balance, funds.budget_left)
    costs = _costs(book, orders, now)
    ranked = sorted(zip(costs, orders, strict=True), key=lambda pair: (pair[0], pair[1].id))
    found = []
    for cost, order in ranked:
        if cost == _NOWHERE or cost <= left:
            found.append(order)
            left -= 0 if cost == _NOWHERE else cost
    return tuple(found)


def _costs(book: Book, orders: Iterable[Order], now: Instant) -> list[int]:
    """Give the least that each order's term costs at the asks, on a reference node."""
    ends = [order.deadline or now for order in orders]
    tariffs = book.columns.tariffs
    axis = make_axis((calendar for calendar, _ in tariffs.values), now, max(ends, default=now + 1))
    asks = book.columns.asks(axis)
    return [_cost(book, asks, axis, order, now) for order in orders]


def _cost(book: Book, asks: npt.NDArray[Any], axis: Axis, order: Order, now: Instant) -> int:
    assert order.deadline is not None
    span = axis.span(max(order.earliest, now), order.deadline)
    lengths, draw = axis.lengths(span), reference_draw(book.columns, order, now)
    rows = eligible_rows(book.columns, order.eligibility, now)
    least = _NOWHERE
    for tariff in sorted(set(book.columns.tariffs.codes[rows].tolist())):
        row = [int(ask) for ask in asks[tariff, span.c0 : span.c1]]
        if CLOSED in row or max(row) > order.cap_nano:
            continue
        least = min(least, sum(amount(a, draw, ms) for a, ms in zip(row, lengths, strict=True)))
    return least
