"""The market as Prometheus sees it: what `busbar market` shows, from the published objects.

How many series there are is bounded: by zones, by the cheapest offers of a zone, by hours and the
cheapest prices of an hour; parts that are sold again come and go, and count as one offer. No
consumer is a label. Next: `../metrics.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from busbar.model.dtu import MICRO
from busbar.model.money import NANO_PER_EURO
from busbar.model.objects import status_of
from busbar.model.time import Instant
from busbar.model.wellknown import GROUP
from busbar.store.contract import Snapshot

Metrics = Iterator[Metric]
Json = dict[str, Any]
OFFERS_MAX = 100
"""The offers of a zone that have series of their own, cheapest first."""
LEVELS_MAX = 3
"""The prices of an hour ahead that have series of their own, cheapest first."""
RESOLD = "resale"
"""The label of all the parts of a vendor's nodes that somebody sells again, which are offers named
`resale-ID` and last for hours."""
_AMOUNTS = (
    ("nodes", "Nodes of an offer that are for sale now.", "nodes", 1),
    ("free_cpu_cores", "Cores that are free under an offer now.", "freeCpuMilli", 1000),
    ("free_memory_bytes", "Memory that is free under an offer now.", "freeMemoryBytes", 1),
    ("free_ephemeral_bytes", "Ephemeral storage that is free so.", "freeEphemeralBytes", 1),
)


def gauge(
    name: str,
    text: str,
    labels: tuple[str, ...],
    values: Iterable[tuple[tuple[Any, ...], float | None]],
) -> Metric:
    """Give a family; what has no value has no sample."""
    found = GaugeMetricFamily(name, text, labels=labels)
    for names, value in values:
        if value is not None:
            found.add_metric([str(n) for n in names], value)
    return found


def number(text: object) -> float | None:
    """Read an exact decimal; None where there is none."""
    return float(text) if isinstance(text, str) and text else None


def books(snapshot: Snapshot) -> Metrics:
    """Give what zones offer and ask for now, and their last price."""
    found = [status_of(book) for book in snapshot.list(GROUP, "books")]
    for name, text, field in (
        ("best_ask_euro_per_dtu", "Cheapest ask with or without room, now.", "bestAsk"),
        ("last_price_euro_per_dtu", "Price of the zone's latest clearing.", "lastPrice"),
        ("free_dtu_per_hour", "DTU per hour that are free now.", "freeDTU"),
    ):
        values = (((book.get("zone"),), number(book.get(field))) for book in found)
        yield gauge(f"busbar_book_{name}", text, ("zone",), values)
    yield from _asks([(book.get("zone"), _offers(book)) for book in found])
    bids = [((book.get("zone"),), book.get("bids") or []) for book in found]
    orders = ((zone, float(sum(bid["orders"] for bid in found))) for zone, found in bids)
    yield gauge("busbar_book_bids", "Orders waiting that a zone may serve.", ("zone",), orders)
    draws = ((zone, sum(number(bid.get("drawDTU")) or 0 for bid in found)) for zone, found in bids)
    text = "What they draw on reference nodes."
    yield gauge("busbar_book_bid_dtu_per_hour", text, ("zone",), draws)
    best = ((zone, number(found[0]["maxEuroPerDTU"]) if found else None) for zone, found in bids)
    text = "Highest cap of the orders waiting."
    yield gauge("busbar_book_best_bid_euro_per_dtu", text, ("zone",), best)


Offers = dict[tuple[str, str], list[Json]]


def _offers(book: Json) -> Offers:
    """Give the asks of a zone by vendor and offer, cheapest first; what is sold again is one."""
    found: Offers = {}
    for ask in book.get("asks") or ():
        resold = str(ask["offer"]).startswith(f"{RESOLD}-")
        key = str(ask["vendor"]), RESOLD if resold else str(ask["offer"])
        if key in found or len(found) < OFFERS_MAX:
            found.setdefault(key, []).append(ask)
    return found


def _asks(zones: list[tuple[Any, Offers]]) -> Metrics:
    labels = ("zone", "vendor", "offer")
    offers = [((zone, *key), asks) for zone, found in zones for key, asks in found.items()]
    prices = ((key, number(asks[0]["pricePerDTU"])) for key, asks in offers)
    yield gauge("busbar_book_ask_euro_per_dtu", "What an offer asks now.", labels, prices)
    free = ((key, sum(number(ask.get("freeDTU")) or 0 for ask in asks)) for key, asks in offers)
    text = "What is free under an offer now."
    yield gauge("busbar_book_ask_free_dtu_per_hour", text, labels, free)
    for name, text, field, unit in _AMOUNTS:
        sums = ((key, sum(int(ask.get(field) or 0) for ask in asks) / unit) for key, asks in offers)
        yield gauge(f"busbar_book_ask_{name}", text, labels, sums)
    gpus: dict[tuple[Any, ...], float] = {}
    for key, asks in offers:
        for one in (one for ask in asks for one in ask.get("gpus") or ()):
            gpus[*key, one["class"]] = gpus.get((*key, one["class"]), 0) + one["free"]
    text = "GPUs that are free under an offer now, by their class."
    yield gauge("busbar_book_ask_free_gpus", text, (*labels, "class"), gpus.items())


def curves(snapshot: Snapshot) -> Metrics:
    """Give what zones ask, and what is free, in the present hour and the next 48."""
    ahead = [
        ((status.get("zone"), str(hour)), slot)
        for status in map(status_of, snapshot.list(GROUP, "forwardcurves"))
        for hour, slot in enumerate(status.get("slots") or ())
    ]
    labels = ("zone", "hours_ahead")
    for name, text, field in (
        ("ask_euro_per_dtu", "Cheapest ask with room, hours ahead.", "bestAsk"),
        ("free_dtu_per_hour", "DTU per hour that are free, hours ahead.", "freeDTU"),
    ):
        found = ((place, number(slot.get(field))) for place, slot in ahead)
        yield gauge(f"busbar_forward_{name}", text, labels, found)
    levels = [
        ((*place, str(rank)), level)
        for place, slot in ahead
        for rank, level in enumerate((slot.get("levels") or ())[:LEVELS_MAX], 1)
    ]
    for name, text, field in (
        ("euro_per_dtu", "The cheapest prices with room, hours ahead.", "pricePerDTU"),
        ("free_dtu_per_hour", "DTU per hour that are free at such a price.", "freeDTU"),
    ):
        depth = ((place, number(level.get(field))) for place, level in levels)
        yield gauge(f"busbar_forward_level_{name}", text, (*labels, "level"), depth)


def hours(snapshot: Snapshot, hour: Instant) -> Metrics:
    """Give what the hour of delivery that begins at `hour` was traded at, so far."""
    found = [
        ((status.get("zone"),), row)
        for status in map(status_of, snapshot.list(GROUP, "pricehistories"))
        for row in status.get("rows") or ()
        if row["startMs"] == hour
    ]
    for name, text in (
        ("open", "First price of the present hour of delivery."),
        ("high", "Highest price of the present hour of delivery."),
        ("low", "Lowest price of the present hour of delivery."),
        ("close", "Latest price of the present hour of delivery."),
    ):
        prices = ((zone, row[f"{name}Nano"] / NANO_PER_EURO) for zone, row in found)
        yield gauge(f"busbar_hour_{name}_euro_per_dtu", text, ("zone",), prices)
    volumes = ((zone, row["volumeMicro"] / MICRO) for zone, row in found)
    yield gauge("busbar_hour_volume_dtu", "DTU sold for the present hour.", ("zone",), volumes)
    trades = ((zone, float(row["trades"])) for zone, row in found)
    yield gauge("busbar_hour_trades", "Contracts sold for the present hour.", ("zone",), trades)
