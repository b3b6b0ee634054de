"""Held and not used: offered again, at the holder's ask, as parts of nodes in the same book.

A part is a row like any other: published, taken in merit order, at the uniform price, never below
its ask. It has the place and labels of its node, what is held of it and not given out for room, and
a calendar that ends with the hours that are held. Only hours that have begun to be held are sold:
nobody is sold what might still give way. Next: `matches.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import NamedTuple

from busbar.controllers.pools import NOTHING, Pool, PoolKey, is_leaving, seller_of, term_of, total
from busbar.controllers.procurement.asks import PROCUREMENTS
from busbar.controllers.standing import Standing
from busbar.market.book import Book
from busbar.market.calendar import DAY_MINUTES, Calendar, Rule
from busbar.market.offers import Supply
from busbar.market.orders import Order
from busbar.market.restrictions import is_signed
from busbar.model.choosiness import NO_LIMIT
from busbar.model.dtu import Resources
from busbar.model.errors import InvalidField
from busbar.model.money import parse_euro
from busbar.model.objects import Object, metadata, name_of, namespace_of, spec_of
from busbar.model.time import DAY, MINUTE, Instant, slot_of, to_datetime
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


def parts(
    standing: Standing,
    snapshot: Snapshot,
    now: Instant,
    drawing: Mapping[str, Resources] | None = None,
) -> dict[str, Part]:
    """Give the parts on sale, by the names that they have in the book.

    `drawing` is what orders of the same batch draw, by pool.
    """
    if not standing.has_pools:
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
    for key in standing.pools_of(namespace):
        if key.procurement != name:
            continue
        pool = standing.pool(key.id)
        rows = standing.book.columns.rows_named(key.node)
        end, room = longest(pool, now, drawing.get(key.id, NOTHING))
        if end is not None and rows:
            held = pool.held_through(now, end)
            if is_leaving(snapshot, held) or _is_limited(standing, held):
                continue
            bare = standing.book.supplies[rows[0]]
            row = _row(bare, key, procurement, ask, slot_of(now).start, end, room)
            yield Part(row, key.node, key.id, seller_of(namespace), namespace, held, procurement)


def _is_limited(standing: Standing, held: Iterable[Object]) -> bool:
    """Say whether the vendor minds how much one consumer has: it is not sold on past that."""
    return not standing.limited.isdisjoint(spec_of(contract)["offer"] for contract in held)


def longest(pool: Pool, now: Instant, drawing: Resources) -> tuple[Instant | None, Resources]:
    """Give the latest time until which there is room that is held and not given out, and it."""
    drawn = total(pool.drawn).plus(drawing)
    for end in sorted({term_of(c)[1] for c in pool.held_through(now, now + 1)}, reverse=True):
        room = pool.held_at(now, end).minus(drawn)
        if room.cpu_milli > 0 and room.memory_bytes > 0 and NOTHING.fits_in(room):
            return end, room
    return None, NOTHING


def _row(
    bare: Supply,
    key: PoolKey,
    procurement: Object,
    ask: int,
    start: Instant,
    end: Instant,
    room: Resources,
) -> Supply:
    return replace(
        bare,
        node=f"part-{key.id}",
        offer=f"resale-{key.id}",
        offer_version=int(metadata(procurement).get("generation") or 1),
        calendar=Calendar(None, "UTC", (), tuple(_hours(start, end, ask))),
        capacity=room,
        paused=False,
        minimum_term_ms=0,
        limit=NO_LIMIT,
        gpu_class=bare.gpu_class if room.gpus else "",
        gpu_weight_micro=bare.gpu_weight_micro if room.gpus else 0,
    )


def _hours(start: Instant, end: Instant, ask: int) -> Iterator[Rule]:
    """Give the hours that are on sale, a rule for each day that they touch."""
    for midnight in range(start - start % DAY, end, DAY):
        day: date = to_datetime(midnight).date()
        first, last = max(0, start - midnight) // MINUTE, (end - midnight) // MINUTE
        yield Rule(frozenset({day.toordinal()}), first, min(last, DAY_MINUTES), ask)


class Kept:
    """Keeps orders from parts that they may not have.

    One's own are not bought, for they may be drawn on; and only work that starts now, whose place
    concerns nobody else, is sold a part: neighbours are those of whole nodes.
    """

    def __init__(self, on_sale: Iterable[Part], now: Instant) -> None:
        self._parts, self._now = tuple(on_sale), now
        self._known: dict[tuple[str, frozenset[str]], frozenset[str]] = {}

    def kept(self, order: Order, *, has_fixed_term: bool) -> Order:
        """Keep an order from what it may not have: a fixed term is of whole nodes."""
        return self.from_all(order) if has_fixed_term else self.from_parts(order)

    def from_parts(self, order: Order) -> Order:
        """Keep an order from its namespace's own parts, or from all."""
        special = is_signed(order.eligibility.where) or order.burden.data is not None
        special = special or bool(order.dealings.declined) or order.split is not None
        if special or not order.is_free or order.may_wait or order.earliest > self._now:
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
        return book
    rows = tuple(part.row for _, part in sorted(on_sale.items()))
    return standing.book_with(rows).among(book.companions)
