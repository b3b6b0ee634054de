"""Pods that draw on capacity their namespace holds: placed there before the batch is cleared.

It is paid already, so it comes first: an order draws where it may run and where all that draw fit,
unless it says otherwise (`busbar.dev/reservation`: a Procurement's name, or "none"). Nobody
competes for it, so no clearing takes part. Orders in company buy in the market (docs/market.md).
Next: `coverage.py`, what follows after the present hour.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from busbar.controllers.pools import Pool, PoolKey, is_leaving
from busbar.controllers.standing import Standing
from busbar.market.book import Book
from busbar.market.burden import tolls
from busbar.market.calendar import Segment
from busbar.market.columns import Bools, Columns
from busbar.market.eligibility import static_tests
from busbar.market.orders import Eligibility, Order
from busbar.market.outcome import Match
from busbar.market.reasons import Reason
from busbar.market.restrictions import is_signed
from busbar.market.terms import Untimely, window_of
from busbar.model.dtu import Resources, draw_micro
from busbar.model.objects import Object, spec_of
from busbar.model.time import Instant, slot_of
from busbar.model.wellknown import NO_RESERVATION
from busbar.store.contract import Snapshot


class Draw(NamedTuple):
    """An order and the pool that it draws on; `match` says where, for the present hour."""

    match: Match
    key: PoolKey
    rests_on: tuple[Object, ...]
    """The contracts that hold the room."""


def draws(
    standing: Standing, snapshot: Snapshot, book: Book, orders: list[Order], now: Instant
) -> list[Draw]:
    """Give the orders that draw on a pool, the first submitted first."""
    found: list[Draw] = []
    if not standing.has_pools:
        return found
    pools: dict[str, _Open] = {}
    for order in sorted(orders, key=lambda order: (order.submitted, order.id)):
        if order.namespace not in pools:
            pools[order.namespace] = _Open(standing, snapshot, order.namespace, now)
        there = pools[order.namespace]
        if there.pools and order.reservation != NO_RESERVATION and _is_plain(order, now):
            found += there.take(book, order)
    return found


def _is_plain(order: Order, now: Instant) -> bool:
    starts_now = order.earliest <= now and not isinstance(window_of(order, now), Untimely)
    is_whole = order.is_free and order.split is None
    return starts_now and is_whole and not is_signed(order.eligibility.where)


class _Open:
    """What is left of a namespace's pools as its orders draw on them."""

    def __init__(
        self, standing: Standing, snapshot: Snapshot, namespace: str, now: Instant
    ) -> None:
        self._now = now
        self.pools: dict[PoolKey, tuple[Pool, Resources]] = {}
        self._offers: dict[PoolKey, set[str]] = {}
        for key in standing.pools_of(namespace):
            pool = standing.pool(key.id)
            offers = {spec_of(contract)["offer"] for contract in pool.held}
            self._offers[key] = offers
            if is_leaving(snapshot, pool.held_through(now, now + 1)):
                continue
            room = pool.room(now)
            if room.cpu_milli > 0 and room.memory_bytes > 0:
                self.pools[key] = pool, room

    def take(self, book: Book, order: Order) -> Iterator[Draw]:
        """Place an order in the fullest pool that it fits in; nothing where there is none."""
        for key, (pool, room) in sorted(self.pools.items(), key=lambda item: (item[1][1], item[0])):
            wanted = order.reservation in (None, key.procurement)
            declined = self._offers[key].intersection(order.dealings.declined)
            fits = wanted and not declined and order.requests.fits_in(room)
            if fits and _may_run(book, order, key.node) and _is_moved_free(book, order, key.node):
                self.pools[key] = pool, room.minus(order.requests)
                yield self._draw(book, order, key, pool)
                return

    def _draw(self, book: Book, order: Order, key: PoolKey, pool: Pool) -> Draw:
        end = slot_of(self._now).end
        end = end if order.deadline is None else min(end, order.deadline)
        there = pool.held_through(self._now, self._now + 1)
        first = spec_of(there[0])
        (row, *_) = book.columns.rows_named(key.node)
        match = Match(
            order.id,
            order.namespace,
            key.node,
            first["vendor"],
            first["zone"],
            first["offer"],
            first["offerVersion"],
            draw_micro(order.requests, book.supplies[row].rating_micro),
            0,
            0,
            (Segment(self._now, end, 0),),
        )
        return Draw(match, key, there)


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
