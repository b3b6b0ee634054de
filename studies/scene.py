"""What a season is about: machines with costs, and work with values, drawn from a seed.

Drawn before anybody plays, and the same for every play: seasons of one seed differ in nothing but
what the players do. Next: `plays.py`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from math import pi, sin
from typing import NamedTuple

from busbar.model.dtu import MICRO, REFERENCE_RATING, Resources, draw_micro
from busbar.model.money import NANO_PER_EURO
from busbar.model.time import HOUR, MINUTE, Instant

REGIONS = ("Sweden", "Germany")
CONSUMERS, MACHINES = 6, 6
CORES, GIB_PER_CORE = 4, 4
MILLI_EURO = NANO_PER_EURO // 1000
VALUES_NANO = tuple(n * MILLI_EURO for n in (15, 30, 60, 120))
"""What a DTU is worth to somebody: few values, so that ties are common."""
COSTS_MILLI_EURO = ((8, 14), (15, 24), (25, 40))
"""What a DTU costs the vendors: a cheap, a middling and a dear one."""


class Stock(NamedTuple):
    """A machine."""

    number: int
    vendor: int
    region: str
    cost_nano: int


class Want(NamedTuple):
    """A piece of work that somebody wants done."""

    number: int
    at_ms: int
    """After the season's begin."""
    consumer: int
    milli: int
    """Of a vCPU."""
    mebibytes: int
    runs_ms: int
    value_nano: int
    patience_ms: int
    """By then it must have finished."""
    region: str

    @property
    def dtu(self) -> float:
        """Give the work it is."""
        return self.draw_micro / MICRO * self.runs_ms / HOUR

    @property
    def draw_micro(self) -> int:
        """Give its draw; all machines are as fast as the reference."""
        return draw_micro(Resources(self.milli, self.mebibytes * 1024**2), REFERENCE_RATING)


class Scene(NamedTuple):
    """A season before anybody plays."""

    seed: int
    hours: int
    load: float
    stocks: tuple[Stock, ...]
    """In order of their cost: two cheap machines, two middling, two dear."""
    wants: tuple[Want, ...]

    @property
    def vendors(self) -> int:
        """Give how many vendors there are."""
        return 1 + max(stock.vendor for stock in self.stocks)

    def stocks_of(self, vendor: int) -> list[Stock]:
        """Give a vendor's machines."""
        return [stock for stock in self.stocks if stock.vendor == vendor]

    @property
    def supply_dtu(self) -> float:
        """Give what the machines could do in the season."""
        return float(len(self.stocks) * CORES * self.hours)

    def due(self, want: Want, begin: Instant) -> Instant:
        """Give the time by which a piece of work must have finished."""
        return begin + want.at_ms + want.patience_ms


def scene_of(seed: int, hours: int, load: float, rivals: bool = False) -> Scene:
    """Draw a season in which what is wanted is `load` times what there is.

    Three vendors with two machines each, all with other costs; or, with `rivals`, six with one
    each, of whom two have the same cost. The machines and the work are the same.
    """
    chance = random.Random(f"season {seed}")
    stocks = tuple(_stocks(chance, rivals))
    supply = len(stocks) * CORES * hours
    wants = tuple(_wants(chance, hours, load * supply))
    return Scene(seed, hours, load, stocks, wants)


def _stocks(chance: random.Random, rivals: bool) -> Iterator[Stock]:
    for place, (low, high) in enumerate(COSTS_MILLI_EURO):
        cost = chance.randint(low, high) * MILLI_EURO
        for k, region in enumerate(REGIONS):
            number = place * len(REGIONS) + k
            yield Stock(number, number if rivals else place, region, cost)


def _wants(chance: random.Random, hours: int, dtu: float) -> list[Want]:
    """Draw work until there is as much as is wanted, more of it by day than by night."""
    found: list[Want] = []
    left = dtu
    while left > 0:
        at = chance.randrange(hours * HOUR)
        if chance.random() > 0.6 + 0.4 * sin(2 * pi * (at / HOUR - 6) / 24):
            continue
        found.append(_want(chance, len(found), at))
        left -= found[-1].dtu
    return sorted(found, key=lambda want: want.at_ms)


def _want(chance: random.Random, number: int, at_ms: int) -> Want:
    milli = chance.choice((1000, 1000, 2000))
    runs = chance.choice((30, 60, 120)) * MINUTE
    return Want(
        number,
        at_ms,
        chance.randrange(CONSUMERS),
        milli,
        milli * GIB_PER_CORE * 1024 // 1000,
        runs,
        chance.choice(VALUES_NANO),
        2 * runs + chance.choice((1, 2, 4)) * HOUR,
        chance.choice(("", "", *REGIONS)),
    )
