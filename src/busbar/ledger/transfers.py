"""Data that a workload moved, billed: a line of its own beside what it computed.

Bytes are billed from a count to a count, each way by itself, at the price of the match; a count
once billed is never billed again, and the debits of all parts add up to the price of the whole,
rounded down once. Next: `metering.py`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from busbar.ledger import entries
from busbar.ledger.entries import Entry, Kind
from busbar.ledger.settlement import DEFAULT_FEE_PPM, Settlement, Sold, billed, shares, split
from busbar.model.time import Instant

GIB: Final = 1024**3


class Way(StrEnum):
    """Which way data went, seen from the workload."""

    READ = "read"
    WRITE = "write"


class Moved(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a transfer entry's memo says: bytes [from, until) one way, and the terms.

    `from_ms` and `until_ms` are when the workload ran until then. Fields are only ever added.
    """

    way: str
    from_bytes: int
    until_bytes: int
    price_nano: int
    """Per GiB."""
    fee_ppm: int
    from_ms: Instant
    until_ms: Instant
    region: str = ""
    """Where the data is kept."""
    sold: Sold | None = None


_moved = msgspec.json.Decoder(Moved)


class Part(NamedTuple):
    """Bytes [start, until) that went one way, at a price per GiB."""

    way: Way
    start: int
    until: int
    price_nano: int

    @property
    def cost(self) -> int:
        """Give what it costs, so that the parts of a whole cost what the whole does."""
        return worth(self.price_nano, self.until) - worth(self.price_nano, self.start)

    def within(self, most: int) -> Part:
        """Give as much of it as costs at most `most` nano-euro."""
        if self.cost <= most:
            return self
        reach = most + worth(self.price_nano, self.start) + 1
        return self._replace(until=(reach * GIB - 1) // self.price_nano)


def worth(price_nano: int, count: int) -> int:
    """Give what so many bytes cost, rounded down."""
    return price_nano * count // GIB


def transfer(
    contract_uid: str,
    namespace: str,
    vendor: str,
    part: Part,
    ran: tuple[Instant, Instant],
    at: Instant,
    fee_ppm: int = DEFAULT_FEE_PPM,
    region: str = "",
    sold: Sold | None = None,
) -> Settlement:
    """Bill data moved out of the contract's hold. Id: `transfer/<uid>/<way>/<from_bytes>`."""
    parts = split(part.cost, fee_ppm)
    moves = ((entries.held(namespace), -part.cost), *shares(vendor, parts))
    way, start, until, price = part
    memo = Moved(way.value, start, until, price, fee_ppm, *ran, region, sold)
    id_ = f"transfer/{contract_uid}/{way.value}/{start}"
    return billed(Kind.TRANSFER, id_, contract_uid, at, moves, parts, memo)


def moved_by(entry: Entry) -> Moved | None:
    """Read what an entry billed of data; None where it billed none."""
    if entry.kind != Kind.TRANSFER.value:
        return None
    try:
        return _moved.decode(entry.memo)
    except msgspec.DecodeError:
        return None
