"""What a place costs an order beyond its price: moving data there, and time lost before it works.

An order carries what it knows of itself (`Luggage`, read from its Pod); a batch turns that into a
`Burden` with the sizes and the stock of images of that moment. Both are values, so that a clearing
can be published and computed again. Next: `laden.py`, which puts rows in order by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

GIB = 1024**3


class Luggage(NamedTuple):
    """What an order brings along, as its Pod says it.

    `read_bytes` and `write_bytes` are stated, None where nobody said: then all that is in its
    buckets is read once, and nothing is counted as written. `cap_nano` is the most that moving
    data may cost, None without a limit. `ran_on` is the node on which the work was before.
    """

    images: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()
    read_bytes: int | None = None
    write_bytes: int | None = None
    cap_nano: int | None = None
    ran_on: str = ""


NO_LUGGAGE = Luggage()


class Data(NamedTuple):
    """Where an order's data lies, who keeps it there, and how much it will read and write."""

    region: str
    keeper: str
    read_bytes: int
    write_bytes: int = 0


class Delay(StrEnum):
    """What time is lost by. A closed list."""

    PULL = "Pull"
    """An image that the node does not hold."""
    RESTART = "Restart"
    """Work that was elsewhere before: what it had warm there is cold here."""


class Lost(NamedTuple):
    """Time lost on every node but those named in `spared`."""

    why: Delay
    ms: int
    spared: frozenset[str]


class Loss(NamedTuple):
    """Time that was weighed of a place: why, how much, and what it counted as, nano-euro."""

    why: Delay
    ms: int
    nano: int


def losses(lost: Iterable[Lost], node: str) -> list[tuple[Delay, int]]:
    """Give what time is lost by on a node, and how much."""
    return [(why, ms) for why, ms, spared in lost if node not in spared]


class Burden(NamedTuple):
    """What an order costs beyond its price, by where it goes."""

    data: Data | None = None
    lost: tuple[Lost, ...] = ()
    cap_nano: int | None = None


NO_BURDEN = Burden()


class Relations(NamedTuple):
    """Nano-euro per GiB, by where the other end is."""

    same_region: int = 0
    other_region: int = 0
    other_vendor: int = 0

    def between(self, *, same_region: bool, same_vendor: bool) -> int:
        """Give the dearest of what applies."""
        by_region = self.same_region if same_region else self.other_region
        return by_region if same_vendor else max(by_region, self.other_vendor)


class Rates(NamedTuple):
    """What a vendor asks for data that comes in (`ingress`) and goes out (`egress`)."""

    ingress: Relations = Relations()
    egress: Relations = Relations()


FREE = Rates()


class Tolls(NamedTuple):
    """What moving data costs between a place and a vendor's region, nano-euro per GiB."""

    read_nano: int
    write_nano: int

    def of(self, read_bytes: int, write_bytes: int) -> int:
        """Give what so much costs; rounded down once, as it is billed."""
        return (read_bytes * self.read_nano + write_bytes * self.write_nano) // GIB


def tolls(region: str, keeper: str, rates: Rates, zone: str, vendor: str) -> Tolls:
    """Give what a workload of a vendor in a zone pays to read and write data kept in a region.

    What it reads comes in to the vendor, what it writes goes out. A region without a name is
    another one, and so is a keeper without a name another vendor.
    """
    near = {
        "same_region": region != "" and region == zone,
        "same_vendor": keeper != "" and keeper == vendor,
    }
    return Tolls(rates.ingress.between(**near), rates.egress.between(**near))


def moving(data: Data | None, rates: Rates, zone: str, vendor: str) -> int:
    """Give what an order's data costs to move, nano-euro."""
    if data is None or rates == FREE:
        return 0
    ask = tolls(data.region, data.keeper, rates, zone, vendor)
    return ask.of(data.read_bytes, data.write_bytes)


def likeness(burden: Burden) -> tuple[object, ...]:
    """Give what orders of different burdens are told apart by, for sorting."""
    lost = tuple((delay.value, ms, sorted(spared)) for delay, ms, spared in burden.lost)
    cap = -1 if burden.cap_nano is None else burden.cap_nano
    return burden.data or (), lost, cap
