"""Books: what each zone offers and asks for, published. Next: `expiry.py`.

Written at most each second and only when something but the time changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from busbar.controllers.contract import Collection, Decision
from busbar.controllers.market.resale import book_of
from busbar.controllers.parts.published import publish
from busbar.controllers.settings import Settings
from busbar.controllers.standing import Standing
from busbar.market.depth import zone_books
from busbar.market.orders import Order
from busbar.model.money import parse_euro
from busbar.model.objects import Key, status_of
from busbar.model.time import Instant, slot_of
from busbar.model.wellknown import GROUP
from busbar.store.contract import Event, Snapshot

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
        book = book_of(standing, snapshot, now)
        statuses = zone_books(book, orders, _last_prices(snapshot), now)
        statuses.pop("", None)
        shown = {zone: _shortened(status) for zone, status in statuses.items()}
        done = publish(snapshot, BOOKS, "book", shown, now)
        return Decision(tuple(done), slot_of(now).end if statuses else None)


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
