"""Held and not used: offered again, at the holder's ask, as parts of nodes in the same book.

A part is a row like any other: published, taken in merit order, at the uniform price, never below
its ask. There is one for each node of a Procurement: with the place and labels of the node, the
most that is left in any hour for room, a calendar that is open in the hours in which something is
left, and, where that is less than the most, a commitment of what is not for sale. So a batch knows
what is there hour by hour, and needs no row for each. Next: `matches.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from functools import reduce
from itertools import groupby
from typing import NamedTuple

from busbar.controllers.left import Left
from busbar.controllers.pools import NOTHING, PoolKey, is_leaving, larger, seller_of, term_of
from busbar.controllers.procurement.asks import PROCUREMENTS
from busbar.controllers.standing import Standing
from busbar.market.book import Book
from busbar.market.calendar import DAY_MINUTES, Calendar, Rule
from busbar.market.commitments import Commitment
from busbar.market.offers import Supply
from busbar.market.orders import Order
from busbar.market.restrictions import is_signed
from busbar.model.choosiness import NO_LIMIT
from busbar.model.dtu import Resources
from busbar.model.errors import InvalidField
from busbar.model.money import parse_euro
from busbar.model.objects import Object, metadata, name_of, namespace_of, spec_of
from busbar.model.time import DAY, HOUR, MINUTE, Instant, to_datetime
from busbar.store.contract import Snapshot


class Part(NamedTuple):
    """What is sold of a pool: its row, and what the sale rests on."""

    row: Supply
    node: str
    pool: str
    seller: str
    namespace: str
    held: tuple[Object, ...]
    procurement: Object
    taken: tuple[Commitment, ...] = ()
    """What of the row is not for sale in some of its hours."""

    def under(self, start: Instant, end: Instant) -> tuple[Object, ...]:
        """Give the contracts that hold, or are to hold, in some of [start, end), in time order."""
        terms = ((term_of(contract), contract) for contract in self.held)
        found = [(term, c) for term, c in terms if term[0] < end and start < term[1]]
        return tuple(c for _, c in sorted(found, key=lambda one: (one[0], name_of(one[1]))))


def parts(
    standing: Standing,
    snapshot: Snapshot,
    now: Instant,
    drawing: Mapping[str, Resources] | None = None,
) -> dict[str, Part]:
    """Give the parts on sale, by the names that they have in the book.

    `drawing` is what orders of the same batch draw, by pool.
    """
    if not standing.pools.are_there:
        return {}
    found = {}
    for procurement in snapshot.list(*PROCUREMENTS):
        ask = ask_of(procurement)
        if ask is not None:
            for part in _parts_of(standing, snapshot, procurement, ask, now, drawing or {}):
                found[part.row.node] = part
    return found


def ask_of(procurement: Object) -> int | None:
    """Give at what a Procurement sells what it does not use; None where it does not."""
    value = spec_of(procurement).get("sellAbove")
    try:
        return None if value is None else parse_euro(value, "spec.sellAbove")
    except InvalidField:
        return None


def _parts_of(
    standing: Standing,
    snapshot: Snapshot,
    procurement: Object,
    ask: int,
    now: Instant,
    drawing: Mapping[str, Resources],
) -> Iterator[Part]:
    namespace, name = namespace_of(procurement), name_of(procurement)
    for key in standing.pools.of(namespace):
        if key.procurement != name:
            continue
        held, rows = standing.pools.pool(key.id).held, standing.book.columns.rows_named(key.node)
        if not rows or is_leaving(snapshot, held) or _is_limited(standing, held):
            continue
        left = standing.pools.left_of(key.id, now)
        open_hours = for_sale(left, drawing.get(key.id, NOTHING))
        if open_hours:
            row = row_of(standing.book.supplies[rows[0]], key, procurement, ask, left, open_hours)
            taken = tuple(not_for_sale(row, left, open_hours))
            seller = seller_of(namespace)
            yield Part(row, key.node, key.id, seller, namespace, held, procurement, taken)


def _is_limited(standing: Standing, held: Iterable[Object]) -> bool:
    """Say whether the vendor minds how much one consumer has: it is not sold on past that."""
    return not standing.limited.isdisjoint(spec_of(contract)["offer"] for contract in held)


Hours = dict[int, Resources]
"""What is for sale, by the hour, 0 being the present one; hours without anything are left out."""


def for_sale(left: Left, drawing: Resources) -> Hours:
    """Give what is for sale: in hours in which there is something of all that a Pod needs."""
    found = {}
    for hour, room in enumerate(left.room):
        room = room.minus(drawing) if drawing != NOTHING else room
        if room.cpu_milli > 0 and room.memory_bytes > 0 and NOTHING.fits_in(room):
            found[hour] = room
    return found


def row_of(
    bare: Supply, key: PoolKey, procurement: Object, ask: int, left: Left, open_hours: Hours
) -> Supply:
    most = reduce(larger, open_hours.values())
    hours = (rule for stretch in _alike(left, open_hours) for rule in _hours(*stretch, ask))
    return replace(
        bare,
        node=f"part-{key.id}",
        offer=f"resale-{key.id}",
        offer_version=int(metadata(procurement).get("generation") or 1),
        calendar=Calendar(None, "UTC", (), tuple(hours)),
        capacity=most,
        paused=False,
        minimum_term_ms=0,
        limit=NO_LIMIT,
        gpu_class=bare.gpu_class if most.gpus else "",
        gpu_weight_micro=bare.gpu_weight_micro if most.gpus else 0,
    )


def not_for_sale(row: Supply, left: Left, open_hours: Hours) -> Iterator[Commitment]:
    """Give what of a part is not for sale in hours that have less than the most."""
    short = {hour: row.capacity.minus(room) for hour, room in open_hours.items()}
    short = {hour: lacking for hour, lacking in short.items() if lacking != NOTHING}
    for amount in dict.fromkeys(short.values()):
        same = {hour: amount for hour, lacking in short.items() if lacking == amount}
        for start, end in _alike(left, same):
            yield Commitment(row.node, amount, start, end)


def _alike(left: Left, hours: Iterable[int]) -> Iterator[tuple[Instant, Instant]]:
    """Give the stretches that hours, in time order, make together."""
    for _, run in groupby(enumerate(hours), lambda pair: pair[1] - pair[0]):
        stretch = [hour for _, hour in run]
        yield left.first + stretch[0] * HOUR, left.first + (stretch[-1] + 1) * HOUR


def _hours(start: Instant, end: Instant, ask: int) -> Iterator[Rule]:
    """Give hours that are on sale, a rule for each day that they touch."""
    for midnight in range(start - start % DAY, end, DAY):
        day: date = to_datetime(midnight).date()
        first, last = max(0, start - midnight) // MINUTE, (end - midnight) // MINUTE
        yield Rule(frozenset({day.toordinal()}), first, min(last, DAY_MINUTES), ask)


class Kept:
    """Keeps orders from parts that they may not have.

    One's own are not bought, for they may be drawn on; and only work whose place concerns nobody
    else is sold a part: neighbours are those of whole nodes.
    """

    def __init__(self, on_sale: Iterable[Part]) -> None:
        self._parts = tuple(on_sale)
        self._known: dict[tuple[str, frozenset[str]], frozenset[str]] = {}

    def kept(self, order: Order, *, has_fixed_term: bool) -> Order:
        """Keep an order from what it may not have: a fixed term is of whole nodes."""
        return self.from_all(order) if has_fixed_term else self.from_parts(order)

    def from_parts(self, order: Order) -> Order:
        """Keep an order from its namespace's own parts, or from all."""
        special = is_signed(order.eligibility.where) or order.burden.data is not None
        if special or order.dealings.declined or not order.is_free:
            return self.from_all(order)
        return self._kept(order, order.namespace)

    def from_all(self, order: Order) -> Order:
        """Keep an order from all parts."""
        return self._kept(order, "")

    def _kept(self, order: Order, namespace: str) -> Order:
        """Keep it from the parts of a namespace, "" for all; equal orders share what they avoid."""
        key = namespace, order.avoid
        if key not in self._known:
            names = {p.row.node for p in self._parts if namespace in ("", p.namespace)}
            self._known[key] = order.avoid | names
        avoid = self._known[key]
        return order if avoid == order.avoid else replace(order, avoid=avoid)


def with_parts(standing: Standing, book: Book, on_sale: dict[str, Part]) -> Book:
    """Give a batch's book with the parts on sale."""
    if not on_sale:
        standing.book_with(())
        return book
    found = [part for _, part in sorted(on_sale.items())]
    rows, taken = tuple(p.row for p in found), tuple(one for p in found for one in p.taken)
    return standing.book_with(rows, taken).among(book.companions)


def book_of(standing: Standing, snapshot: Snapshot, now: Instant) -> Book:
    """Give all that is for sale, parts included: for who shows it."""
    return with_parts(standing, standing.book, parts(standing, snapshot, now))
