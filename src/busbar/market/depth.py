"""The published book: per zone what is offered and asked for now, and the last price.

It is a view for people and programs that look on; the clearing does not read it. Its shape is
`busbar.model.kinds.book.BookStatus`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from busbar.market.axis import make_axis
from busbar.market.book import Book
from busbar.market.eligibility import reference_draw
from busbar.market.offers import Supply
from busbar.market.orders import Order
from busbar.model.dtu import Resources, draw_micro, format_dtu
from busbar.model.money import format_euro
from busbar.model.time import Instant, format_instant


def zone_books(
    book: Book, waiting: Iterable[Order], last_prices: Mapping[str, int], now: Instant
) -> dict[str, dict[str, Any]]:
    """Give each zone's book: asks cheapest first, bids highest cap first, best ask, last price.

    `waiting` are the orders not matched, `last_prices` nano-euro per DTU of the latest clearing
    in which the zone had a price.
    """
    orders = list(waiting)
    rows: dict[str, list[tuple[Supply, Resources]]] = defaultdict(list)
    for row, free in zip(book.supplies, _free_now(book, now), strict=True):
        rows[row.zone].append((row, free))
    return {
        zone: _zone_book(book, zone, found, orders, last_prices.get(zone), now)
        for zone, found in sorted(rows.items())
    }


def _free_now(book: Book, now: Instant) -> list[Resources]:
    columns = book.columns
    free = book.free(make_axis((), now, now + 1))[0]
    return [Resources(*amounts) for amounts in free[:, columns.node_of_row].T.clip(0).tolist()]


def _zone_book(
    book: Book,
    zone: str,
    rows: list[tuple[Supply, Resources]],
    orders: list[Order],
    last_price: int | None,
    now: Instant,
) -> dict[str, Any]:
    asks = _asks(rows, now)
    free = {row.node: _dtu(free, row) for row, free in rows if _is_for_sale(row, now)}
    return {
        "zone": zone,
        "updated": format_instant(now),
        "asks": asks,
        "bids": _bids(book, [order for order in orders if _wants(order, zone)], now),
        "bestAsk": format_euro(asks[0]["priceNano"]) if asks else "",
        "lastPrice": "" if last_price is None else format_euro(last_price),
        "freeDTU": format_dtu(sum(free.values())),
    }


def _asks(rows: list[tuple[Supply, Resources]], now: Instant) -> list[dict[str, Any]]:
    """Give one ask an offer: its price now, how many nodes it has and what is free on them."""
    found: dict[tuple[int, str, str, int], list[tuple[Supply, Resources]]] = defaultdict(list)
    for row, free in rows:
        ask = row.calendar.ask_at(now)
        if ask is not None and _is_for_sale(row, now):
            found[ask, row.offer, row.vendor, row.offer_version].append((row, free))
    return [
        {
            "offer": offer,
            "vendor": vendor,
            "version": version,
            "priceNano": ask,
            "pricePerDTU": format_euro(ask),
            "nodes": len(entries),
            "freeCpuMilli": sum(free.cpu_milli for _, free in entries),
            "freeMemoryBytes": sum(free.memory_bytes for _, free in entries),
            "freeEphemeralBytes": sum(free.ephemeral_bytes for _, free in entries),
            **_gpus(entries),
            "freeDTU": format_dtu(sum(_dtu(free, row) for row, free in entries)),
        }
        for (ask, offer, vendor, version), entries in sorted(found.items())
    ]


def _gpus(entries: list[tuple[Supply, Resources]]) -> dict[str, Any]:
    """Give the GPUs of an offer by class: how many are free, what each draws; for most, nothing."""
    found: dict[tuple[str, int], int] = defaultdict(int)
    for row, free in entries:
        if row.gpu_weight_micro:
            found[row.gpu_class, row.gpu_weight_micro] += free.gpus
    gpus = [
        {"class": name, "free": free, "weightDTU": format_dtu(weight)}
        for (name, weight), free in sorted(found.items())
    ]
    return {"gpus": gpus} if gpus else {}


def _bids(book: Book, orders: Iterable[Order], now: Instant) -> list[dict[str, Any]]:
    """Give the waiting orders by cap: how many, and what they draw on a reference node."""
    found: dict[int, list[int]] = defaultdict(list)
    for order in orders:
        found[order.cap_nano].append(reference_draw(book.columns, order, now))
    return [
        {
            "capNano": cap,
            "maxEuroPerDTU": format_euro(cap),
            "orders": len(draws),
            "drawDTU": format_dtu(sum(draws)),
        }
        for cap, draws in sorted(found.items(), reverse=True)
    ]


def _wants(order: Order, zone: str) -> bool:
    return not order.eligibility.regions or zone in order.eligibility.regions


def _is_for_sale(row: Supply, now: Instant) -> bool:
    usable = row.ready and not row.cordoned and not row.paused
    return usable and row.calendar.ask_at(now) is not None


def _dtu(free: Resources, row: Supply) -> int:
    """Give what a node could still deliver, in micro-DTU per hour: its scarcer dimension.

    Or what its GPUs draw where that is more: they go with as little of the others as one asks for.
    """
    cpu = draw_micro(Resources(cpu_milli=free.cpu_milli), row.rating_micro)
    memory = draw_micro(Resources(memory_bytes=free.memory_bytes), row.rating_micro)
    scarcer = min(cpu, memory)
    if not scarcer or not row.gpu_weight_micro:
        return scarcer
    gpus = draw_micro(Resources(gpus=free.gpus), row.rating_micro, row.gpu_weight_micro)
    return max(scarcer, gpus)
