"""What is promised of every node, as a table that changes with each contract.

Kept from batch to batch: a contract is read once, however many batches see it. What has begun is
summed by node as it comes and goes; what begins or ends later waits in its hour. So what is free
costs a copy of the sums and the hours ahead, not a look at every contract. Next: `book.py`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import islice
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
_SINCE_MAX = 256
"""Nodes changed in an hour after which its table is made anew."""
NOTED_MAX = 100_000
"""Rows changed unasked after which nobody can want to know them one by one."""
_NOBODY = -1
"""The node of a row that is not in use."""


_NOTHING = [_NOBODY]
"""A row that is not in use, as it was before."""


class Occupancy:
    """Commitments by the key of what made them; each takes whole slots, those that it touches."""

    def __init__(self) -> None:
        self._table: Ints = np.full((_AMOUNTS + _DIMENSIONS, _ROWS_MIN), _NOBODY, dtype=np.int64)
        self._row_of: dict[Hashable, int] = {}
        self._spare = list(range(_ROWS_MIN - 1, -1, -1))
        self._used = 0
        self._codes: dict[str, int] = {}
        self._names: list[str] = []
        self._noted: dict[int, Commitment | None] | None = None
        self._columns: Columns | None = None
        self._node: Ints = np.empty(0, dtype=np.int64)
        self._code: Ints = np.empty(0, dtype=np.int64)
        self._hour = 0
        self._begun = _Sums()
        self._ended = _Sums()
        self._begins: dict[int, _Changes] = {}
        self._ends: dict[int, _Changes] = {}

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
        code = self._codes.setdefault(node, len(self._codes))
        if code == len(self._names):
            self._names.append(node)
        values = [code, start, _FOREVER if end is None else end, *resources]
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
        node, code = self._places(columns)
        size = len(node) + 1
        begun, ended = self._begun.of(size), self._ended.of(size)
        free = np.empty((axis.slots, *columns.capacity.shape), dtype=np.int64)
        known = code >= 0
        np.subtract(columns.capacity, np.where(known, begun[:, code], 0), out=free[0])
        if axis.slots == 1:
            return free
        room = free[0] + np.where(known, ended[:, code], 0)
        for slot in range(1, axis.slots):
            hour = self._hour + slot
            for changes, sign in ((self._ends.get(hour), 1), (self._begins.get(hour), -1)):
                if changes is not None:
                    for codes, amounts in changes.tables():
                        there = node[codes] >= 0
                        room[:, node[codes[there]]] += sign * amounts[:, there]
            free[slot] = room
        return free

    def _count(self, values: list[int], sign: int) -> None:
        """Count a row in, or out: now where it has begun or ended, else in its hour."""
        code, start, end, *amounts = values
        begin = start // HOUR
        if begin <= self._hour:
            self._begun.add(code, amounts, sign)
        else:
            self._begins.setdefault(begin, _Changes()).add(code, amounts, sign)
        if end == _FOREVER:
            return
        # What ends before it begins takes nothing but the present slot, once it has begun.
        after = max(-(-end // HOUR), begin)
        if after <= self._hour:
            self._ended.add(code, amounts, sign)
        else:
            self._ends.setdefault(after, _Changes()).add(code, amounts, sign)

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
                for code, amounts in waiting.pop(due).items():
                    sums.add(code, amounts, 1)

    def _places(self, columns: Columns) -> tuple[Ints, Ints]:
        """Give each own code's node in the tables of a book, and each node's code; -1 for none."""
        if self._columns is not columns:
            self._columns = columns
            self._node = np.empty(0, dtype=np.int64)
            self._code = np.full(columns.node_count, -1, dtype=np.int64)
        known = len(self._node)
        if known < len(self._codes):
            new = islice(self._codes, known, None)
            found = np.array([columns.node_number(name) for name in new], dtype=np.int64)
            there = np.flatnonzero(found >= 0)
            self._code[found[there]] = known + there
            self._node = np.concatenate((self._node, found))
        return self._node, self._code

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
            self._amounts[dimension, node] += sign * amount

    def of(self, nodes: int) -> Ints:
        """Give the amounts of the first so many nodes."""
        self._grow_to(nodes)
        return self._amounts[:, :nodes]

    def _grow_to(self, nodes: int) -> None:
        while nodes > self._amounts.shape[1]:
            self._amounts = np.concatenate((self._amounts, np.zeros_like(self._amounts)), axis=1)


class _Changes:
    """What changes by node in one hour: a table, and what came since it was made."""

    def __init__(self) -> None:
        self._by_node: dict[int, list[int]] = {}
        self._made = _table({})
        self._since: dict[int, list[int]] = {}

    def add(self, node: int, amounts: list[int], sign: int) -> None:
        """Add to a node's, or take away."""
        for known in (self._by_node, self._since):
            there = known.setdefault(node, [0] * _DIMENSIONS)
            for dimension, amount in enumerate(amounts):
                there[dimension] += sign * amount
        if not any(self._by_node[node]):
            del self._by_node[node]

    def items(self) -> Iterable[tuple[int, list[int]]]:
        """Iterate over nodes and their amounts."""
        return self._by_node.items()

    def tables(self) -> tuple[tuple[Ints, Ints], tuple[Ints, Ints]]:
        """Give nodes, each once, and amounts, shape (dimension, node): two parts to be added."""
        if len(self._since) > _SINCE_MAX:
            self._made, self._since = _table(self._by_node), {}
        return self._made, _table(self._since)


def _table(by_node: dict[int, list[int]]) -> tuple[Ints, Ints]:
    nodes = np.array(list(by_node), dtype=np.int64)
    amounts = np.array(list(by_node.values()), dtype=np.int64)
    return nodes, amounts.reshape(-1, _DIMENSIONS).T


def _commitment(names: list[str], row: list[int]) -> Commitment:
    end = None if row[_END] == _FOREVER else row[_END]
    return Commitment(names[row[_NODE]], Resources(*row[_AMOUNTS:]), row[_START], end)


def _place(commitment: Commitment) -> tuple[Any, ...]:
    node, resources, start, end = commitment
    return node, start, end is None, end or 0, resources
