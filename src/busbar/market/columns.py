"""The book as tables of numbers: one entry a row, or a node, for numpy.

Names are interned to small codes, so that a question about a vendor or a region is one gather.
Tables that no order asks about are never built. Next: `eligibility.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from busbar.market.axis import Axis
from busbar.market.burden import Rates
from busbar.market.calendar import Calendar
from busbar.market.facts import Facts, facts_of
from busbar.market.lots import name_key
from busbar.market.offers import Supply
from busbar.market.podspec import Taint
from busbar.model.choosiness import NO_LIMIT, Limit
from busbar.model.dtu import Resources

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Value = TypeVar("Value", bound=Hashable)

Wanted = TypeVar("Wanted", bound=Hashable)

_REMEMBERED = 1 << 26
"""Most bytes that are kept of which rows classes may have."""
_COUNTED = 4096
"""Most classes whose rows are counted by tariff."""
_HEAVIEST = 2**62
"""More than any weight."""
CLOSED = -1
"""The ask of a tariff in a cell where it has no capacity."""
DIMENSIONS = len(Resources._fields)
"""cpu, memory, gpus, ephemeral storage: the fields of `Resources`, in their order."""


class Interned(Generic[Value]):
    """A column of values as codes into the list of distinct values, in order of appearance."""

    def __init__(self, values: Iterable[Value]) -> None:
        index: dict[Value, int] = {}
        codes = [index.setdefault(value, len(index)) for value in values]
        self.values: list[Value] = list(index)
        self.codes: Ints = np.array(codes, dtype=np.int64)

    def where(self, flags: Sequence[bool]) -> Bools:
        """Spread one flag a distinct value over the column."""
        return np.asarray(np.array(flags, dtype=bool)[self.codes])


class Columns:
    """The tables. Rows are (node, offer); `node_of_row` leads to the node, whose room they share.

    `tariffs` are the distinct (calendar, minimum term): rows of one tariff always cost the same.
    """

    def __init__(self, rows: Sequence[Supply]) -> None:
        self.rows = rows
        nodes = Interned(row.node for row in rows)
        self.node_names, self.node_of_row = nodes.values, nodes.codes
        self.row_count, self.node_count = len(rows), len(nodes.values)
        self.zones = Interned(row.zone for row in rows)
        self.vendors = Interned(row.vendor for row in rows)
        self.taints: Interned[tuple[Taint, ...]] = Interned(row.taints for row in rows)
        self.offers = Interned(row.offer for row in rows)
        self.tariffs: Interned[tuple[Calendar, int]] = Interned(
            (row.calendar, row.minimum_term_ms) for row in rows
        )
        terms = [term for _, term in self.tariffs.values]
        self.minimum_terms: Ints = np.array(terms, dtype=np.int64)
        amounts = np.array([row.capacity for row in rows], dtype=np.int64)
        self.capacity = np.zeros((DIMENSIONS, self.node_count), dtype=np.int64)
        self.capacity[:, self.node_of_row] = amounts.reshape(-1, DIMENSIONS).T
        self.keys = np.array([name_key(name) for name in nodes.values], dtype=np.uint64)
        self.gpu_weights: Ints = np.array([row.gpu_weight_micro for row in rows], dtype=np.int64)
        self.ready = np.array([row.ready for row in rows], dtype=bool)
        self.cordoned = np.array([row.cordoned for row in rows], dtype=bool)
        self.offered = np.array([bool(row.offer) for row in rows], dtype=bool)
        self.paused = np.array([row.paused for row in rows], dtype=bool)
        self.usable = self.ready & ~self.cordoned & self.offered & ~self.paused
        self._kinds: dict[tuple[tuple[str, ...], ...], tuple[Ints, Ints, Ints]] = {}
        self._found: dict[Hashable, Bools] = {}
        self._counts: dict[Hashable, Ints] = {}
        self._labels: dict[str, Interned[str | None]] = {}
        self._facts: dict[str, Interned[Facts]] = {}
        self._node_index = {name: i for i, name in enumerate(nodes.values)}

    def kinds(
        self, labels: tuple[str, ...], attributes: tuple[str, ...] = ()
    ) -> tuple[Ints, Ints, Ints]:
        """Sort nodes into kinds that no test can tell apart but by what is free on them.

        Gives (rows, node, weights): rows of one node of each kind, the number (0, 1, …) of the
        node that each belongs to, and how many nodes each of these stands for. `labels` and
        `attributes` are those that tests will look at. A node with several rows is a kind of its
        own.
        """
        key = labels, attributes
        if key not in self._kinds:
            self._kinds[key] = self._sort_into_kinds(*key)
        return self._kinds[key]

    def _sort_into_kinds(
        self, labels: tuple[str, ...], attributes: tuple[str, ...]
    ) -> tuple[Ints, Ints, Ints]:
        code = self._kind_codes
        for label in labels:
            code = _combined(code, self.label(label).codes)
        for attribute in attributes:
            code = _combined(code, self.facts(attribute).codes)
        rows_of_node = np.bincount(self.node_of_row, minlength=self.node_count)
        alone = rows_of_node[self.node_of_row] == 1
        single, rest = np.flatnonzero(alone), np.flatnonzero(~alone)
        _, first, counts = np.unique(code[single], return_index=True, return_counts=True)
        rows = np.concatenate((single[first], rest))
        nodes, numbered = np.unique(self.node_of_row[rows], return_inverse=True)
        weights = np.ones(len(nodes), dtype=np.int64)
        weights[numbered[: len(first)]] = counts
        return rows, numbered, weights

    @cached_property
    def _kind_codes(self) -> Ints:
        flags = self.ready + 2 * self.cordoned + 4 * self.paused
        code = np.zeros(self.row_count, dtype=np.int64)
        columns = (self.offers.codes, self.tariffs.codes, self.zones.codes, self.vendors.codes)
        for column in (*columns, self.taints.codes, flags, *self.capacity[:, self.node_of_row]):
            code = _combined(code, column)
        return code

    @cached_property
    def carriers(self) -> Interned[tuple[Rates, str, str]]:
        """Give the distinct (rates, zone, vendor): to rows of one, data costs the same to move."""
        return Interned((row.rates, row.zone, row.vendor) for row in self.rows)

    @cached_property
    def rows_of_tariff(self) -> list[Ints]:
        """Give the rows of each tariff."""
        codes = self.tariffs.codes
        ordered = np.argsort(codes, kind="stable")
        ends = np.cumsum(np.bincount(codes, minlength=len(self.tariffs.values)))
        return np.split(ordered, ends[:-1]) if len(ends) else []

    def remembered(self, wanted: Wanted, find: Callable[[Columns, Wanted], Bools]) -> Bools:
        """Give what was found about a class on these tables before, or find it now."""
        known = self._found.get(wanted)
        if known is None:
            if len(self._found) * self.row_count > _REMEMBERED:
                self._found.clear()
            known = self._found[wanted] = find(self, wanted)
            known.flags.writeable = False
        return known

    def counted(self, wanted: Hashable, eligible: Bools) -> Ints:
        """Give how many rows of each tariff a class may have, counted once on these tables."""
        if wanted not in self._counts:
            if len(self._counts) > _COUNTED:
                self._counts.clear()
            tariffs = self.tariffs.codes[eligible]
            self._counts[wanted] = np.bincount(tariffs, minlength=len(self.tariffs.values))
        return self._counts[wanted]

    def label(self, key: str) -> Interned[str | None]:
        """Give the column of a label's values, None where a node does not have it."""
        if key not in self._labels:
            self._labels[key] = Interned(dict(row.labels).get(key) for row in self.rows)
        return self._labels[key]

    def facts(self, attribute: str) -> Interned[Facts]:
        """Give the column of what is said of an attribute, see `facts_of`."""
        if attribute not in self._facts:
            self._facts[attribute] = Interned(facts_of(row, attribute) for row in self.rows)
        return self._facts[attribute]

    @cached_property
    def limits(self) -> dict[str, Limit]:
        """Give the offers that are limited, with their limits."""
        return {row.offer: row.limit for row in self.rows if row.limit != NO_LIMIT}

    def least_gpu_weight(self, rows: Bools) -> int:
        """Give the least that a GPU draws on any of the rows that have some; 0 where none has."""
        found = self.gpu_weights[rows]
        return int(found[found > 0].min(initial=_HEAVIEST)) if found.any() else 0

    def nodes_named(self, names: Iterable[str]) -> Ints:
        """Give the indices of nodes by name or `LABEL=VALUE`; what is not in the book is left out.

        No name of a node holds an equals sign.
        """
        found: set[int] = set()
        for name in names:
            label, is_label, value = name.partition("=")
            if is_label:
                column = self.label(label)
                rows = column.where([known == value for known in column.values])
                found.update(self.node_of_row[rows].tolist())
            elif name in self._node_index:
                found.add(self._node_index[name])
        return np.array(sorted(found), dtype=np.int64)

    def rows_named(self, node: str) -> list[int]:
        """Give the rows of a node; none where it is not in the book."""
        number = self._node_index.get(node, -1)
        return np.flatnonzero(self.node_of_row == number).tolist()

    def node_number(self, name: str) -> int:
        """Give the index of a node, -1 where it is not in the book."""
        return self._node_index.get(name, -1)

    def asks(self, axis: Axis) -> npt.NDArray[Any]:
        """Give each tariff's ask in each cell, shape (tariff, cell), CLOSED where it has none.

        64-bit integers where sums over a term stay inside them, Python's integers otherwise.
        """
        table = [_asks_of(calendar, axis) for calendar, _ in self.tariffs.values]
        highest = max((max(asks) for asks in table), default=0)
        fits = highest * (axis.edges[-1] - axis.edges[0]) < 2**62
        return np.array(table, dtype=np.int64 if fits else object).reshape(-1, axis.cells)


def _combined(one: Ints, other: Ints) -> Ints:
    """Give codes that are equal where both columns are equal."""
    values, codes = np.unique(other, return_inverse=True)
    return np.asarray(np.unique(one * len(values) + codes, return_inverse=True)[1])


def _asks_of(calendar: Calendar, axis: Axis) -> list[int]:
    if not calendar.rules and not calendar.exceptions:
        return [CLOSED if calendar.base_nano is None else calendar.base_nano] * axis.cells
    found: list[int] = []
    pieces = iter(calendar.pieces(axis.now, axis.edges[-1]))
    piece = next(pieces)
    for cell in range(axis.cells):
        while piece.end <= axis.edges[cell]:
            piece = next(pieces)
        found.append(CLOSED if piece.ask is None else piece.ask)
    return found
