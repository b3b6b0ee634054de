"""What a namespace's pools have room for, and why an order does not draw there.

One ladder serves both: who places orders takes the first pool without a hindrance, who asks why
is told the hindrance. Next: `draws.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from busbar.controllers.left import Left
from busbar.controllers.places import driver_of, driver_uid
from busbar.controllers.pools import NOTHING, Pool, PoolKey, is_leaving
from busbar.controllers.standing import Standing
from busbar.market.book import Book
from busbar.market.burden import tolls
from busbar.market.columns import Bools, Columns
from busbar.market.eligibility import static_tests
from busbar.market.orders import Eligibility, Order
from busbar.market.reasons import Reason
from busbar.market.restrictions import is_signed
from busbar.market.terms import Untimely, window_of
from busbar.model.dtu import Resources
from busbar.model.objects import Object, spec_of
from busbar.model.time import Instant, slot_of
from busbar.model.wellknown import NO_RESERVATION
from busbar.store.contract import Snapshot


class Hindrance(StrEnum):
    """Why an order does not draw on a pool. A closed list, in the order of the tests."""

    NO_RESERVATION = "NoReservation"
    PIECES = "Pieces"
    SIGNED = "Signed"
    COMPANY = "Company"
    NOT_IN_TIME = "NotInTime"
    FIXED_TERM = "FixedTerm"
    OTHER_NAMED = "OtherNamed"
    OTHER_DRIVER = "OtherDriver"
    NOTHING_HELD = "NothingHeld"
    LEAVING = "Leaving"
    DRIVER_ENDED = "DriverEnded"
    DECLINED = "Declined"
    NOT_THERE = "NotThere"
    DATA_COSTS = "DataCosts"
    NO_ROOM = "NoRoom"
    SOLD_AGAIN = "SoldAgain"


CLAUSES: dict[Hindrance, str] = {
    Hindrance.NO_RESERVATION: "its reservation is none, so it buys in the market",
    Hindrance.PIECES: "it runs in pieces, whose hours are bought in the market",
    Hindrance.SIGNED: "it asks for signed attributes, and such orders buy in the market",
    Hindrance.COMPANY: "it is of a gang or keeps company, and such orders buy in the market",
    Hindrance.NOT_IN_TIME: "it cannot run now and end by its notAfter",
    Hindrance.FIXED_TERM: "it asks for a fixed term, which is bought in the market",
    Hindrance.OTHER_NAMED: "it names another reservation",
    Hindrance.OTHER_DRIVER: "it is kept for the Pods that its driver makes, or that name it",
    Hindrance.NOTHING_HELD: "nothing is held in this hour",
    Hindrance.LEAVING: "the vendor takes that capacity back",
    Hindrance.DRIVER_ENDED: "the driver that it is kept for has ended",
    Hindrance.DECLINED: "the vendor declines it",
    Hindrance.NOT_THERE: "it may not run there (restrictions, selectors, taints, nodes avoided)",
    Hindrance.DATA_COSTS: "moving its data there costs something, which has to be bought",
    Hindrance.NO_ROOM: "it asks for more than is held there and not in use",
    Hindrance.SOLD_AGAIN: "an hour that it is expected to run into is sold to others",
}


def unfit(order: Order, start: Instant) -> Hindrance | None:
    """Give why an order draws on no pool at all, whatever is held."""
    if order.reservation == NO_RESERVATION:
        return Hindrance.NO_RESERVATION
    if order.split is not None:
        return Hindrance.PIECES
    if is_signed(order.eligibility.where):
        return Hindrance.SIGNED
    if not order.is_free:
        return Hindrance.COMPANY
    if order.earliest > start or isinstance(window_of(order, start), Untimely):
        return Hindrance.NOT_IN_TIME
    return None


class Hindered(NamedTuple):
    """A pool that an order does not draw on, why, and what is left there."""

    key: PoolKey
    why: Hindrance
    left: Resources


class HeldRoom:
    """What is left of a namespace's pools as its orders draw on them.

    At `start`, which is now where nobody says; for a later one, what is reserved counts as held.
    """

    def __init__(
        self,
        standing: Standing,
        snapshot: Snapshot,
        namespace: str,
        now: Instant,
        start: Instant | None = None,
    ) -> None:
        self.start = now if start is None else start
        self.pools: dict[PoolKey, tuple[tuple[Object, ...], Resources]] = {}
        """The contracts that hold the room, and what of it is left."""
        self.closed: dict[PoolKey, Hindrance] = {}
        self._left: dict[PoolKey, Left] = {}
        """What is left in later hours."""
        self._taken: dict[PoolKey, Resources] = {}
        """What was taken since it was worked out."""
        self._offers: dict[PoolKey, set[str]] = {}
        self._drivers: dict[PoolKey, tuple[str, str | None]] = {}
        """Of the places of drivers: whose they are, by uid and name."""
        for key in standing.pools.of(namespace):
            pool = standing.pools.pool(key.id)
            self._offers[key] = {spec_of(contract)["offer"] for contract in pool.held}
            driver = next((spec_of(c)["order"] for c in pool.held if driver_uid(c)), None)
            if driver is not None:
                self._drivers[key] = driver["driverUid"], driver["driver"]
            there, room = self._there(pool, now)
            if is_leaving(snapshot, there):
                self.closed[key] = Hindrance.LEAVING
            elif driver is not None and driver_of(snapshot, pool.held[0]) is None:
                self.closed[key] = Hindrance.DRIVER_ENDED
            elif not there:
                self.closed[key] = Hindrance.NOTHING_HELD
            else:
                self.pools[key] = there, room
                self._left[key] = standing.pools.left_of(key.id, now)

    def _there(self, pool: Pool, now: Instant) -> tuple[tuple[Object, ...], Resources]:
        """Give the contracts that hold room at the start, and what of it is left."""
        if self.start <= now:
            return pool.held_through(now, now + 1), pool.room(now)
        start, end = self.start, slot_of(self.start).end
        return pool.promised_through(start, end), pool.left(start, end)

    def take(self, book: Book, order: Order) -> PoolKey | None:
        """Place an order in the fullest pool that it fits in; None where there is none.

        Those of its own driver come first: others may be wanted by other Pods.
        """

        def preference(item: tuple[PoolKey, tuple[tuple[Object, ...], Resources]]) -> Any:
            key, (_, room) = item
            return self._drivers.get(key, NOBODY)[0] not in order.makers, room, key

        for key, (there, room) in sorted(self.pools.items(), key=preference):
            if self._hindrance(book, order, key, room) is None:
                self.pools[key] = there, room.minus(order.requests)
                self._taken[key] = order.requests.plus(self._taken.get(key, NOTHING))
                return key
        return None

    def hindered(self, book: Book, order: Order) -> Iterator[Hindered]:
        """Say of each pool why an order does not draw there; nothing of those where it could."""
        general = unfit(order, self.start)
        for key in sorted((*self.pools, *self.closed)):
            _, left = self.pools.get(key, (None, NOTHING))
            why = general or self.closed.get(key) or self._hindrance(book, order, key, left)
            if why is not None:
                yield Hindered(key, why, left)

    def _hindrance(
        self, book: Book, order: Order, key: PoolKey, room: Resources
    ) -> Hindrance | None:
        """Give the first thing that keeps an order from a pool."""
        uid, name = self._drivers.get(key, NOBODY)
        if order.reservation not in (None, key.procurement, name):
            return Hindrance.OTHER_NAMED
        if uid and order.reservation is None and uid not in order.makers:
            return Hindrance.OTHER_DRIVER
        if self._offers[key].intersection(order.dealings.declined):
            return Hindrance.DECLINED
        if not _may_run(book, order, key.node):
            return Hindrance.NOT_THERE
        if not _is_moved_free(book, order, key.node):
            return Hindrance.DATA_COSTS
        if not order.requests.fits_in(room):
            return Hindrance.NO_ROOM
        return Hindrance.SOLD_AGAIN if self._is_sold(order, key) else None

    def _is_sold(self, order: Order, key: PoolKey) -> bool:
        """Say whether others have bought an hour of the room that the order expects to need."""
        window, left = window_of(order, self.start), self._left.get(key)
        if left is None or not left.sold or isinstance(window, Untimely):
            return False
        needs = order.requests.plus(self._taken.get(key, NOTHING))
        return left.is_sold_before(needs, self.start, self.start + window.length)


NOBODY: tuple[str, str | None] = ("", None)
"""Whose the places are that a Procurement of no driver keeps."""


def _may_run(book: Book, order: Order, node: str) -> bool:
    """Say whether an order may run on a node, whatever is offered there now."""
    if node in order.avoid:
        return False
    fits = book.columns.remembered(("draws", order.eligibility), _eligible)
    return any(fits[row] for row in book.columns.rows_named(node))


def _is_moved_free(book: Book, order: Order, node: str) -> bool:
    """Say whether the order's data moves to a node for nothing: what costs needs a price."""
    if order.burden.data is None:
        return True
    region, keeper, *_ = order.burden.data
    rows = [book.supplies[row] for row in book.columns.rows_named(node)]
    asked = [tolls(region, keeper, row.rates, row.zone, row.vendor) for row in rows]
    return not any(toll.read_nano or toll.write_nano for toll in asked)


def _eligible(columns: Columns, wanted: tuple[str, Eligibility]) -> Bools:
    """Give the rows that pass the tests of who and where, those of what is for sale aside.

    No time takes part: what must be signed, and may expire, is bought in the market.
    """
    offered = (Reason.NOT_OFFERED, Reason.OFFER_UNAVAILABLE)
    tests = [test for reason, test in static_tests(columns, wanted[1], 0) if reason not in offered]
    found = tests[0]
    for test in tests[1:]:
        found = found & test
    return found
