"""What is promised of every node, as a table that changes with each contract.

Kept from batch to batch: a contract is read once, however many batches see it. What has begun is
summed by node as it comes and goes; what begins or ends later is summed in its hour. So what is
free costs a copy of the sums, hour by hour, not a look at every contract. Next: `book.py`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
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
_NODE, _START, _END, _AMOUNTS = range(4)
_DIMENSIONS = len(Resources._fields)
NOTED_MAX = 100_000
"""Rows changed unasked after which nobody can want to know them one by one."""
_NOBODY = -1
"""The node of a row that is not in use."""


_NOTHING = [_NOBODY]
"""A row that is not in use, as it was before."""


class Occupancy:
    """Commitments by the key of what made them; each takes whole slots, those that it touches.

    Nodes are numbered as in the tables of the book that was asked for last, others after them.
    """

    def __init__(self) -> None:
        self._table: Ints = np.full((_AMOUNTS + _DIMENSIONS, _ROWS_MIN), _NOBODY, dtype=np.int64)
        self._row_of: dict[Hashable, int] = {}
        self._spare = list(range(_ROWS_MIN - 1, -1, -1))
        self._used = 0
        self._names: list[str] = []
        self._codes: dict[str, int] = {}
        self._noted: dict[int, Commitment | None] | None = None
        self._columns: Columns | None = None
        self._hour = 0
        self._begun = _Sums()
        self._ended = _Sums()
        self._begins: dict[int, _Sums] = {}
        self._ends: dict[int, _Sums] = {}

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
        rows = self._table[:, : self._used].T.tolist()
        found = (_commitment(self._names, row) for row in rows if row[_NODE] != _NOBODY)
        return iter(sorted(found, key=_place))

    def put(self, key: Hashable, commitment: Commitment) -> None:
        """Set what a contract takes."""
        row = self._row_of.get(key)
        if row is None:
            row = self._row_of[key] = self._take_row()
            self._remember(row, _NOTHING)
        else:
            before = self._table[:, row].tolist()
            self._remember(row, before)
            self._count(before, -1)
        node, resources, start, end = commitment
        values = [self._code(node), start, _FOREVER if end is None else end, *resources]
        self._table[:, row] = values
        self._count(values, 1)

    def drop(self, key: Hashable) -> None:
        """Forget a contract; fine where it takes nothing."""
        row = self._row_of.pop(key, None)
        if row is not None:
            before = self._table[:, row].tolist()
            self._remember(row, before)
            self._count(before, -1)
            self._table[_NODE, row] = _NOBODY
            self._spare.append(row)

    @property
    def numbers(self) -> int:
        """Give how many numbers of commitments were ever given out."""
        return self._used

    @property
    def is_noting(self) -> bool:
        """Say whether changes are noted."""
        return self._noted is not None

    def note(self) -> dict[int, Commitment | None]:
        """Note changes from now on; give those noted until now, by number, as it was before."""
        noted, self._noted = self._noted or {}, {}
        return noted

    def numbered(self, numbers: Sequence[int]) -> Iterator[Commitment | None]:
        """Give the commitments under some numbers, None where one is free."""
        picked = slice(numbers.start, numbers.stop) if isinstance(numbers, range) else numbers
        yield from map(self._read, self._table[:, picked].T.tolist())

    def _read(self, row: list[int]) -> Commitment | None:
        return None if row[_NODE] == _NOBODY else _commitment(self._names, row)

    def _remember(self, row: int, before: list[int]) -> None:
        if self._noted is not None and row not in self._noted:
            self._noted[row] = self._read(before)
            if len(self._noted) > NOTED_MAX:
                self._noted = None

    def free(self, columns: Columns, axis: Axis) -> Ints:
        """Give what is free, shape (slot, dimension, node).

        A commitment that has begun takes the present slot too, even where its end has passed: it
        is in the book, so it has not been closed.
        """
        self._come_to(slot_of(axis.now).start // HOUR)
        self._line_up(columns)
        nodes = columns.node_count
        free = np.empty((axis.slots, *columns.capacity.shape), dtype=np.int64)
        np.subtract(columns.capacity, self._begun.of(nodes), out=free[0])
        for slot in range(1, axis.slots):
            hour, room = self._hour + slot, free[slot]
            room[...] = free[slot - 1]
            if slot == 1:
                room += self._ended.of(nodes)
            if hour in self._ends:
                room += self._ends[hour].of(nodes)
            if hour in self._begins:
                room -= self._begins[hour].of(nodes)
        return free

    def _count(self, values: list[int], sign: int) -> None:
        """Count a row in, or out: now where it has begun or ended, else in its hour."""
        code, start, end, *amounts = values
        begin = start // HOUR
        if begin <= self._hour:
            self._begun.add(code, amounts, sign)
        else:
            self._begins.setdefault(begin, _Sums()).add(code, amounts, sign)
        if end == _FOREVER:
            return
        # What ends before it begins takes nothing but the present slot, once it has begun.
        after = max(-(-end // HOUR), begin)
        if after <= self._hour:
            self._ended.add(code, amounts, sign)
        else:
            self._ends.setdefault(after, _Sums()).add(code, amounts, sign)

    def _come_to(self, hour: int) -> None:
        """Move the hours that have come into the sums; count anew where time has gone back."""
        if hour < self._hour:
            self._begun, self._ended = _Sums(), _Sums()
            self._begins, self._ends, self._hour = {}, {}, hour
            for row in self._row_of.values():
                self._count(self._table[:, row].tolist(), 1)
            return
        self._hour = hour
        for waiting, sums in ((self._begins, self._begun), (self._ends, self._ended)):
            for due in [due for due in waiting if due <= hour]:
                sums.add_all(waiting.pop(due))

    def _code(self, node: str) -> int:
        code = self._codes.get(node)
        if code is None:
            code = self._codes[node] = len(self._names)
            self._names.append(node)
        return code

    def _line_up(self, columns: Columns) -> None:
        """Number the nodes as the tables of a book do; most books have the nodes of the last."""
        if self._columns is columns:
            return
        self._columns = columns
        wanted = columns.node_names
        if self._names[: len(wanted)] == wanted:
            return
        node = self._table[_NODE]
        used = node != _NOBODY
        kept = np.unique(node[used])
        others = (self._names[code] for code in kept.tolist())
        self._names = list(dict.fromkeys((*wanted, *others)))
        before, self._codes = self._codes, {name: i for i, name in enumerate(self._names)}
        code_of = np.zeros(len(before), dtype=np.int64)
        for name, code in before.items():
            code_of[code] = self._codes.get(name, 0)
        node[used] = code_of[node[used]]
        waiting = (*self._begins.values(), *self._ends.values())
        for sums in (self._begun, self._ended, *waiting):
            sums.move(kept, code_of[kept])

    def _take_row(self) -> int:
        if not self._spare:
            size = self._table.shape[1]
            self._table = np.concatenate((self._table, np.full_like(self._table, _NOBODY)), axis=1)
            self._spare = list(range(2 * size - 1, size - 1, -1))
        row = self._spare.pop()
        self._used = max(self._used, row + 1)
        return row


class _Sums:
    """Amounts by node, shape (dimension, node)."""

    def __init__(self) -> None:
        self._amounts: Ints = np.zeros((_DIMENSIONS, _ROWS_MIN), dtype=np.int64)

    def add(self, node: int, amounts: list[int], sign: int) -> None:
        """Add to a node's, or take away."""
        self._grow_to(node + 1)
        for dimension, amount in enumerate(amounts):
            if amount:
                self._amounts[dimension, node] += sign * amount

    def add_all(self, other: _Sums) -> None:
        """Add what another has."""
        nodes = other._amounts.shape[1]
        self._grow_to(nodes)
        self._amounts[:, :nodes] += other._amounts

    def of(self, nodes: int) -> Ints:
        """Give the amounts of the first so many nodes."""
        self._grow_to(nodes)
        return self._amounts[:, :nodes]

    def move(self, nodes: Ints, to: Ints) -> None:
        """Give nodes other numbers; all that is not named has nothing."""
        self._grow_to(int(nodes.max(initial=-1)) + 1)
        amounts = self._amounts[:, nodes]
        self._amounts = np.zeros_like(self._amounts)
        self._grow_to(int(to.max(initial=-1)) + 1)
        self._amounts[:, to] = amounts

    def _grow_to(self, nodes: int) -> None:
        while nodes > self._amounts.shape[1]:
            self._amounts = np.concatenate((self._amounts, np.zeros_like(self._amounts)), axis=1)


def _commitment(names: list[str], row: list[int]) -> Commitment:
    end = None if row[_END] == _FOREVER else row[_END]
    return Commitment(names[row[_NODE]], Resources(*row[_AMOUNTS:]), row[_START], end)


def _place(commitment: Commitment) -> tuple[Any, ...]:
    node, resources, start, end = commitment
    return node, start, end is None, end or 0, resources
