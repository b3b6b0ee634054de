"""Drivers: orders that need places for Pods they will make, and the orders of those places.

Each place is an order of the driver's gang, on the driver's terms, with the size that is stated: so
the clearing, its replay and the optimum need to know nothing of drivers. Next: `gathering.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from busbar.market.burden import NO_BURDEN, NO_LUGGAGE
from busbar.market.company import ALONE, NO_RULES
from busbar.market.orders import Order
from busbar.model.dtu import Resources


def with_places(orders: Iterable[Order]) -> list[Order]:
    """Give orders, each driver with the orders of its places after it.

    A gang is the larger by all places of its drivers, so it is complete with them or not at all.
    """
    found = list(orders)
    more: Counter[str] = Counter()
    for order in found:
        if order.places is not None and order.gang is not None:
            more[order.gang.name] += order.places.number
    if not more:
        return found
    return [one for order in found for one in _with_own(_enlarged(order, more))]


def _enlarged(order: Order, more: Counter[str]) -> Order:
    gang = order.gang
    if gang is None or gang.name not in more:
        return order
    return replace(order, gang=gang._replace(size=gang.size + more[gang.name]))


def _with_own(order: Order) -> Iterator[Order]:
    yield order
    if order.places is not None:
        unit = bare(order, order.places.unit)
        for number in range(order.places.number):
            yield replace(unit, id=place_id(order.id, number))


def place_id(driver: str, number: int) -> str:
    """Give the id of the order of a place."""
    return f"{driver}.{number}"


def bare(driver: Order, unit: Resources) -> Order:
    """Give the order of a place: who and where, when and at which price are the driver's.

    What concerns the driver's own Pod is not: its data, its company, its labels.
    """
    return replace(
        driver,
        requests=unit,
        places=None,
        makers=(),
        labels=(),
        rules=NO_RULES,
        company=ALONE,
        luggage=NO_LUGGAGE,
        burden=NO_BURDEN,
    )
