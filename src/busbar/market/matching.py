"""The state of a batch while it is placed: what is free, what each class pays, who is where.

One order at a time takes the first row of its merit order that has room and whose price its class
can bear. Next: `clearing.py`, which says in which order they come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from busbar.market.attested import When
from busbar.market.axis import Axis, Span
from busbar.market.book import Book
from busbar.market.burden import NO_BURDEN, Burden
from busbar.market.calendar import Segment
from busbar.market.columns import Bools, Columns, Ints
from busbar.market.company import ALONE
from busbar.market.dealings import NO_DEALINGS
from busbar.market.eligibility import eligible_rows
from busbar.market.laden import LadenMerit, LadenQuotes, Loaded
from busbar.market.lanes import Lane, Merit, Quotes, RowTest
from busbar.market.lots import lots
from busbar.market.neighbours import Neighbours, row_test
from busbar.market.orders import Eligibility, Order
from busbar.market.outcome import cost_of
from busbar.market.prices import ClassPrices
from busbar.market.restrictions import is_signed, rows_meeting
from busbar.market.shares import Shares
from busbar.market.terms import Window
from busbar.model.dtu import MICRO, Resources, base_draw, draw_micro
from busbar.model.expressions import of_text
from busbar.model.time import HOUR, Instant

if TYPE_CHECKING:
    from busbar.market.together import Missed


class Placement(NamedTuple):
    """A row for a term, found for an order; its like share it while there is room."""

    order: Order
    window: Window
    row: int
    span: Span
    later: tuple[Placement, ...] = ()
    """Where it goes on, for work that is interrupted."""


class Matching:
    """What is free and who is where, for one batch."""

    def __init__(self, book: Book, axis: Axis, seed: int) -> None:
        columns = book.columns
        self.columns, self.axis = columns, axis
        self.free = book.free(axis)
        self._fresh = partial(book.free, axis)
        self._ties = _Ties(columns, self.free, seed)
        self._rising = _only_grows(self.free)
        self.asks: npt.NDArray[Any] = columns.asks(axis)
        self._quotes = Quotes(axis, self.asks, columns.minimum_terms)
        self.neighbours = Neighbours(columns, book.companions)
        self.shares = Shares(columns, axis, len(self.free), book.holdings)
        self._prices: dict[Eligibility, ClassPrices] = {}
        self._asked: dict[tuple[int, Span], tuple[Segment, ...]] = {}
        self._needs: dict[Resources, Ints] = {}
        self._draws: dict[tuple[Resources, int, int], int] = {}
        self._gpu_weights: dict[Eligibility, int] = {}
        self._signed: dict[Eligibility, Bools] = {}
        self._lasting: dict[tuple[Eligibility, Instant], Bools] = {}
        self._merits: dict[tuple[Eligibility, int | None], Merit] = {}
        self._loaded: dict[Burden, Loaded] = {}
        self._lanes: dict[tuple[object, ...], Lane] = {}
        self._tried: list[tuple[Placement, int]] | None = None
        self.missed: dict[str, Missed] = {}
        """Gangs that found no place, as they first came to their turn."""

    def find(self, order: Order, window: Window, zone: int | None = None) -> Placement | None:
        """Find where its merit order puts an order, in one zone or any; None: nothing fits."""
        lane = self._lane(order, window, zone)
        need, cap = order.requests, order.cap_nano
        if lane.is_hopeless(need, cap, window.latest_end):
            return None
        prices = self.prices(order.eligibility)
        dealings = order.dealings
        is_plain = not order.avoid and order.company == ALONE and dealings == NO_DEALINGS
        own = None if is_plain else self._own_tests(order)
        if own is not None and None in own:
            return None
        for run in lane.runs(window.latest_end):
            test = _both(own, prices.test(run.span, cap))
            if dealings.consumer:
                share = self.shares.test(order, run.span)
                test = test if share is None else _both([share], test)
            slots = self.slots_to_check(run.span)
            row = run.first_fit(self.free, slots, need, cap, test, remember=is_plain)
            if row is not None:
                return Placement(order, window, row, run.span)
        if is_plain:
            lane.failed.append((need, cap, window.latest_end))
        return None

    def _own_tests(self, order: Order) -> list[RowTest | None]:
        """Give the tests of rows that only this order makes; None for one that no row passes."""
        found: list[RowTest | None] = []
        if order.avoid:
            found.append(_not_on(self.columns.nodes_named(order.avoid), self.columns))
        if order.dealings.declined:
            found.append(self._not_declined(order))
        if order.company != ALONE:
            eligible = self.eligible(order.eligibility)
            found.append(row_test(self.neighbours.allowed(order.company, eligible)))
        return found

    def _not_declined(self, order: Order) -> RowTest:
        willing = ~self.declined(order)
        return lambda rows: np.asarray(willing[rows])

    def declined(self, order: Order) -> Bools:
        """Give the rows of offers that will not have an order."""
        names = order.dealings.declined
        return self.columns.offers.where([name in names for name in self.columns.offers.values])

    def may_be_moved_to(self, order: Order, here: int | None) -> Bools:
        """Give the rows to which an order may be moved, as far as vendors have a say.

        Never to an offer that is limited, for each move would change what all others may do; from
        one it may go.
        """
        found = ~self.declined(order)
        if order.dealings.consumer:
            found &= self.shares.unlimited
            if here is not None:
                found[here] = True
        return found

    def slots_to_check(self, span: Span) -> range:
        """Give the slots of a term in which room may be short: where it only grows, the first."""
        return range(1) if self._rising and span.k0 == 0 else range(span.k0, span.k1)

    def asked(self, placement: Placement) -> tuple[Segment, ...]:
        """Give what a placement's offer asks over its term."""
        key = int(self.columns.tariffs.codes[placement.row]), placement.span
        if key not in self._asked:
            tariff, span = key
            asks = [int(ask) for ask in self.asks[tariff, span.c0 : span.c1]]
            self._asked[key] = self.axis.segments(span, asks)
        return self._asked[key]

    def dearness(self, placement: Placement) -> int:
        """Give what merit goes by: the cost at the asks on a reference node, in a unit of its own.

        With what the place costs beyond the price; whole numbers, so that equal costs are equal.
        """
        asked, order = self.asked(placement), placement.order
        work = sum(price * (end - start) for start, end, price in asked)
        if order.burden is NO_BURDEN:
            return work * self.base_draw(order)
        loaded = self.loaded(order.burden)
        work += asked[0].price_nano * loaded.lost_ms(placement.row)
        return work * self.base_draw(order) + loaded.moving(placement.row) * MICRO * HOUR

    def cheapest(self, order: Order, window: Window, zone: int) -> int | None:
        """Give the least `dearness` of a zone's rows for a term, room aside, None: none is open."""
        cost = self._lane(order, window, zone).cheapest
        is_whole = cost is None or order.burden is not NO_BURDEN
        return cost if is_whole or cost is None else cost * self.base_draw(order)

    def cost_at_asks(self, placement: Placement) -> int:
        """Give what an order pays where it is placed, at what its offer asks."""
        later = sum(self.cost_at_asks(part) for part in placement.later)
        term = cost_of(self.asked(placement), self.draw(placement))
        return term + self.moving(placement) + later

    def draw(self, placement: Placement) -> int:
        """Give what an order draws where it is placed, in micro-DTU per hour."""
        row = self.columns.rows[placement.row]
        key = placement.order.requests, row.rating_micro, row.gpu_weight_micro
        if key not in self._draws:
            self._draws[key] = draw_micro(*key)
        return self._draws[key]

    def base_draw(self, order: Order) -> int:
        """Give what an order draws on a reference node: its GPUs of the lightest class it may have.

        Prices are compared per DTU, so a heavier class is not a dearer one.
        """
        requests, wanted = order.requests, order.eligibility
        if not requests.gpus:
            return base_draw(requests)
        if wanted not in self._gpu_weights:
            self._gpu_weights[wanted] = self.columns.least_gpu_weight(self.eligible(wanted))
        return base_draw(requests, self._gpu_weights[wanted])

    def room(self, placement: Placement) -> int:
        """Say how many orders like the one that found a place have room there."""
        order, _, row, span, _ = placement
        if order.company != ALONE or (self.shares.is_any and self.shares.offer_of_row[row] >= 0):
            return 1
        node = int(self.columns.node_of_row[row])
        slots = self.slots_to_check(span)
        free = self.free[slots.start : slots.stop, :, node]
        have = (free[0] if len(free) == 1 else free.min(axis=0)).tolist()
        pairs = zip(have, order.requests, strict=True)
        return min(int(amount) // need for amount, need in pairs if need)

    def take(self, placement: Placement, count: int = 1) -> None:
        """Take the room of orders at a place and count its asks into their class's price."""
        if not count:
            return
        order, _, row, span, later = placement
        node = int(self.columns.node_of_row[row])
        self.free[span.k0 : span.k1, :, node] -= count * self._amounts(order.requests)
        self._rising &= span.k0 == 0
        if order.company != ALONE:
            self.neighbours.add(row, order.company.groups, order.company.apart, count)
        if self.shares.is_any:
            self.shares.take(order, row, span, count)
        self.prices(order.eligibility).accept(row, span, order.cap_nano)
        if self._tried is not None:
            self._tried.append((placement, count))
        for part in later:
            self.take(part, count)

    @contextmanager
    def trial(self, classes: Iterable[Eligibility]) -> Iterator[None]:
        """Take places of some classes for a while: at the end all is as it was before.

        What is learnt of the room meanwhile would not hold afterwards, so the lanes are others.
        """
        kept = self._lanes, self._rising, dict(self._prices)
        self._lanes, self._tried = {}, []
        for wanted in classes:
            if wanted in self._prices:
                self._prices[wanted] = self._prices[wanted].copy()
        try:
            yield
        finally:
            for placement, count in self._tried:
                self._give_back(placement, count)
            self._lanes, self._rising, self._prices = kept
            self._tried = None

    def _give_back(self, placement: Placement, count: int) -> None:
        order, _, row, span, _ = placement
        node = int(self.columns.node_of_row[row])
        self.free[span.k0 : span.k1, :, node] += count * self._amounts(order.requests)
        if order.company != ALONE:
            self.neighbours.add(row, order.company.groups, order.company.apart, -count)
        if self.shares.is_any:
            self.shares.take(order, row, span, -count)

    def _amounts(self, requests: Resources) -> Ints:
        if requests not in self._needs:
            self._needs[requests] = np.array(requests, dtype=np.int64)
        return self._needs[requests]

    def start_over(self, placements: Iterable[Placement]) -> None:
        """Forget who is where, then take these places."""
        self.free = self._fresh()
        self._rising = _only_grows(self.free)
        self.neighbours.start_over()
        self.shares.start_over()
        self._prices.clear()
        self._lanes.clear()
        for placement in placements:
            self.take(placement)

    def prices(self, wanted: Eligibility) -> ClassPrices:
        """Give what has been accepted of a class."""
        if wanted not in self._prices:
            self._prices[wanted] = ClassPrices(self.columns, self.asks)
        return self._prices[wanted]

    def _lane(self, order: Order, window: Window, zone: int | None = None) -> Lane:
        wanted, burden = order.eligibility, order.burden
        key: tuple[object, ...] = (wanted, zone, window.first, window.length, window.forward)
        if burden is not NO_BURDEN:
            key = (*key, burden, self.base_draw(order))
        if key not in self._lanes:
            everything = window._replace(latest_end=self.axis.edges[-1])
            spans = [self.axis.span(start, end) for start, end in everything.terms()]
            if burden is NO_BURDEN:
                self._lanes[key] = Lane(self._merit(wanted, zone), self._quotes, spans)
            else:
                self._lanes[key] = self._laden_lane(order, spans, zone)
        return self._lanes[key]

    def _laden_lane(self, order: Order, spans: list[Span], zone: int | None) -> Lane:
        loaded, eligible = self.loaded(order.burden), self._in_zone(order.eligibility, zone)
        lasting = partial(self.lasting, order.eligibility)
        merit = LadenMerit(self.columns, self.tie_order, eligible, lasting, loaded)
        draw = self.base_draw(order)
        return Lane(merit, LadenQuotes(self._quotes, self.asks, loaded, merit, draw), spans)

    def loaded(self, burden: Burden) -> Loaded:
        """Give what a burden adds to each row."""
        if burden not in self._loaded:
            self._loaded[burden] = Loaded(self.columns, burden)
        return self._loaded[burden]

    def moving(self, placement: Placement) -> int:
        """Give what moving an order's data to its place costs, nano-euro."""
        burden = placement.order.burden
        return 0 if burden.data is None else self.loaded(burden).moving(placement.row)

    def eligible(self, wanted: Eligibility) -> Bools:
        """Give the rows that pass a class's tests of who and where."""
        if not is_signed(wanted.where):
            return self.columns.remembered(wanted, eligible_rows)
        if wanted not in self._signed:
            self._signed[wanted] = eligible_rows(self.columns, wanted, self.axis.now)
        return self._signed[wanted]

    def lasting(self, wanted: Eligibility, end: Instant) -> Bools | None:
        """Give the rows whose signatures last to the end of a term; None where none are asked."""
        if not is_signed(wanted.where):
            return None
        key = wanted, end
        if key not in self._lasting:
            when = When(self.axis.now, end)
            self._lasting[key] = rows_meeting(self.columns, of_text(wanted.where), when)
        return self._lasting[key]

    @property
    def tie_order(self) -> Ints:
        """Give all rows in tie order."""
        return self._ties.order(tuple(range(len(self.asks))))

    def narrowness(self, wanted: Eligibility) -> int:
        """Give how many rows a class may have."""
        return self._merit(wanted).count

    def tariffs(self, wanted: Eligibility) -> Bools:
        """Say of each tariff whether a class may have rows of it."""
        return np.asarray(self._merit(wanted).rows_of_tariff > 0)

    def _counted(self, wanted: Eligibility, zone: int | None, eligible: Bools) -> Ints:
        """Count a class's rows of each tariff; what is signed changes with time alone."""
        if not is_signed(wanted.where):
            return self.columns.counted((wanted, zone), eligible)
        tariffs = self.columns.tariffs
        return np.bincount(tariffs.codes[eligible], minlength=len(tariffs.values))

    def _in_zone(self, wanted: Eligibility, zone: int | None) -> Bools:
        eligible = self.eligible(wanted)
        return eligible if zone is None else eligible & (self.columns.zones.codes == zone)

    def _merit(self, wanted: Eligibility, zone: int | None = None) -> Merit:
        if (wanted, zone) not in self._merits:
            eligible = self._in_zone(wanted, zone)
            counts = self._counted(wanted, zone, eligible)
            lasting = partial(self.lasting, wanted)
            ranked = self._ties.order
            merit = Merit(self.columns, ranked, eligible, counts, lasting)
            self._merits[wanted, zone] = merit
        return self._merits[wanted, zone]


def _only_grows(free: Ints) -> bool:
    """Say whether each node has at least as much room in every slot as in the one before."""
    return bool((free[1:] >= free[:-1]).all())


class _Ties:
    """The order of rows of equal cost: least free cpu first, then memory, then the nodes' lots.

    The fullest first keeps whole nodes whole, for work that needs one. Only what is asked for is
    sorted: most batches see few of the tariffs.
    """

    def __init__(self, columns: Columns, free: Ints, seed: int) -> None:
        self._columns = columns
        self._cpu, self._memory = free[0, 0].copy(), free[0, 1].copy()
        self._drawn = lots(columns.keys, seed)
        self._known: dict[tuple[int, ...], Ints] = {}

    def order(self, tariffs: tuple[int, ...]) -> Ints:
        """Give the rows of these tariffs, in tie order."""
        if tariffs not in self._known:
            found = [self._columns.rows_of_tariff[tariff] for tariff in tariffs]
            rows = found[0] if len(found) == 1 else np.sort(np.concatenate([*found, _NO_ROWS]))
            node = self._columns.node_of_row[rows]
            keys = self._drawn[node], self._memory[node], self._cpu[node]
            self._known[tariffs] = rows[np.lexsort(keys)]
        return self._known[tariffs]


_NO_ROWS: Ints = np.empty(0, dtype=np.int64)


def _not_on(avoided: Ints, columns: Columns) -> RowTest:
    return lambda rows: ~np.isin(columns.node_of_row[rows], avoided)


def _both(own: list[RowTest | None] | None, prices: RowTest | None) -> RowTest | None:
    tests = [test for test in (*(own or ()), prices) if test is not None]
    if len(tests) < 2:
        return tests[0] if tests else None
    return lambda rows: np.logical_and.reduce([test(rows) for test in tests])
