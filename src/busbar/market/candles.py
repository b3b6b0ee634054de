"""What the hours were traded at: open, high, low, close and volume, folded from clearings.

As on an intraday power exchange, the product is the hour of delivery in a zone: an hour may be
traded from 48 hours before until it ends. One batch is one moment, so it opens and closes an hour
at the highest price in it, which is what the zone's price of a clearing is. Only what a clearing
sold counts; slots that a running contract rolls into are not traded. Next: `quote.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from busbar.model.dtu import amount, format_dtu
from busbar.model.money import format_euro
from busbar.model.time import HOUR, Instant, format_instant, slot_of

Product = tuple[str, Instant]
"""A zone, and the start of an hour of delivery."""


class Candle(NamedTuple):
    """An hour of a zone, as traded so far. Prices in nano-euro per DTU, volume in micro-DTU."""

    open: int
    high: int
    low: int
    close: int
    volume: int
    turnover: int
    trades: int

    def then(self, later: Candle) -> Candle:
        """Go on with what was traded later."""
        return Candle(
            self.open,
            max(self.high, later.high),
            min(self.low, later.low),
            later.close,
            self.volume + later.volume,
            self.turnover + later.turnover,
            self.trades + later.trades,
        )


def traded(matches: Iterable[Mapping[str, Any]]) -> dict[Product, Candle]:
    """Give what one clearing traded, from its published matches."""
    prices: dict[Product, list[tuple[int, int, int]]] = defaultdict(list)
    pieces = (piece for match in matches for piece in (match, *match.get("later", ())))
    for match in pieces:
        draw = match["drawMicro"]
        for part in match["segments"]:
            price, ms = part["priceNano"], part["endMs"] - part["startMs"]
            product = match["zone"], slot_of(part["startMs"]).start
            prices[product].append((price, draw * ms // HOUR, amount(price, draw, ms)))
    return {product: _candle(found) for product, found in prices.items()}


def _candle(trades: list[tuple[int, int, int]]) -> Candle:
    prices = [price for price, _, _ in trades]
    top = max(prices)
    volume, turnover = sum(v for _, v, _ in trades), sum(t for _, _, t in trades)
    return Candle(top, top, min(prices), top, volume, turnover, len(trades))


def row_of(start: Instant, candle: Candle) -> dict[str, Any]:
    """Write an hour as a row of a PriceHistory."""
    return {
        "start": format_instant(start),
        "startMs": start,
        "openNano": candle.open,
        "highNano": candle.high,
        "lowNano": candle.low,
        "closeNano": candle.close,
        "volumeMicro": candle.volume,
        "turnoverNano": candle.turnover,
        "trades": candle.trades,
    }


def candle_of(row: Mapping[str, Any]) -> Candle:
    """Read what `row_of` wrote."""
    prices = row["openNano"], row["highNano"], row["lowNano"], row["closeNano"]
    return Candle(*prices, row["volumeMicro"], row["turnoverNano"], row["trades"])


def day_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Give a day's summary: its hours one after the other, as text."""
    candles = [candle_of(row) for row in rows]
    day = candles[0]
    for later in candles[1:]:
        day = day.then(later)
    return {
        "open": format_euro(day.open),
        "high": format_euro(day.high),
        "low": format_euro(day.low),
        "close": format_euro(day.close),
        "volumeDTU": format_dtu(day.volume),
    }
