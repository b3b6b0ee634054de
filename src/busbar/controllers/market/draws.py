"""Pods that draw on capacity their namespace holds: placed there before the batch is cleared.

It is paid already, so it comes first: an order draws where it may run and where all that draw fit,
unless it says otherwise (`busbar.dev/reservation`: a Procurement's name, or "none"). Nobody
competes for it, so no clearing takes part. Orders in company buy in the market (docs/market.md).
Next: `coverage.py`, what follows after the present hour.
"""

from __future__ import annotations

from typing import NamedTuple

from busbar.controllers.market.heldroom import HeldRoom, unfit
from busbar.controllers.pools import PoolKey, term_of
from busbar.controllers.standing import Standing
from busbar.market.book import Book
from busbar.market.calendar import Segment
from busbar.market.orders import Order
from busbar.market.outcome import Match
from busbar.model.dtu import draw_micro
from busbar.model.objects import Object, spec_of
from busbar.model.time import Instant, slot_of
from busbar.store.contract import Snapshot


class Draw(NamedTuple):
    """An order and the pool that it draws on; `match` says where, for the hour it starts in."""

    match: Match
    key: PoolKey
    rests_on: tuple[Object, ...]
    """The contracts that hold the room."""


def draws(
    standing: Standing,
    snapshot: Snapshot,
    book: Book,
    orders: list[Order],
    now: Instant,
    start: Instant | None = None,
) -> list[Draw]:
    """Give the orders that draw on a pool, the first submitted first.

    `start` is for who asks what would be: orders that start then, in what is to be held then.
    """
    found: list[Draw] = []
    if not standing.pools.are_there:
        return found
    rooms: dict[str, HeldRoom] = {}
    for order in sorted(orders, key=lambda order: (order.submitted, order.id)):
        if order.namespace not in rooms:
            rooms[order.namespace] = HeldRoom(standing, snapshot, order.namespace, now, start)
        room = rooms[order.namespace]
        if room.pools and unfit(order, room.start) is None:
            key = room.take(book, order)
            if key is not None:
                there, _ = room.pools[key]
                found.append(_draw(book, order, key, there, room.start))
    return found


def _draw(
    book: Book, order: Order, key: PoolKey, there: tuple[Object, ...], start: Instant
) -> Draw:
    # A driver's place may end inside an hour, and goes on from there.
    end = min(slot_of(start).end, *(term_of(c)[1] for c in there))
    end = end if order.deadline is None else min(end, order.deadline)
    first = spec_of(there[0])
    (row, *_) = book.columns.rows_named(key.node)
    on = book.supplies[row]
    match = Match(
        order.id,
        order.namespace,
        key.node,
        first["vendor"],
        first["zone"],
        first["offer"],
        first["offerVersion"],
        draw_micro(order.requests, on.rating_micro, on.gpu_weight_micro),
        0,
        0,
        (Segment(start, end, 0),),
    )
    return Draw(match, key, there)
