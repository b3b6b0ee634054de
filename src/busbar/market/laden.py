"""Merit order for orders that cost more than the price: the same lanes over finer tariffs.

Rows of one tariff cost a plain order the same. For a laden one they part by what its data costs
to move there and by the time that it loses there; each such part is a tariff of its own, and the
rest is as in `lanes.py`. Orders without a burden never come here. Next: `matching.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from busbar.market.axis import Span
from busbar.market.burden import Burden, Delay, Lost, losses, moving
from busbar.market.columns import Bools, Columns, Ints
from busbar.market.lanes import Quote, Quotes, Run
from busbar.model.dtu import MICRO, amount
from busbar.model.time import HOUR, Instant


class Part(NamedTuple):
    """Rows of one tariff on which a burden weighs the same: nano-euro to move, ms lost."""

    tariff: int
    moving: int
    lost_ms: int


class Loaded:
    """What a burden adds to each row of a book."""

    def __init__(self, columns: Columns, burden: Burden) -> None:
        self._columns = columns
        carriers = columns.carriers
        self._moving = [moving(burden.data, *carrier) for carrier in carriers.values]
        self._lost, self._delays = _lost(columns, burden.lost), burden.lost
        cap = burden.cap_nano
        self.within: Bools | None = None
        """Rows within the order's cap on moving data; None where all are."""
        if cap is not None and any(cost > cap for cost in self._moving):
            self.within = carriers.where([cost <= cap for cost in self._moving])

    @cached_property
    def _parted(self) -> tuple[Ints, list[Part]]:
        columns = self._columns
        carriers = columns.carriers
        lost, code = np.unique(self._lost[columns.node_of_row], return_inverse=True)
        code = code + len(lost) * carriers.codes
        code = code + len(lost) * len(carriers.values) * columns.tariffs.codes
        _, first, parts = np.unique(code, return_index=True, return_inverse=True)
        return np.asarray(parts), [self._part(row) for row in first.tolist()]

    def _part(self, row: int) -> Part:
        return Part(int(self._columns.tariffs.codes[row]), self.moving(row), self.lost_ms(row))

    @property
    def part_of_row(self) -> Ints:
        """Give the part that each row belongs to."""
        return self._parted[0]

    @property
    def parts(self) -> list[Part]:
        """Give the parts."""
        return self._parted[1]

    def moving(self, row: int) -> int:
        """Give what the order's data costs to move to a row, nano-euro."""
        return self._moving[int(self._columns.carriers.codes[row])]

    def lost_ms(self, row: int) -> int:
        """Give the time lost on a row before the work begins."""
        return int(self._lost[self._columns.node_of_row[row]])

    def losses(self, row: int) -> list[tuple[Delay, int]]:
        """Give what time is lost by on a row, and how much."""
        return losses(self._delays, self._columns.rows[row].node)

    def extras(self, asks: npt.NDArray[Any], draw: int) -> list[int]:
        """Give that for each part, at the asks of tariffs when the term begins."""
        return [
            part.moving + amount(max(int(asks[part.tariff]), 0), draw, part.lost_ms)
            for part in self.parts
        ]


def _lost(columns: Columns, delays: tuple[Lost, ...]) -> Ints:
    """Give the time lost on each node."""
    found = np.zeros(columns.node_count, dtype=np.int64)
    for _, ms, spared in delays:
        found += ms
        found[columns.nodes_named(spared)] -= ms
    return found


class LadenMerit:
    """The rows that a class may have, by part; stands in for `lanes.Merit`."""

    def __init__(
        self,
        columns: Columns,
        tie_order: Ints,
        eligible: Bools,
        lasting: Callable[[Instant], Bools | None],
        loaded: Loaded,
    ) -> None:
        self._lasting = lasting
        may = eligible if loaded.within is None else eligible & loaded.within
        self._columns, self._loaded = columns, loaded
        self._rows = tie_order[may[tie_order]]
        self._part = loaded.part_of_row[self._rows]
        self.rows_of_tariff = np.bincount(self._part, minlength=len(loaded.parts))

    def run(self, span: Span, equal: Iterable[list[int]], top: list[int]) -> Run:
        """Give the rows of parts for a term: lists of equal cost in tie order, cheapest first."""
        rank = np.full(len(top), -1, dtype=np.int64)
        for i, parts in enumerate(equal):
            rank[parts] = i
        ranks = rank[self._part]
        may = ranks >= 0
        lasting = self._lasting(span.end)
        if lasting is not None:
            may &= lasting[self._rows]
        chosen = np.flatnonzero(may)
        chosen = chosen[np.argsort(ranks[chosen], kind="stable")]
        tops = np.array(top, dtype=np.int64 if max(top, default=0) < 2**62 else object)
        rows = self._rows[chosen]
        return Run(span, rows, self._columns.node_of_row[rows], tops[self._part[chosen]])


class LadenQuotes:
    """What each part costs an order of some draw over a term; stands in for `lanes.Quotes`.

    Only parts with rows that the order may have are looked at: a class sees few of them.
    """

    def __init__(
        self,
        quotes: Quotes,
        asks: npt.NDArray[Any],
        loaded: Loaded,
        merit: LadenMerit,
        base_draw: int,
    ) -> None:
        self._quotes, self._asks, self._draw = quotes, asks, base_draw
        numbers = np.flatnonzero(merit.rows_of_tariff).tolist()
        self._parts = [(number, *loaded.parts[number]) for number in numbers]

    def of(self, span: Span) -> list[Quote]:
        """Give the parts that serve a term.

        The cost is that of a plain order times its draw, plus what is lost and moved, in the same
        unit: whole numbers, so equal costs are equal.
        """
        plain = {quote.tariff: quote for quote in self._quotes.of(span)}
        asks = self._asks[:, span.c0].tolist()
        draw, start = self._draw, span.start
        found = []
        for number, tariff, moving_nano, lost_ms in self._parts:
            quote = plain.get(tariff)
            if quote is not None:
                work = quote.cost + asks[tariff] * lost_ms
                cost = work * draw + moving_nano * _UNIT
                found.append(Quote(cost, start, number, span, quote.top))
        return found


_UNIT = MICRO * HOUR
"""A nano-euro in the unit of costs: nano-euro times micro-DTU/h times ms."""
