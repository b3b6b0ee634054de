"""Changing places: what turns alone leave on the table.

Turns put a flexible order on the cheap node that a narrow one, coming later, needed. So, in a
batch small enough, the best single change is made again and again until none saves anything:

- one order moves to a cheaper node with room;
- one order takes the place of another, which moves to the cheapest node with room for it;
- two orders swap places.

Cost is what orders would pay at the asks on a reference node, in nano-euro, with what the place
costs them beyond (`burden.py`); an order without a place costs one more than its cap allows and
than the most that a place costs it beyond, so that finding it a place is always a saving. The
change with the largest saving is made; of equal ones the first in the order above, then by turn.
An order in company (`company.py`) or of a gang keeps its place. No change is made that would put a
class's price above the cap of anybody in it.
Next: `arrange.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from busbar.market.axis import Span
from busbar.market.burden import NO_BURDEN
from busbar.market.columns import CLOSED, Bools, Ints
from busbar.market.dealings import NO_DEALINGS
from busbar.market.matching import Matching, Placement
from busbar.market.orders import Order
from busbar.market.turns import Turn
from busbar.model.dtu import amount

ORDERS_MAX = 512
"""More orders than that average out by themselves, and pairs of them grow with the square."""
PAIRS_MAX = 1 << 18
"""Most (order, row) pairs that are looked at."""

NEVER = 2**60
"""The cost of a row that an order may not have; four of them can still be added."""


class Change(NamedTuple):
    """Orders, by turn, and the rows (in tie order) that they go to."""

    moves: tuple[tuple[int, int], ...]


class Exchanged(NamedTuple):
    """Turns with their places; what they cost together; whether none could cost less anywhere."""

    turns: list[Turn]
    cost: int
    is_least: bool


def is_small(matching: Matching, turns: list[Turn]) -> bool:
    """Say whether a batch is small enough to be improved, and large enough to need it."""
    pairs = len(turns) * matching.columns.row_count
    return 1 < len(turns) <= ORDERS_MAX and 0 < pairs <= PAIRS_MAX


def are_cheapest(matching: Matching, turns: list[Turn]) -> bool:
    """Say whether every order surely has the cheapest place there is: then no change can save.

    The tables of a whole exchange cost more than placing a small batch did, and most batches need
    none. Looked at by kind: orders of one kind cost the same on rows of one tariff.
    """
    codes = matching.columns.tariffs.codes
    least: dict[int, tuple[int, Ints]] = {}
    for order, _, kind, placement in turns:
        if placement is None or order.burden is not NO_BURDEN:
            return False
        if kind not in least:
            costs, _ = _quotes(matching, matching.base_draw(order), placement.span)
            least[kind] = int(costs[matching.tariffs(order.eligibility)].min()), costs
        lowest, costs = least[kind]
        if costs[codes[placement.row]] != lowest:
            return False
    return True


def exchange(matching: Matching, turns: list[Turn]) -> Exchanged:
    """Improve a placed batch as far as single changes can.

    At most two changes an order are made: an end that does not depend on how the savings fall.
    """
    table = _Table(matching, turns)
    for _ in range(2 * len(turns)):
        change = next((c for c in table.savings() if table.is_bearable(c)), None)
        if change is None:
            break
        table.make(change)
    return table.result()


class _Table:
    """Orders against rows: what each place would cost, who is where, what room is left."""

    def __init__(self, matching: Matching, turns: list[Turn]) -> None:
        columns = matching.columns
        self._matching, self._turns = matching, turns
        self._rows = matching.tie_order
        self._nodes = columns.node_of_row[self._rows]
        self._spans = [_span(matching, turn) for turn in turns]
        self._need: Ints = np.array([turn.order.requests for turn in turns], dtype=np.int64)
        self._free = matching.free.copy()
        self._slots = matching.slots_to_check(max(self._spans, key=lambda span: span.k1))
        self._uses = [
            np.array([slot < span.k1 for span in self._spans]) for slot in range(len(self._free))
        ]
        costs, beyond = _costs(matching, turns, self._spans)
        self._costs = costs[:, self._rows]
        self._without: Ints = np.array(
            [_without(matching, *pair) for pair in zip(turns, beyond, strict=True)], dtype=np.int64
        )
        at = {int(row): i for i, row in enumerate(self._rows)}
        self._place: Ints = np.array(
            [-1 if t.placement is None else at[t.placement.row] for t in turns], dtype=np.int64
        )

    def savings(self) -> Iterator[Change]:
        """Give the changes that save something, the largest saving first."""
        now, better, best_at = self._alternatives()
        here = self._costs_there()
        room = self._room_without()
        count = len(self._turns)
        placed = self._place >= 0
        shift = now - better
        take = now[:, np.newaxis] - here + (now - better)[np.newaxis, :]
        take[~(room & placed)] = -1
        swap = now[:, np.newaxis] - here + (now[np.newaxis, :] - here.T)
        swap[~(room & room.T & placed & placed[:, np.newaxis])] = -1
        found = np.concatenate((shift, take.ravel(), swap.ravel()))
        while found[choice := int(found.argmax())] > 0:
            found[choice] = 0
            if choice < count:
                yield Change(((choice, int(best_at[choice])),))
                continue
            kind, pair = divmod(choice - count, count * count)
            one, other = divmod(pair, count)
            there = int(self._place[one]) if kind else int(best_at[other])
            yield Change(((one, int(self._place[other])), (other, there)))

    def _alternatives(self) -> tuple[Ints, Ints, Ints]:
        """Give what each order costs now, the least it would cost elsewhere, and where that is."""
        now = self._costs_now()
        room = self._fits(lambda slot: self._free[slot][:, self._nodes])
        own = (self._nodes == self._nodes[self._place][:, np.newaxis]) & (self._place >= 0)[
            :, np.newaxis
        ]
        costs = np.where(room & ~own, self._costs, NEVER)
        best_at = costs.argmin(axis=1)
        return now, costs[np.arange(len(costs)), best_at], best_at

    def _costs_there(self) -> Ints:
        """Give what each order (first axis) would cost in the place of each other."""
        return np.asarray(self._costs[:, self._place])

    def _room_without(self) -> Bools:
        """Say whether each order (first axis) fits on the node of each other once that is gone."""
        node = self._nodes[self._place]
        found = node[:, np.newaxis] != node[np.newaxis, :]
        found |= (self._place < 0)[:, np.newaxis]
        gone = self._need.T
        found &= self._fits(lambda slot: self._free[slot][:, node] + gone * self._uses[slot])
        return np.asarray(found)

    def _fits(self, room_in: Callable[[int], Ints]) -> Bools:
        """Say whether each order (first axis) has room, in each slot that it uses, in each place.

        `room_in` gives the room of a slot, shape (dimension, place).
        """
        found: Bools | None = None
        for slot in self._slots:
            room, idle = room_in(slot), ~self._uses[slot][:, np.newaxis]
            for have, need in zip(room, self._need.T, strict=True):
                if need.any():
                    fits = have[np.newaxis, :] >= need[:, np.newaxis]
                    if not need.all():  # What an order does not ask for may be overdrawn.
                        fits |= need[:, np.newaxis] == 0
                    fits = fits if slot == 0 else fits | idle
                    found = fits if found is None else found & fits
        assert found is not None, "every order needs something"
        return found

    def is_bearable(self, change: Change) -> bool:
        """Say whether every class touched still pays no more than any cap in it."""
        places = self._place.copy()
        for turn, row in change.moves:
            places[turn] = row
        touched = {self._turns[turn].order.eligibility for turn, _ in change.moves}
        return all(self._bears(wanted, places) for wanted in touched)

    def _bears(self, wanted: object, places: Ints) -> bool:
        paid: dict[tuple[int, int], int] = {}
        caps: dict[tuple[int, int], int] = {}
        zones, tariffs = self._matching.columns.zones.codes, self._matching.columns.tariffs.codes
        for turn, span, place in zip(self._turns, self._spans, places.tolist(), strict=True):
            if place < 0 or turn.order.eligibility != wanted:
                continue
            row = self._rows[place]
            for cell in range(span.c0, span.c1):
                key = int(zones[row]), cell
                paid[key] = max(paid.get(key, 0), int(self._matching.asks[tariffs[row], cell]))
                caps[key] = min(caps.get(key, NEVER), turn.order.cap_nano)
        return all(price <= caps[key] for key, price in paid.items())

    def make(self, change: Change) -> None:
        """Make a change."""
        for turn, _ in change.moves:
            if self._place[turn] >= 0:
                self._fill(turn, 1)
        for turn, row in change.moves:
            self._place[turn] = row
            self._fill(turn, -1)

    def _fill(self, turn: int, sign: int) -> None:
        node = self._nodes[self._place[turn]]
        self._free[: self._spans[turn].k1, :, node] += sign * self._need[turn]

    def result(self) -> Exchanged:
        """Give the turns with their places and what they cost."""
        places = zip(self._turns, self._spans, self._place.tolist(), strict=True)
        turns = [
            turn._replace(placement=self._placement(turn, span, place))
            for turn, span, place in places
        ]
        costs = self._costs_now()
        least = np.minimum(self._without, self._costs.min(axis=1))
        # Moves keep off limited offers, so the least of them is not the least that there is.
        is_least = bool((costs == least).all()) and all(_is_settled(turn) for turn in turns)
        is_least = is_least and not self._matching.shares.is_any
        return Exchanged(turns, sum(costs.tolist()), is_least)

    def _costs_now(self) -> Ints:
        every = np.arange(len(self._turns))
        return np.where(self._place < 0, self._without, self._costs[every, self._place])

    def _placement(self, turn: Turn, span: Span, place: int) -> Placement | None:
        if place < 0:
            return None
        return Placement(turn.order, turn.window, int(self._rows[place]), span)


def _is_settled(turn: Turn) -> bool:
    """Say whether the costs of an order say all: one that is bound to others may find a place."""
    return turn.order.is_free or turn.placement is not None


def _span(matching: Matching, turn: Turn) -> Span:
    return matching.axis.span(turn.window.first, turn.window.first + turn.window.length)


def _without(matching: Matching, turn: Turn, beyond: int) -> int:
    """Give the cost of an order that has no place."""
    draw = matching.base_draw(turn.order)
    return min(amount(turn.order.cap_nano, draw, turn.window.length) + beyond + 1, NEVER)


def _costs(matching: Matching, turns: list[Turn], spans: list[Span]) -> tuple[Ints, list[int]]:
    """Give what each row (second axis) would cost each order, NEVER where it may not go there.

    And the most that a row which an order may have costs it beyond the price.
    """
    columns = matching.columns
    quoted: dict[tuple[int, Span], tuple[Ints, Ints]] = {}
    found, most = [], []
    for (order, _, _, placement), span in zip(turns, spans, strict=True):
        draw = matching.base_draw(order)
        if (draw, span) not in quoted:
            quoted[draw, span] = _quotes(matching, draw, span)
        costs, tops = quoted[draw, span]
        by_tariff = np.where(tops <= order.cap_nano, costs, NEVER)
        allowed = matching.eligible(order.eligibility)
        lasting = matching.lasting(order.eligibility, span.end)
        if lasting is not None:
            allowed = allowed & lasting
        if order.dealings != NO_DEALINGS:
            here = None if placement is None else placement.row
            allowed = allowed & matching.may_be_moved_to(order, here)
        if not order.is_free:
            allowed = np.zeros(columns.row_count, dtype=bool)
            if placement is not None:
                allowed[placement.row] = True
        if order.avoid:
            allowed = allowed & ~np.isin(columns.node_of_row, columns.nodes_named(order.avoid))
        costs = np.where(allowed, by_tariff[columns.tariffs.codes], NEVER)
        beyond = 0
        if order.burden is not NO_BURDEN:
            costs, beyond = _laden(matching, order, span, costs)
        found.append(costs)
        most.append(beyond)
    return np.stack(found), most


def _laden(matching: Matching, order: Order, span: Span, costs: Ints) -> tuple[Ints, int]:
    """Add what rows cost an order beyond the price; give the most that any it may have does."""
    loaded = matching.loaded(order.burden)
    extras = loaded.extras(matching.asks[:, span.c0], matching.base_draw(order))
    beyond = np.array([min(extra, NEVER) for extra in extras], dtype=np.int64)[loaded.part_of_row]
    allowed = costs < NEVER
    if loaded.within is not None:
        allowed &= loaded.within
    laden = np.where(allowed, np.minimum(costs + beyond, NEVER), NEVER)
    return laden, int(beyond[allowed].max(initial=0))


def _quotes(matching: Matching, draw: int, span: Span) -> tuple[Ints, Ints]:
    """Give what a draw would cost on each tariff over a term, and the tariff's highest ask."""
    lengths = matching.axis.lengths(span)
    costs, tops = [], []
    minimums = matching.columns.minimum_terms.tolist()
    for asks, minimum in zip(matching.asks[:, span.c0 : span.c1].tolist(), minimums, strict=True):
        sold = min(asks) != CLOSED and minimum <= span.end - span.start
        paid = sum(amount(ask, draw, ms) for ask, ms in zip(asks, lengths, strict=True))
        costs.append(min(paid, NEVER) if sold else NEVER)
        tops.append(min(max(asks), NEVER))
    return np.array(costs, dtype=np.int64), np.array(tops, dtype=np.int64)
