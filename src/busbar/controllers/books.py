"""Books: what each zone offers and asks for, published. Next: `expiry.py`.

Written at most each second and only when something but the time changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from busbar.controllers.contract import Collection, Decision
from busbar.controllers.market.inputs import is_order, read_book, read_offers
from busbar.controllers.parts.writes import create, new_object, remove, update, with_status
from busbar.controllers.settings import Settings
from busbar.market.book import Book
from busbar.market.offers import Supply
from busbar.market.orders import Order, parse_order
from busbar.model.dtu import Resources, draw_micro
from busbar.model.ids import derived_uid
from busbar.model.money import format_euro
from busbar.model.objects import Key, Object, namespace_of, status_of
from busbar.model.time import Instant, format_instant, slot_of
from busbar.model.wellknown import GROUP
from busbar.store.contract import Event, Snapshot, Transaction

BOOKS: Collection = (GROUP, "books")
BOOKS_KEY = Key(*BOOKS, "", "all")
ROWS_MAX = 500
"""Rows of asks and bids that a Book shows; more would not be read."""


class BookController:
    """Publishes a Book for each zone."""

    name = "books"
    watches: tuple[Collection, ...] = (
        ("", "nodes"),
        ("", "pods"),
        (GROUP, "offers"),
        (GROUP, "contracts"),
        (GROUP, "clearings"),
    )

    def __init__(self, settings: Settings) -> None:
        self.coalesce_ms = settings.book_ms

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake all books under one key: they are made from one look at the market."""
        return (BOOKS_KEY,)

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Write the books that changed."""
        book = read_book(snapshot, read_offers(snapshot))
        zones = sorted({row.zone for row in book.supplies if row.zone})
        orders = _orders(snapshot)
        writes = [
            write
            for zone in zones
            if (write := _write(snapshot, zone, _status(snapshot, zone, book, orders, now), now))
        ]
        stale = [
            Transaction((remove(obj),))
            for obj in snapshot.list(*BOOKS)
            if status_of(obj).get("zone") not in zones
        ]
        return Decision((*writes, *stale), slot_of(now).end if zones else None)


def _orders(snapshot: Snapshot) -> list[Order]:
    found = []
    for pod in snapshot.list("", "pods"):
        if is_order(pod, snapshot):
            order = parse_order(pod, snapshot.get(Key("", "namespaces", "", namespace_of(pod))))
            found += [order] if isinstance(order, Order) else []
    return found


def _write(
    snapshot: Snapshot, zone: str, status: dict[str, Any], now: Instant
) -> Transaction | None:
    key = Key(*BOOKS, "", book_name(zone))
    known = snapshot.get(key)
    told = {**status, "updated": format_instant(now)}
    if known is None:
        fresh = new_object(key, derived_uid("book", zone, now), now)
        return Transaction((create({**fresh, "status": told}),))
    if {**status_of(known), "updated": ""} == {**status, "updated": ""}:
        return None
    return Transaction(update(known, with_status(known, **told)))


def book_name(zone: str) -> str:
    """Give the name of a zone's Book: its letters and digits in lower case."""
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in zone.lower())
    return plain.strip("-") or "zone"


def _status(
    snapshot: Snapshot, zone: str, book: Book, orders: list[Order], now: Instant
) -> dict[str, Any]:
    rows = [row for row in book.supplies if row.zone == zone]
    free = _free(rows, book)
    asks = [
        ask
        for offer in sorted({r.offer for r in rows} - {""})
        for ask in _ask(offer, rows, free, now)
    ]
    bids = [_bid(o) for o in orders if not o.eligibility.regions or zone in o.eligibility.regions]
    prices = [ask["priceNano"] for ask in asks if ask["freeCpuMilli"] > 0]
    ready = {row.node: row for row in rows if row.ready and not row.cordoned}
    dtu = sum(draw_micro(free[name], row.rating_micro) for name, row in ready.items())
    return {
        "zone": zone,
        "asks": asks[:ROWS_MAX],
        "bids": bids[:ROWS_MAX],
        "bestAsk": format_euro(min(prices)) if prices else "",
        "lastPrice": _last_price(snapshot, zone),
        "freeDTU": format_euro(dtu * 1_000),
    }


def _free(rows: list[Supply], book: Book) -> dict[str, Resources]:
    """Give what is free on each node: capacity less what open contracts take, never negative."""
    free = {row.node: row.capacity for row in rows}
    for taken in book.commitments:
        if taken.node in free:
            left = free[taken.node].minus(taken.resources)
            free[taken.node] = Resources(*(max(0, amount) for amount in left))
    return free


def _ask(
    offer: str, rows: list[Supply], free: dict[str, Resources], now: Instant
) -> list[dict[str, Any]]:
    own = [row for row in rows if row.offer == offer]
    ask = own[0].calendar.ask_at(now)
    if ask is None or own[0].paused:
        return []
    usable = [row.node for row in own if row.ready and not row.cordoned]
    return [
        {
            "offer": offer,
            "version": own[0].offer_version,
            "vendor": own[0].vendor,
            "price": format_euro(ask),
            "priceNano": ask,
            "nodes": len(usable),
            "freeCpuMilli": sum(free[node].cpu_milli for node in usable),
            "freeMemoryBytes": sum(free[node].memory_bytes for node in usable),
        }
    ]


def _bid(order: Order) -> dict[str, Any]:
    """Show what is asked for, not who asks: a book is public, a namespace is not."""
    return {
        "cap": format_euro(order.cap_nano),
        "cpuMilli": order.requests.cpu_milli,
        "memoryBytes": order.requests.memory_bytes,
        "mayWait": order.may_wait,
        "vendors": list(order.eligibility.vendors),
    }


def _last_price(snapshot: Snapshot, zone: str) -> str:
    known: Object | None = snapshot.get(Key(*BOOKS, "", book_name(zone)))
    last = str(status_of(known or {}).get("lastPrice", ""))
    for clearing in reversed(list(snapshot.list(GROUP, "clearings"))):
        price = (status_of(clearing).get("prices") or {}).get(zone)
        if price is not None:
            return str(price)
    return last
