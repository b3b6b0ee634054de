"""Mixed books for the market's benchmarks, made from a seed: nodes under offers, orders in counts.

Orders come as workloads do: some alone, some as many alike. Shape, term, cap and eligibility are
drawn for each workload; so many nodes' worth of orders that the cheap places are contested.
Next: `clearing.py`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

from busbar.market.book import Book
from busbar.market.burden import moving
from busbar.market.calendar import Calendar, Rule
from busbar.market.offers import Supply
from busbar.market.orders import Eligibility, Order
from busbar.market.podspec import Taint, Toleration
from busbar.model.dtu import REFERENCE_RATING, Resources, draw_micro
from busbar.model.time import HOUR, MINUTE, parse_instant

GIB = 1024**3
NOW = parse_instant("2027-03-10T11:20:00Z", "now")
EVERY_DAY = frozenset(range(7))
COUNTS = (1, 1, 1, 2, 2, 3, 5, 8, 20, 60)
"""How many orders a workload is: ten in the mean."""
TERMS = (None, None, None, 10 * MINUTE, 30 * MINUTE, 2 * HOUR, 6 * HOUR, 12 * HOUR)
DEDICATED = Taint("dedicated", "batch", "NoSchedule")


class Size(NamedTuple):
    """How large a market is."""

    nodes: int
    vendors: int = 60
    zones: int = 12


def make_book(size: Size, seed: int) -> Book:
    """Make a book: vendors with three tariffs each, cheaper at night, in one zone each."""
    return Book.build(make_supplies(size, seed))


def make_supplies(size: Size, seed: int) -> list[Supply]:
    """Make the rows of a book."""
    chance = random.Random(seed)
    tariffs = {
        (vendor, k): _tariff(chance.randint(20, 80) * 1_000_000)
        for vendor in range(size.vendors)
        for k in range(3)
    }
    return [_row(chance, i, size, tariffs) for i in range(size.nodes)]


def _row(
    chance: random.Random, number: int, size: Size, tariffs: dict[tuple[int, int], Calendar]
) -> Supply:
    vendor, k = chance.randrange(size.vendors), chance.randrange(3)
    cpus = chance.choice([8, 16, 32, 64, 96])
    gpus = chance.choice([0] * 19 + [4])
    return Supply(
        node=f"node-{number}",
        vendor=f"vendor-{vendor}",
        zone=f"zone-{vendor % size.zones}",
        offer=f"offer-{vendor}-{k}",
        offer_version=1,
        calendar=tariffs[vendor, k],
        capacity=Resources(cpus * 1000, cpus * 4 * GIB, gpus, cpus * 20 * GIB),
        rating_micro=chance.randint(500, 1500) * 1000,
        labels=(("disk", chance.choice(["ssd", "hdd"])),),
        taints=chance.choice([()] * 19 + [(DEDICATED,)]),
    )


def _tariff(price: int) -> Calendar:
    night = Rule(EVERY_DAY, 22 * 60, 6 * 60, price * 3 // 4)
    return Calendar(price, "Europe/Stockholm", (night,))


def make_orders(count: int, size: Size, seed: int) -> list[Order]:
    """Make so many orders, workload by workload, and shuffle them."""
    chance = random.Random(seed)
    found: list[Order] = []
    while len(found) < count:
        alike = min(chance.choice(COUNTS), count - len(found))
        found += _workload(chance, len(found), alike, size)
    chance.shuffle(found)
    return found


def _workload(chance: random.Random, first: int, count: int, size: Size) -> list[Order]:
    cpu = chance.choice([100, 250, 500, 750, 1000, 2000, 4000])
    memory = cpu * chance.choice([1, 2, 3, 4, 8]) * GIB // 1000
    gpus = chance.choice([0] * 49 + [1])
    # A tenth asks for disk, and some of it for much: told by a chance that others do not draw from.
    disk = random.Random(first).choice([0] * 9 + [cpu * 5]) * GIB // 1000
    requests = Resources(cpu, memory, gpus, disk * 8 if cpu > 1000 else disk)
    wanted, duration = _eligibility(chance, size), chance.choice(TERMS)
    cap = chance.choice([40, 60, 80, 100, 200]) * 1_000_000
    return [
        Order(f"order-{i}", "bench", f"pod-{i}", requests, cap, wanted, duration=duration)
        for i in range(first, first + count)
    ]


def _eligibility(chance: random.Random, size: Size) -> Eligibility:
    """Bind half of the workloads to zones, a fifth to vendors, a tenth to a label; few tolerate."""
    some = {f"zone-{chance.randrange(size.zones)}" for _ in range(chance.choice([1, 1, 2]))}
    half = tuple(sorted(f"vendor-{v}" for v in range(chance.randrange(2), size.vendors, 2)))
    return Eligibility(
        tuple(sorted(some)) if chance.random() < 0.5 else (),
        half if chance.random() < 0.2 else (),
        (("disk", "ssd"),) if chance.random() < 0.1 else (),
        (Toleration("dedicated", "Exists", "", ""),) if chance.random() < 0.1 else (),
    )


def demand_over_supply(book: Book, orders: Sequence[Order]) -> float:
    """Give what the orders draw together over what the nodes have."""
    wanted = sum(draw_micro(order.requests, REFERENCE_RATING) for order in orders)
    return wanted / sum(draw_micro(row.capacity, REFERENCE_RATING) for row in book.supplies)


def plain_loop(book: Book, orders: Sequence[Order]) -> dict[str, str]:
    """Give each order, highest cap and largest draw first, the cheapest node that fits."""
    rows = sorted(book.supplies, key=lambda row: (row.calendar.ask_at(NOW) or 0, row.node))
    asks = [row.calendar.ask_at(NOW) or 0 for row in rows]
    free = [row.capacity for row in rows]
    found = {}
    turns = sorted(orders, key=lambda o: (-o.cap_nano, -draw_micro(o.requests, REFERENCE_RATING)))
    for order in turns:
        for i, row in enumerate(rows):
            if asks[i] > order.cap_nano:
                break
            if may(order, row) and order.requests.fits_in(free[i]):
                free[i] = free[i].minus(order.requests)
                found[order.id] = row.node
                break
    return found


def may(order: Order, row: Supply) -> bool:
    """Say whether an order may go to a row: who, where, labels and taints."""
    wanted = order.eligibility
    return (
        (not wanted.regions or row.zone in wanted.regions)
        and (not wanted.vendors or row.vendor in wanted.vendors)
        and is_within_egress_cap(order, row)
        and set(wanted.selector) <= set(row.labels)
        and all(any(t.tolerates(taint) for t in wanted.tolerations) for taint in row.taints)
    )


def is_within_egress_cap(order: Order, row: Supply) -> bool:
    """Say whether moving its data to a row costs an order no more than it allows."""
    data, _, cap = order.burden
    return cap is None or moving(data, row.rates, row.zone, row.vendor) <= cap
