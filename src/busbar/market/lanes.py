"""Merit order: for a class and a term, the eligible rows, cheapest first, and a quick first fit.

The first fit is found in blocks. Each block remembers an upper bound of the room in it; room only
shrinks while a batch is placed, so a bound is never too low, and a block that turns out too full
gets its true bound. A batch of orders thus walks down the merit order once, not once each.
Next: `matching.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from busbar.market.axis import Axis, Span
from busbar.market.columns import CLOSED, Bools, Columns, Ints
from busbar.model.dtu import Resources
from busbar.model.time import Instant

BLOCK = 256
RUN_ROWS = 2048
"""Rows after which a run ends: most orders find a place among the cheapest."""
RowTest = Callable[[Ints], Bools]
"""Says of rows which of them pass."""
_ANY_ROOM = np.iinfo(np.int64).max


class Run:
    """Rows that may serve one term, cheapest first; `top` is each row's highest ask in the term."""

    def __init__(self, span: Span, rows: Ints, nodes: Ints, top: npt.NDArray[Any]) -> None:
        self.span = span
        self._rows, self._nodes, self._top = rows, nodes, top
        starts = np.arange(0, len(rows), BLOCK)
        self._bounds = np.full((2, len(starts)), _ANY_ROOM, dtype=np.int64)
        self._lowest_top = np.minimum.reduceat(top, starts) if len(rows) else top
        self._highest_top = int(top.max()) if len(rows) else 0
        self._reached: dict[Resources, int] = {}

    def first_fit(
        self,
        free: Ints,
        slots: range,
        need: Resources,
        cap: int,
        also: RowTest | None = None,
        *,
        remember: bool = True,
    ) -> int | None:
        """Give the first row with room for `need` in each of `slots`, asking at most `cap`.

        `also` is a further test; where it is one that only this order makes, the place found must
        not be remembered for others of its size. None where no row passes.
        """
        for part in self._parts(need, cap, remember=remember):
            nodes = self._nodes[part]
            fits = _fits(free, slots, nodes, need)
            if self._highest_top > cap:
                fits &= self._top[part] <= cap
            if also is not None:
                fits &= also(self._rows[part])
            first = int(fits.argmax())
            if fits[first]:
                if remember:
                    self._reached[need] = part.start + first
                return int(self._rows[part.start + first])
            self._learn(free, part, nodes)
        return None

    def _parts(self, need: Resources, cap: int, *, remember: bool) -> Iterator[slice]:
        """Give the parts in which there might be room, from where the last of this size went.

        What it passed over had no room for it then, and has none for its like now: room only
        shrinks, and orders come with falling caps.
        """
        reached = self._reached.get(need, 0) if remember else 0
        block, within = divmod(reached, BLOCK)
        if within:
            block += 1
            yield slice(reached, block * BLOCK)
        might = self._bounds[0, block:] >= need.cpu_milli
        might &= self._bounds[1, block:] >= need.memory_bytes
        if self._highest_top > cap:
            might &= self._lowest_top[block:] <= cap
        for there in might.nonzero()[0].tolist():
            yield slice((block + there) * BLOCK, (block + there + 1) * BLOCK)

    def _learn(self, free: Ints, part: slice, nodes: Ints) -> None:
        """Note the true bounds of a block that was looked at whole."""
        block, within = divmod(part.start, BLOCK)
        if not within:
            self._bounds[0, block] = free[self.span.k0, 0][nodes].max()
            self._bounds[1, block] = free[self.span.k0, 1][nodes].max()


def _fits(free: Ints, slots: range, nodes: Ints, need: Resources) -> Bools:
    found = free[slots[0], 0][nodes] >= need.cpu_milli
    found &= free[slots[0], 1][nodes] >= need.memory_bytes
    for slot in slots[1:]:
        found &= free[slot, 0][nodes] >= need.cpu_milli
        found &= free[slot, 1][nodes] >= need.memory_bytes
    # Most orders ask for nothing else, and pay nothing for what others ask for.
    for dimension, amount in enumerate(need[2:], 2):
        if amount:
            for slot in slots:
                found &= free[slot, dimension][nodes] >= amount
    return np.asarray(found)


class Merit:
    """What the merit order is made from: the rows of each tariff that a class may have."""

    def __init__(
        self,
        columns: Columns,
        ranked: Callable[[tuple[int, ...]], Ints],
        eligible: Bools,
        counts: Ints,
        lasting: Callable[[Instant], Bools | None],
    ) -> None:
        self._columns, self._ranked, self._eligible = columns, ranked, eligible
        self._lasting = lasting
        self.rows_of_tariff = counts
        self.count = int(counts.sum())

    def run(self, span: Span, equal: Iterable[list[int]], top: list[int]) -> Run:
        """Give the rows of tariffs for a term: lists of equal cost in tie order, cheapest first.

        `top` is the highest ask of each tariff.
        """
        rows = np.concatenate([self._ranked(tuple(sorted(tariffs))) for tariffs in equal])
        rows = rows[self._eligible[rows]]
        lasting = self._lasting(span.end)
        if lasting is not None:
            rows = rows[lasting[rows]]
        tops = np.array(top, dtype=np.int64 if max(top, default=0) < 2**62 else object)
        columns = self._columns
        return Run(span, rows, columns.node_of_row[rows], tops[columns.tariffs.codes[rows]])


class Quote(NamedTuple):
    """What a tariff costs per DTU over a term, and the highest it asks in it."""

    cost: int
    start: Instant
    tariff: int
    span: Span
    top: int


class Ranking(Protocol):
    """Makes runs of the rows of tariffs; `laden.py` has another one, over finer tariffs."""

    rows_of_tariff: Ints

    def run(self, span: Span, equal: Iterable[list[int]], top: list[int]) -> Run:
        """Give the rows of tariffs for a term: lists of equal cost in tie order."""


class Pricing(Protocol):
    """Says what tariffs cost over a term."""

    def of(self, span: Span) -> list[Quote]:
        """Give the tariffs that serve a term."""


class Lane:
    """The merit order of a class over the terms of a window, as runs that share a start.

    Ordered by cost of the term, then start, then the rows' tie order.
    """

    def __init__(self, merit: Ranking, quotes: Pricing, spans: list[Span]) -> None:
        self._merit = merit
        rows = merit.rows_of_tariff.tolist()
        found = [quote for span in spans for quote in quotes.of(span) if rows[quote.tariff]]
        found.sort(key=itemgetter(0, 1, 2))
        self._parts = list(_parted(found, rows))
        self._runs: list[Run | None] = [None] * len(self._parts)
        self._tariff_count = len(rows)
        self.failed: list[tuple[Resources, int, Instant]] = []

    @property
    def cheapest(self) -> int | None:
        """Give the least cost of a term, None where nothing is open."""
        return self._parts[0][0].cost if self._parts else None

    def runs(self, latest_end: Instant) -> Iterator[Run]:
        """Give the runs in merit order whose term ends in time."""
        for i, part in enumerate(self._parts):
            span = part[0].span
            if span.end > latest_end:
                continue
            run = self._runs[i]
            if run is None:
                run = self._runs[i] = self._make(span, part)
            yield run

    def _make(self, span: Span, part: list[Quote]) -> Run:
        top = [0] * self._tariff_count
        for quote in part:
            top[quote.tariff] = quote.top
        by_cost = groupby(part, key=attrgetter("cost"))
        ranked = [[quote.tariff for quote in quotes] for _, quotes in by_cost]
        return self._merit.run(span, ranked, top)

    def is_hopeless(self, need: Resources, cap: int, latest_end: Instant) -> bool:
        """Say whether an order that wanted no more, for no less, has already found nothing."""
        return any(
            failed.fits_in(need) and cap <= failed_cap and latest_end <= failed_end
            for failed, failed_cap, failed_end in self.failed
        )


def _parted(quotes: list[Quote], rows_of_tariff: list[int]) -> Iterator[list[Quote]]:
    """Part the merit order into runs of one start, short enough that few are ever made.

    Tariffs of equal cost stay together: their rows are taken in tie order.
    """
    part: list[Quote] = []
    rows = 0
    for (_, start), equal in groupby(quotes, key=attrgetter("cost", "start")):
        if part and (part[0].start != start or rows >= RUN_ROWS):
            yield part
            part, rows = [], 0
        for quote in equal:
            part.append(quote)
            rows += rows_of_tariff[quote.tariff]
    if part:
        yield part


class Quotes:
    """What each tariff costs over a term, for all classes: each term is worked out once."""

    def __init__(self, axis: Axis, asks: npt.NDArray[Any], minimum_terms: Ints) -> None:
        self._axis, self._asks, self._minimum_terms = axis, asks, minimum_terms
        self._known: dict[Span, list[Quote]] = {}

    def of(self, span: Span) -> list[Quote]:
        """Give the tariffs that serve a term.

        The cost is in nano-euro times ms over an hour: whole numbers, so equal costs are equal.
        """
        if span not in self._known:
            cells = self._asks[:, span.c0 : span.c1]
            served = (cells != CLOSED).all(axis=1)
            served &= self._minimum_terms <= span.end - span.start
            costs = cells @ np.array(self._axis.lengths(span), dtype=cells.dtype)
            tops = cells.max(axis=1)
            self._known[span] = [
                Quote(int(costs[tariff]), span.start, tariff, span, int(tops[tariff]))
                for tariff in np.flatnonzero(served).tolist()
            ]
        return self._known[span]
