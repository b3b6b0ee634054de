"""How much one consumer has of an offer that is limited, slot by slot.

A limit is a share of what the offer's nodes have together, or amounts, or both: the least counts.
It holds in every slot of a term, over all contracts of the consumer under the offer. An offer
without a limit costs nothing here. Next: `matching.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np

from busbar.market.axis import Axis, Span
from busbar.market.columns import DIMENSIONS, Bools, Columns, Ints
from busbar.market.dealings import Holding
from busbar.market.lanes import RowTest
from busbar.market.orders import Order
from busbar.model.choosiness import WHOLE_PPM, Limit
from busbar.model.time import HOUR

_NO_END = 2**62


class Shares:
    """What consumers have left of limited offers in a batch."""

    def __init__(self, columns: Columns, axis: Axis, slots: int, holdings: Iterable[Holding]):
        self._columns, self._axis, self._slots = columns, axis, slots
        self._holdings = tuple(holdings)
        limits = columns.limits
        self._index = {name: i for i, name in enumerate(limits)}
        self._most = [_most(columns, name, limit) for name, limit in limits.items()]
        self._left: dict[tuple[int, str], Ints] = {}
        self.start_over()

    @property
    def is_any(self) -> bool:
        """Say whether any offer is limited."""
        return bool(self._most)

    @cached_property
    def offer_of_row(self) -> Ints:
        """Give the number of each row's offer among those that are limited, else -1."""
        names = self._columns.offers.values
        numbers = np.array([self._index.get(name, -1) for name in names], dtype=np.int64)
        return np.asarray(numbers[self._columns.offers.codes])

    @property
    def unlimited(self) -> Bools:
        """Give the rows of offers without a limit."""
        return np.asarray(self.offer_of_row < 0)

    def start_over(self) -> None:
        """Forget who came since."""
        self._left.clear()
        for offer, consumer, resources, start, end in self._holdings:
            if offer in self._index:
                left = self._of(self._index[offer], consumer)
                for slot in range(self._slots):
                    if self._is_in(slot, start, _NO_END if end is None else end):
                        left[slot] -= np.array(resources, dtype=np.int64)

    def _is_in(self, slot: int, start: int, end: int) -> bool:
        """Say whether a holding counts in a slot: as commitments do, see `occupancy.py`."""
        begin = self._axis.now - self._axis.now % HOUR + slot * HOUR
        return start < begin + HOUR and (slot == 0 or end > begin)

    def _of(self, number: int, consumer: str) -> Ints:
        if (number, consumer) not in self._left:
            most = np.array(self._most[number], dtype=np.int64)
            self._left[number, consumer] = np.tile(most, (self._slots, 1))
        return self._left[number, consumer]

    def allowed(self, order: Order, span: Span) -> Bools:
        """Say of each limited offer whether an order's consumer may have so much more of it."""
        need, consumer = np.array(order.requests, dtype=np.int64), order.dealings.consumer
        return np.array(
            [
                bool((self._of(number, consumer)[span.k0 : span.k1] >= need)[:, need > 0].all())
                for number in range(len(self._most))
            ],
            dtype=bool,
        )

    def test(self, order: Order, span: Span) -> RowTest | None:
        """Give the test of rows for an order; None where its consumer may have all of them."""
        allowed = self.allowed(order, span)
        if allowed.all():
            return None
        offers, passes = self.offer_of_row, np.append(allowed, True)
        return lambda rows: np.asarray(passes[offers[rows]])

    def take(self, order: Order, row: int, span: Span, count: int) -> None:
        """Count what an order has of the offer of a row; less of it where `count` is negative."""
        number = int(self.offer_of_row[row])
        if number >= 0:
            amounts = count * np.array(order.requests, dtype=np.int64)
            self._of(number, order.dealings.consumer)[span.k0 : span.k1] -= amounts


def _most(columns: Columns, offer: str, limit: Limit) -> list[int]:
    """Give the most that one consumer may have of an offer, in each dimension."""
    rows = [at for at, row in enumerate(columns.rows) if row.offer == offer]
    nodes = sorted({int(columns.node_of_row[at]) for at in rows})
    have = columns.capacity[:, nodes].sum(axis=1).tolist()
    stated = [*limit[1:], *[None] * DIMENSIONS]
    share = WHOLE_PPM if limit.share_ppm is None else limit.share_ppm
    parts = [amount * share // WHOLE_PPM for amount in have]
    return [p if s is None else min(p, s) for p, s in zip(parts, stated, strict=False)]
