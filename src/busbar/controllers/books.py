"""Books: what each zone offers and asks for, published. Next: `expiry.py`.

Written at most each second and only when something but the time changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from busbar.controllers.contract import Collection, Decision
from busbar.controllers.parts.writes import create, new_object, remove, update, with_status
from busbar.controllers.settings import Settings
from busbar.controllers.standing import Standing
from busbar.market.depth import zone_books
from busbar.market.orders import Order
from busbar.model.ids import derived_uid
from busbar.model.money import parse_euro
from busbar.model.objects import Key, status_of
from busbar.model.time import Instant, slot_of
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

    def __init__(self, settings: Settings, standing: Standing) -> None:
        self._standing = standing
        self.coalesce_ms = settings.book_ms

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake all books under one key: they are made from one look at the market."""
        return (BOOKS_KEY,)

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Write the books that changed."""
        standing = self._standing.at(snapshot)
        orders = (order for _, order in standing.waiting() if isinstance(order, Order))
        statuses = zone_books(standing.book, orders, _last_prices(snapshot), now)
        statuses.pop("", None)
        writes = [
            write
            for zone, status in statuses.items()
            if (write := _write(snapshot, zone, _shortened(status), now))
        ]
        stale = [
            Transaction((remove(obj),))
            for obj in snapshot.list(*BOOKS)
            if status_of(obj).get("zone") not in statuses
        ]
        return Decision((*writes, *stale), slot_of(now).end if statuses else None)


def _shortened(status: dict[str, Any]) -> dict[str, Any]:
    return {**status, "asks": status["asks"][:ROWS_MAX], "bids": status["bids"][:ROWS_MAX]}


def _last_prices(snapshot: Snapshot) -> dict[str, int]:
    """Give each zone's latest price: of a clearing, else as its Book has it."""
    found: dict[str, str] = {}
    for book in snapshot.list(*BOOKS):
        found[str(status_of(book).get("zone"))] = str(status_of(book).get("lastPrice") or "")
    for clearing in snapshot.list(GROUP, "clearings"):
        found |= status_of(clearing).get("prices") or {}
    return {zone: parse_euro(price, "lastPrice") for zone, price in found.items() if price}


def _write(
    snapshot: Snapshot, zone: str, status: dict[str, Any], now: Instant
) -> Transaction | None:
    key = Key(*BOOKS, "", book_name(zone))
    known = snapshot.get(key)
    if known is None:
        fresh = new_object(key, derived_uid("book", zone, now), now)
        return Transaction((create({**fresh, "status": status}),))
    if {**status_of(known), "updated": ""} == {**status, "updated": ""}:
        return None
    return Transaction(update(known, with_status(known, **status)))


def book_name(zone: str) -> str:
    """Give the name of a zone's Book: its letters and digits in lower case."""
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in zone.lower())
    return plain.strip("-") or "zone"
