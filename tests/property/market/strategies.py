"""Small markets for Hypothesis: few nodes, few prices, so that ties and shortages are common."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import strategies as st

from busbar.market.attested import Attested
from busbar.market.book import Book
from busbar.market.burden import (
    FREE,
    NO_BURDEN,
    Burden,
    Data,
    Delay,
    Lost,
    Rates,
    Relations,
)
from busbar.market.calendar import Calendar, Rule
from busbar.market.commitments import Commitment
from busbar.market.company import ALONE, Companion, Company
from busbar.market.dealings import Dealings, Holding
from busbar.market.drivers import with_places
from busbar.market.offers import NOT_OFFERED, Supply
from busbar.market.orders import Eligibility, Order, Split
from busbar.market.podspec import Taint, Toleration
from busbar.model.choosiness import NO_LIMIT, Limit
from busbar.model.dtu import Resources
from busbar.model.expressions import read_expression, to_text
from busbar.model.gangs import Gang
from busbar.model.places import Places
from busbar.model.time import HOUR, MINUTE, parse_instant

GIB = 1024**3
NOW = parse_instant("2027-10-31T00:20:00Z", "now")
"""Shortly before Europe puts its clocks back."""

ZONES = ("Sweden", "Germany")
VENDORS = ("elastx", "safespring", "hansecloud")
GPU_WEIGHTS = (500_000, 8_000_000, 39_000_001)
PRICES = tuple(n * 10_000_000 for n in (0, 1, 2, 3, 5))
EVERY_DAY = frozenset(range(7))

resources = st.builds(
    Resources,
    st.sampled_from([250, 500, 1000, 2000]),
    st.sampled_from([GIB // 2, GIB, 2 * GIB, 4 * GIB, 8 * GIB]),
    st.sampled_from([0, 0, 0, 1]),
    st.sampled_from([0, 0, GIB, 4 * GIB, 10 * GIB]),
)
minutes = st.sampled_from([0, 90, 150, 210, 750, 1320])


@st.composite
def rules(draw):
    start, end = draw(minutes), draw(minutes)
    days = draw(st.sampled_from([EVERY_DAY, frozenset({5, 6}), frozenset({6})]))
    price = draw(st.sampled_from([*PRICES, None]))
    return Rule(days, start, end if end != start else end + 60, price)


calendars = st.builds(
    Calendar,
    st.sampled_from(PRICES),
    st.sampled_from(["UTC", "Europe/Stockholm", "Asia/Kolkata"]),
    st.lists(rules(), max_size=2).map(tuple),
)


stated = st.sampled_from(
    [(), (), (("busbar.dev/isolation", "microvm"),), (("cert", "A,B"), ("gen", "10"))]
)
signed = st.sets(
    st.builds(
        Attested,
        st.sampled_from(["cert", "gen"]),
        st.sampled_from(["A", "3"]),
        st.sampled_from(["x", "y"]),
        st.sampled_from([0, NOW, NOW + HOUR]),
        st.sampled_from([NOW, NOW + 50 * MINUTE, NOW + 90 * MINUTE, NOW + 90 * HOUR]),
    ),
    max_size=3,
).map(lambda some: tuple(sorted(some)))
conditions = st.sampled_from(
    [
        {"cert": "A"},
        {"cert": ["B", "C"]},
        {"disk": "ssd"},
        {"node": ["n0", "n2"]},
        {"attribute": "cert", "exists": True},
        {"attribute": "gen", "above": 3},
        {"attribute": "gen", "atMost": "3.0"},
        {"attribute": "gen", "atLeast": "9", "as": "version"},
        {"attribute": "isolation", "below": "machine"},
        {"cert": "A", "signedBy": "x"},
        {"cert": ["A", "B"], "signedBy": {"allOf": ["x", "y"]}},
        {"attribute": "gen", "atLeast": 3, "signedBy": ["x", "y"]},
    ]
)
expressions = st.recursive(
    conditions,
    lambda inner: st.one_of(
        inner.map(lambda one: {"not": one}),
        st.lists(inner, min_size=1, max_size=3).map(lambda some: {"allOf": some}),
        st.lists(inner, min_size=1, max_size=3).map(lambda some: {"anyOf": some}),
    ),
    max_leaves=4,
)
wheres = st.one_of(
    st.just(""), st.just(""), expressions.map(lambda e: to_text(read_expression(e, "where")))
)


@st.composite
def supplies(draw):
    found = []
    some_calendars = draw(st.lists(calendars, min_size=1, max_size=3))
    for i in range(draw(st.integers(0, 5))):
        node = {
            "node": f"n{i}",
            "vendor": draw(st.sampled_from(VENDORS)),
            "zone": draw(st.sampled_from(ZONES)),
            "capacity": draw(
                st.builds(
                    Resources,
                    st.sampled_from([1000, 2000, 4000]),
                    st.sampled_from([4 * GIB, 8 * GIB]),
                    st.sampled_from([0, 1]),
                    st.sampled_from([0, 5 * GIB, 20 * GIB]),
                )
            ),
            "rating_micro": draw(st.sampled_from([500_000, 1_000_000, 1_300_000])),
            "gpu_weight_micro": draw(st.sampled_from([0, *GPU_WEIGHTS])),
            "labels": draw(st.sampled_from([(), (("disk", "ssd"),), (("gen", "3"),)])),
            "taints": draw(st.sampled_from([(), (), (), (Taint("gpu", "", "NoSchedule"),)])),
            "ready": draw(st.sampled_from([True, True, True, False])),
            "cordoned": draw(st.sampled_from([False, False, False, True])),
        }
        offers = draw(st.integers(0, 2))
        if not offers:
            found.append(Supply(offer="", offer_version=0, calendar=NOT_OFFERED, **node))
        for k in range(offers):
            calendar = draw(st.sampled_from(some_calendars))
            terms = {
                "offer": f"{node['vendor']}-{some_calendars.index(calendar)}-{k}",
                "offer_version": 1,
                "calendar": calendar,
                "attributes": draw(stated),
                "attested": draw(signed),
                "paused": draw(st.sampled_from([False, False, False, True])),
                "minimum_term_ms": draw(st.sampled_from([0, 0, 0, 45 * MINUTE])),
            }
            found.append(Supply(**node, **terms))
    return found


@st.composite
def commitments(draw):
    start = draw(st.sampled_from([0, NOW, NOW + HOUR, NOW + 3 * HOUR]))
    end = draw(st.sampled_from([None, start + HOUR, start + 90 * MINUTE]))
    # More disk than some nodes have: their vendors have made them smaller since.
    resources = Resources(500, GIB, 0, draw(st.sampled_from([0, 3 * GIB, 7 * GIB])))
    return Commitment(f"n{draw(st.integers(0, 5))}", resources, start, end)


AVOIDED = (frozenset({"n0"}), frozenset({"n0", "disk=ssd"}), frozenset({"disk=hdd"}))
_AVOIDABLE = [*(f"n{i}" for i in range(6)), "disk=ssd"]

eligibilities = st.builds(
    Eligibility,
    st.sampled_from([(), (), (), ("Sweden",), ("Germany", "Sweden"), ("Norway",)]),
    st.sampled_from([(), (), (), ("elastx",), ("elastx", "safespring"), ("elastxx",)]),
    st.sampled_from([(), (), (), (("disk", "ssd"),)]),
    st.sampled_from([(), (), (Toleration("gpu", "Exists", "", ""),)]),
    wheres,
)


@st.composite
def orders(draw, number):
    return Order(
        id=f"order-{number}",
        namespace=draw(st.sampled_from(["alpha", "beta"])),
        name=f"pod-{number}",
        requests=draw(resources),
        cap_nano=draw(st.sampled_from(PRICES)),
        eligibility=draw(eligibilities),
        earliest=draw(st.sampled_from([0, 0, 0, NOW + 2 * HOUR])),
        deadline=draw(st.sampled_from([None, None, NOW - 1, NOW + 40 * MINUTE, NOW + 5 * HOUR])),
        duration=draw(st.sampled_from([None, None, 30 * MINUTE, 100 * MINUTE])),
        may_wait=draw(st.sampled_from([False, False, True])),
        avoid=draw(st.sampled_from([frozenset(), frozenset(), *AVOIDED])),
    )


groups = st.sampled_from(["g1", "g2"])
topologies = st.sampled_from(["node", "region"])
some_groups = st.sets(groups, max_size=2).map(lambda found: tuple(sorted(found)))
near = st.sets(st.tuples(topologies, groups), max_size=1).map(lambda found: tuple(sorted(found)))
spreads = st.lists(
    st.tuples(topologies, groups, st.integers(1, 2), st.integers(1, 3)), max_size=1
).map(tuple)
companies = st.one_of(
    st.just(ALONE), st.just(ALONE), st.builds(Company, some_groups, near, near, spreads)
)
companions = st.lists(
    st.builds(Companion, st.sampled_from(["n0", "n1", "n2", "n9"]), some_groups, near), max_size=3
)


@st.composite
def sociable_markets(draw):
    """Make markets in which half of the orders have a say about their company."""
    book = Book.build(
        draw(supplies()), draw(st.lists(commitments(), max_size=2)), VENDORS, draw(companions)
    )
    return book, [replace(order, company=draw(companies)) for order in draw(batches())]


relations = st.builds(Relations, *(st.sampled_from([0, 0, 1_000_000, 7_000_000]),) * 3)
rates = st.one_of(st.just(FREE), st.builds(Rates, relations, relations))
volumes = st.sampled_from([0, 1, GIB // 3, GIB, 5 * GIB])
places = st.sampled_from(["", *ZONES]), st.sampled_from(["", *VENDORS])
datas = st.builds(Data, *places, volumes, volumes)
some_nodes = st.frozensets(st.sampled_from([f"n{i}" for i in range(7)]))
delays = st.builds(
    Lost, st.sampled_from(list(Delay)), st.sampled_from([1, MINUTE, HOUR]), some_nodes
)
burdens = st.one_of(
    st.just(NO_BURDEN),
    st.builds(
        Burden,
        st.none() | datas,
        st.lists(delays, max_size=2).map(tuple),
        st.sampled_from([None, None, 0, 3_000_000]),
    ),
)


@st.composite
def laden_markets(draw):
    """Make markets in which moving data has its price, and some orders lose time on some nodes."""
    rows = [replace(row, rates=draw(rates)) for row in draw(supplies())]
    book = Book.build(rows, draw(st.lists(commitments(), max_size=2)), VENDORS, draw(companions))
    wanted = [replace(o, burden=draw(burdens), company=draw(companies)) for o in draw(batches())]
    return book, wanted


@st.composite
def ganging_markets(draw):
    """Make sociable or laden markets in which some orders start together."""
    book, wanted = draw(st.one_of(sociable_markets(), laden_markets()))
    return book, [_ganged(order, draw(gangs)) for order in wanted]


gangs = st.one_of(
    st.none(),
    st.builds(
        Gang,
        st.sampled_from(["a", "b"]),
        st.sampled_from([1, 2, 3]),
        st.sampled_from([0, 0, 0, 1]),
        st.sampled_from([(), (), (), ("Sweden",), ("Norway",)]),
    ),
)


def _ganged(order: Order, gang: Gang | None) -> Order:
    """Give an order its gang; all of a gang are of one namespace."""
    if gang is None:
        return order
    return replace(order, gang=gang, namespace="alpha")


dealings = st.builds(
    Dealings,
    st.sampled_from(["c1", "c1", "c2"]),
    st.sampled_from([(), (), ("elastx-0-0",), ("elastx-0-0", "safespring-0-0")]),
)
limits = st.builds(
    Limit,
    st.sampled_from([None, 300_000, 500_000]),
    st.sampled_from([None, 1000, 1500]),
    st.sampled_from([None, 2 * GIB]),
    st.none(),
    st.sampled_from([None, None, 6 * GIB]),
)


@st.composite
def holdings(draw, offers):
    start = draw(st.sampled_from([0, NOW, NOW + HOUR]))
    end = draw(st.sampled_from([None, start + HOUR, start + 90 * MINUTE]))
    consumer = draw(st.sampled_from(["c1", "c2"]))
    resources = Resources(500, GIB, 0, draw(st.sampled_from([0, 4 * GIB, 8 * GIB])))
    return Holding(draw(st.sampled_from(offers)), consumer, resources, start, end)


@st.composite
def choosy_markets(draw):
    """Make markets in which vendors limit consumers and decline orders."""
    rows = draw(supplies())
    offers = sorted({row.offer for row in rows if row.offer})
    limit = {name: draw(st.one_of(limits, st.just(NO_LIMIT))) for name in offers}
    rows = [replace(row, limit=limit.get(row.offer, NO_LIMIT)) for row in rows]
    held = draw(st.lists(holdings(offers), max_size=3)) if offers else []
    book = Book.build(rows, draw(st.lists(commitments(), max_size=2)), VENDORS, (), held)
    return book, [replace(order, dealings=draw(dealings)) for order in draw(batches())]


def choosy_market(
    seed: int, nodes: tuple[int, int] = (3, 7), orders: tuple[int, int] = (6, 16)
) -> tuple[Book, list[Order]]:
    """Make a crowded market in which vendors limit consumers and decline orders."""
    chance = random.Random(seed)
    book, wanted = busy_market(seed, nodes, orders)
    names = sorted({row.offer for row in book.supplies})
    limit = {
        name: chance.choice([NO_LIMIT, Limit(400_000), Limit(None, 2000), Limit(700_000, 3000)])
        for name in names
    }
    rows = [replace(row, limit=limit[row.offer]) for row in book.supplies]
    held = [
        Holding(chance.choice(names), "c1", Resources(500, GIB), NOW - HOUR, None)
        for _ in range(chance.randrange(3))
    ]
    kinds = [Dealings(f"c{chance.randint(1, 2)}", _some(chance, tuple(names[:1]))) for _ in "123"]
    found = [replace(order, dealings=chance.choice(kinds)) for order in wanted]
    return Book.build(rows, book.commitments, book.vendors, (), held), found


@st.composite
def batches(draw):
    return [draw(orders(i)) for i in range(draw(st.integers(0, 7)))]


@st.composite
def books(draw):
    return Book.build(draw(supplies()), draw(st.lists(commitments(), max_size=3)), VENDORS)


def busy_market(
    seed: int, nodes: tuple[int, int] = (2, 6), orders: tuple[int, int] = (4, 14)
) -> tuple[Book, list[Order]]:
    """Make a crowded market: usable nodes, orders that want more than there is of the cheap ones.

    `nodes` and `orders` are the least and the most of them. Hypothesis finds the odd corners;
    this finds queues, displacement and prices above the ask.
    """
    chance = random.Random(seed)
    tariffs = _tariffs(chance)
    count = chance.randint(*nodes)
    rows = [row for i in range(count) for row in _busy_node(chance, f"n{i}", tariffs)]
    taken = [_busy_commitment(chance, count) for _ in range(chance.randint(0, count))]
    wanted = [_busy_order(chance, i) for i in range(chance.randint(*orders))]
    return Book.build(rows, taken, VENDORS), wanted


def _tariffs(chance: random.Random) -> list[Calendar]:
    night = Rule(EVERY_DAY, 22 * 60, 6 * 60, 5_000_000)
    closed = Rule(EVERY_DAY, chance.choice([60, 150, 300]), chance.choice([200, 400, 700]), None)
    return [
        *(Calendar(chance.randint(2, 60) * 1_000_000) for _ in range(4)),
        Calendar(40_000_000, "Europe/Stockholm", (night,)),
        Calendar(20_000_000, "Asia/Kolkata", (closed, night)),
    ]


def _busy_node(chance: random.Random, name: str, tariffs: list[Calendar]) -> list[Supply]:
    node = {
        "node": name,
        "vendor": chance.choice(VENDORS),
        "zone": chance.choice(ZONES),
        "capacity": Resources(chance.choice([1000, 2000, 4000]), chance.choice([4, 8]) * GIB),
        "rating_micro": chance.choice([800_000, 1_000_000, 1_200_000]),
        "labels": chance.choice([(), (("disk", "ssd"),)]),
        "ready": chance.random() < 0.95,
    }
    return [
        Supply(
            offer=f"{node['vendor']}-{k}",
            offer_version=1,
            calendar=tariffs[k],
            minimum_term_ms=chance.choice([0, 0, 0, 0, 40 * MINUTE]),
            **node,
        )
        for k in chance.sample(range(len(tariffs)), chance.choice([1, 1, 1, 2]))
    ]


def _busy_commitment(chance: random.Random, count: int) -> Commitment:
    start = chance.choice([0, 0, NOW + chance.randint(0, 9) * HOUR])
    end = chance.choice([None, start + chance.randint(1, 300) * MINUTE])
    resources = Resources(chance.choice([250, 500]), GIB)
    return Commitment(f"n{chance.randrange(count)}", resources, start, end)


def _busy_order(chance: random.Random, number: int) -> Order:
    regions = chance.choice([(), (), (), ("Sweden",), ("Germany",)])
    vendors = chance.choice([(), (), (), (), (), ("elastx", "safespring")])
    labels = chance.choice([()] * 9 + [(("disk", "ssd"),)])
    return Order(
        id=f"order-{number}",
        namespace=chance.choice(["alpha", "beta"]),
        name=f"pod-{number}",
        requests=Resources(chance.choice([250, 500, 1000, 2000]), chance.choice([1, 2, 4]) * GIB),
        cap_nano=chance.choice([30_000_000, 50_000_000, 100_000_000]),
        eligibility=Eligibility(regions, vendors, labels, (), _where(number)),
        duration=chance.choice([None] * 6 + [30 * MINUTE, 100 * MINUTE]),
        deadline=chance.choice([None] * 6 + [NOW + 5 * HOUR, NOW + 30 * HOUR]),
        may_wait=chance.random() < 0.2,
        avoid=frozenset(chance.sample(_AVOIDABLE, chance.choice([0, 0, 2, 4]))),
    )


def _where(number: int) -> str:
    """Let a sixth of the orders ask for something, without a change to what else is drawn."""
    wanted = {0: {"not": {"disk": "ssd"}}, 6: {"anyOf": [{"disk": "ssd"}, {"node": "n1"}]}}
    said = wanted.get(number % 12)
    return to_text(read_expression(said, "where")) if said else ""


def sociable_market(
    seed: int, nodes: tuple[int, int] = (3, 7), orders: tuple[int, int] = (6, 16)
) -> tuple[Book, list[Order]]:
    """Make a crowded market in which half of the orders have a say about their company."""
    chance = random.Random(seed)
    book, wanted = busy_market(seed, nodes, orders)
    there = [
        Companion(f"n{chance.randrange(4)}", _some(chance, ("g1", "g2")), _near(chance))
        for _ in range(chance.randrange(4))
    ]
    kinds = [_company(chance) for _ in range(3)]
    found = [
        replace(order, company=chance.choice([ALONE, *kinds]), avoid=frozenset())
        for order in wanted
    ]
    return book.among(tuple(sorted(there))), found


def ganging_market(
    seed: int, nodes: tuple[int, int] = (3, 8), orders: tuple[int, int] = (8, 18)
) -> tuple[Book, list[Order]]:
    """Make a crowded market in which two thirds of the orders belong to gangs."""
    chance = random.Random(seed)
    make = chance.choice([busy_market, busy_market, sociable_market, laden_market])
    book, wanted = make(seed, nodes, orders)
    found = []
    for number in range(3):
        size = chance.choice([2, 2, 3, 4])
        zones = chance.choice([()] * 5 + [("Sweden",)])
        waits = chance.random() < 0.4
        for _ in range(min(size, len(wanted))):
            order = replace(wanted.pop(), namespace="alpha", may_wait=waits)
            found.append(replace(order, gang=Gang(f"g{number}", size, 0, zones)))
    return book, found + wanted


def driving_market(
    seed: int, nodes: tuple[int, int] = (3, 8), orders: tuple[int, int] = (4, 12)
) -> tuple[Book, list[Order]]:
    """Make a crowded market in which some orders need places for Pods that they will make."""
    chance = random.Random(seed)
    make = chance.choice([busy_market, sociable_market, laden_market, ganging_market])
    book, wanted = make(seed, nodes, orders)
    found = []
    for number, order in enumerate(wanted):
        if chance.random() < 0.3:
            unit = Resources(chance.choice([500, 1000, 2000]), chance.choice([1, 2]) * 2**30)
            gang = order.gang or Gang(f"d{number}", 1)
            order = replace(order, gang=gang, places=Places(chance.randint(1, 4), unit))
        found.append(order)
    return book, with_places(found)


def divisible_market(
    seed: int, nodes: tuple[int, int] = (2, 6), orders: tuple[int, int] = (4, 12)
) -> tuple[Book, list[Order]]:
    """Make a crowded market in which most orders may wait, and may be interrupted."""
    chance = random.Random(seed)
    book, wanted = chance.choice([busy_market, laden_market, ganging_market])(seed, nodes, orders)
    return book, [_divisible(chance, order) for order in wanted]


def _divisible(chance: random.Random, order: Order) -> Order:
    if chance.random() < 0.3:
        return order
    duration = chance.choice([30, 60, 100, 180, 320]) * MINUTE
    split = Split(chance.choice([2, 2, 3, 4]), chance.choice([20, 60]) * MINUTE)
    deadline = chance.choice([None, NOW + 6 * HOUR, NOW + 11 * HOUR])
    return replace(order, may_wait=True, duration=duration, split=split, deadline=deadline)


def _some(chance: random.Random, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if chance.random() < 0.6)


def _near(chance: random.Random) -> tuple[tuple[str, str], ...]:
    rule = chance.choice(["node", "node", "region"]), chance.choice(["g1", "g2"])
    return (rule,) if chance.random() < 0.4 else ()


def _company(chance: random.Random) -> Company:
    spread = (chance.choice(["node", "region"]), chance.choice(["g1", "g2"]), 1, 1)
    return Company(
        _some(chance, ("g1", "g2")),
        _near(chance),
        _near(chance),
        (spread,) if chance.random() < 0.4 else (),
    )


def laden_market(
    seed: int, nodes: tuple[int, int] = (2, 6), orders: tuple[int, int] = (4, 14)
) -> tuple[Book, list[Order]]:
    """Make a crowded market in which most orders cost more in one place than in another."""
    return burdened(random.Random(seed), *busy_market(seed, nodes, orders))


def burdened(
    chance: random.Random, book: Book, orders: list[Order], nodes: int = 6
) -> tuple[Book, list[Order]]:
    """Give a market in which moving data has its price and most orders a burden."""
    asked = {row.offer: _rates(chance) for row in book.supplies}
    rows = [replace(row, rates=asked[row.offer]) for row in book.supplies]
    kinds = [NO_BURDEN, *(_burden(chance, nodes) for _ in range(4))]
    found = [replace(order, burden=chance.choice(kinds)) for order in orders]
    return Book.build(rows, book.commitments, book.vendors, book.companions), found


def gpu_market(
    seed: int, nodes: tuple[int, int] = (3, 8), orders: tuple[int, int] = (8, 18)
) -> tuple[Book, list[Order]]:
    """Make a crowded market in which most nodes have GPUs, of one class or another.

    Some records are of the time before GPUs had a weight.
    """
    chance = random.Random(f"gpus {seed}")
    make = chance.choice([busy_market, laden_market, laden_market, ganging_market])
    book, wanted = make(seed, nodes, orders)
    kinds = chance.choice([((1, 0),), *[tuple((2, weight) for weight in GPU_WEIGHTS)] * 4])
    known = {
        name: (0, 0) if chance.random() < 0.3 else chance.choice(kinds)
        for name in sorted({row.node for row in book.supplies})
    }
    rows = [_with_gpus(row, *known[row.node]) for row in book.supplies]
    found = [
        replace(order, requests=order.requests._replace(gpus=chance.choice([0, 0, 1, 1, 2])))
        for order in wanted
    ]
    return Book.build(rows, book.commitments, book.vendors, book.companions), found


def _with_gpus(row: Supply, gpus: int, weight: int) -> Supply:
    labels = (*row.labels, ("busbar.dev/gpu-class", f"w{weight}")) if weight else row.labels
    capacity = row.capacity._replace(gpus=gpus)
    gpu_class = f"w{weight}" if weight else ""
    return replace(
        row,
        capacity=capacity,
        labels=tuple(sorted(labels)),
        gpu_class=gpu_class,
        gpu_weight_micro=weight,
    )


def _rates(chance: random.Random) -> Rates:
    def relations() -> Relations:
        return Relations(*(chance.choice([0, 1, 3, 8]) * 1_000_000 for _ in range(3)))

    return Rates(relations(), relations()) if chance.random() < 0.7 else FREE


def _burden(chance: random.Random, nodes: int) -> Burden:
    names = [f"n{i}" for i in range(nodes)]
    data = Data(
        chance.choice(ZONES),
        chance.choice(["", *VENDORS]),
        chance.randint(0, 4 * GIB),
        chance.choice([0, GIB // 7]),
    )
    lost = tuple(
        Lost(why, chance.randint(1, 20 * MINUTE), frozenset(chance.sample(names, nodes // 2)))
        for why in Delay
        if chance.random() < 0.5
    )
    return Burden(
        data if chance.random() < 0.8 else None, lost, chance.choice([None, None, 9_000_000])
    )
