"""What is promised of every node, as a table that changes with each contract.

Kept from batch to batch: a contract is read once, however many batches see it; what is free is
then a few sums over columns of numbers. Next: `book.py`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from busbar.market.axis import Axis
from busbar.market.commitments import Commitment
from busbar.model.dtu import Resources
from busbar.model.time import HOUR, slot_of

if TYPE_CHECKING:
    from busbar.market.columns import Columns

Ints = npt.NDArray[np.int64]

_ROWS_MIN = 64
_FOREVER = 2**62
_NODE, _START, _END, _CPU, _MEMORY, _GPUS = range(6)
_NOBODY = -1
"""The node of a row that is not in use."""


class Occupancy:
    """Commitments by the key of what made them; each takes whole slots, those that it touches."""

    def __init__(self) -> None:
        self._table: Ints = np.full((6, _ROWS_MIN), _NOBODY, dtype=np.int64)
        self._row_of: dict[Hashable, int] = {}
        self._spare = list(range(_ROWS_MIN - 1, -1, -1))
        self._used = 0
        self._codes: dict[str, int] = {}
        self._columns: Columns | None = None
        self._index: Ints = np.empty(0, dtype=np.int64)

    @classmethod
    def of(cls, commitments: Iterable[Commitment]) -> Occupancy:
        """Make a table of commitments that nobody will ask to change."""
        made = cls()
        for number, commitment in enumerate(commitments):
            made.put(number, commitment)
        return made

    def __len__(self) -> int:
        return len(self._row_of)

    def __iter__(self) -> Iterator[Commitment]:
        """Iterate in an order that depends on nothing but the commitments."""
        names = list(self._codes)
        rows = self._table[:, : self._used].T.tolist()
        found = (_commitment(names, row) for row in rows if row[_NODE] != _NOBODY)
        return iter(sorted(found, key=_place))

    def put(self, key: Hashable, commitment: Commitment) -> None:
        """Set what a contract takes."""
        row = self._row_of.get(key)
        if row is None:
            row = self._row_of[key] = self._take_row()
        node, resources, start, end = commitment
        code = self._codes.setdefault(node, len(self._codes))
        self._table[:, row] = (code, start, _FOREVER if end is None else end, *resources)

    def drop(self, key: Hashable) -> None:
        """Forget a contract; fine where it takes nothing."""
        row = self._row_of.pop(key, None)
        if row is not None:
            self._table[_NODE, row] = _NOBODY
            self._spare.append(row)

    def free(self, columns: Columns, axis: Axis) -> Ints:
        """Give what is free, shape (slot, dimension, node).

        A commitment that has begun takes the present slot too, even where its end has passed: it
        is in the book, so it has not been closed.
        """
        free = np.repeat(columns.capacity[np.newaxis], axis.slots, axis=0)
        table = self._table[:, : self._used]
        node = self._nodes(columns)[table[_NODE]]
        present = slot_of(axis.now).start
        first = np.maximum((table[_START] - present) // HOUR, 0)
        after = np.minimum(-((present - table[_END]) // HOUR), axis.slots)
        after = np.where(first == 0, np.maximum(after, 1), after)
        takes = (node >= 0) & (first < after)
        for row, amounts in enumerate(table[_CPU:]):
            self._take(free[:, row], node[takes], first[takes], after[takes], amounts[takes])
        return free

    def _take(self, free: Ints, node: Ints, first: Ints, after: Ints, amounts: Ints) -> None:
        """Take amounts of one dimension in their slots, from `free`, shape (slot, node)."""
        if len(free) == 1:
            np.subtract.at(free[0], node, amounts)
            return
        ends = np.zeros((len(free) + 1, free.shape[1]), dtype=np.int64)
        np.add.at(ends, (first, node), amounts)
        np.subtract.at(ends, (after, node), amounts)
        free -= np.cumsum(ends[:-1], axis=0)

    def _nodes(self, columns: Columns) -> Ints:
        """Give each own code's node in the tables of a book, below 0 where it is not there.

        One entry more stands for rows not in use: their code, -1, is the last.
        """
        if self._columns is not columns or len(self._index) != len(self._codes) + 1:
            found = [columns.node_number(name) for name in self._codes]
            self._index = np.array([*found, _NOBODY], dtype=np.int64)
            self._columns = columns
        return self._index

    def _take_row(self) -> int:
        if not self._spare:
            size = self._table.shape[1]
            self._table = np.concatenate((self._table, np.full_like(self._table, _NOBODY)), axis=1)
            self._spare = list(range(2 * size - 1, size - 1, -1))
        row = self._spare.pop()
        self._used = max(self._used, row + 1)
        return row


def _commitment(names: list[str], row: list[int]) -> Commitment:
    end = None if row[_END] == _FOREVER else row[_END]
    return Commitment(names[row[_NODE]], Resources(*row[_CPU:]), row[_START], end)


def _place(commitment: Commitment) -> tuple[Any, ...]:
    node, resources, start, end = commitment
    return node, start, end is None, end or 0, resources
