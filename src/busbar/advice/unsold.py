"""Unsold supply: nodes that were offered for a day and had no contract, and what others got.

The price at which they would have been bought is not guessed: it is what the hours of the same
region were traded at in the last seven days. An offer that asks no more than that was passed over
for another reason than its price, and nothing is said. Next: `finding.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from busbar.market.offers import Supply
from busbar.model.dtu import MICRO
from busbar.model.time import DAY, Instant

UNSOLD_MS = DAY
PRICES_MS = 7 * DAY


class Traded(NamedTuple):
    """What a region's hours were traded at."""

    high_nano: int = 0
    turnover_nano: int = 0
    volume_micro: int = 0

    @property
    def mean_nano(self) -> int:
        """Give the mean price, by volume."""
        return self.turnover_nano * MICRO // self.volume_micro if self.volume_micro else 0


class Unsold(NamedTuple):
    """An offer with nodes that nobody bought."""

    offer: str
    vendor: str
    zone: str
    nodes: tuple[str, ...]
    of: int
    ask_nano: int
    traded: Traded


def traded(rows: Iterable[Mapping[str, Any]], since: Instant) -> Traded:
    """Sum up rows of price histories from an hour on."""
    found = Traded()
    for row in rows:
        if int(row["startMs"]) >= since:
            found = Traded(
                max(found.high_nano, int(row["highNano"])),
                found.turnover_nano + int(row["turnoverNano"]),
                found.volume_micro + int(row["volumeMicro"]),
            )
    return found


def unsold(
    supplies: Iterable[Supply],
    last_used: Mapping[str, Instant],
    joined: Mapping[str, Instant],
    prices: Mapping[str, Traded],
    now: Instant,
) -> list[Unsold]:
    """Give the offers that ask more than anybody paid, of which nodes stood idle for a day.

    `last_used`: until when each node had a contract; `joined`: since when it is there.
    """
    rows: dict[tuple[str, str], list[Supply]] = {}
    for row in supplies:
        if row.offer and row.ready and not row.cordoned and not row.paused:
            rows.setdefault((row.offer, row.zone), []).append(row)
    found = []
    for (offer, zone), group in sorted(rows.items()):
        ask, price = group[0].calendar.ask_at(now), prices.get(zone, Traded())
        idle = tuple(sorted(row.node for row in group if _idle(row.node, last_used, joined, now)))
        if idle and ask is not None and price.volume_micro and ask > price.high_nano:
            found.append(Unsold(offer, group[0].vendor, zone, idle, len(group), ask, price))
    return found


def _idle(
    node: str, last_used: Mapping[str, Instant], joined: Mapping[str, Instant], now: Instant
) -> bool:
    since = max(last_used.get(node, 0), joined.get(node, now))
    return now - since >= UNSOLD_MS
