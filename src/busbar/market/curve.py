"""The forward curve: what each zone asks in the present hour and the next 48, and how much is free.

A view, as `depth.py` is; the clearing does not read it. A node counts once an hour, at its cheapest
ask; an hour with several asks counts at the highest of them, one that is closed in part as closed.
Next: `candles.py`.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt

from busbar.market.axis import FORWARD_SLOTS, horizon_end, make_axis
from busbar.market.book import Book
from busbar.market.calendar import Calendar
from busbar.model.dtu import MEMORY_PER_DTU, MICRO, format_dtu
from busbar.model.money import format_euro
from busbar.model.time import HOUR, Instant, format_instant, slot_of

Ints = npt.NDArray[np.int64]
LEVELS_MAX = 8
"""Prices an hour that are shown; the free capacity of all of them is in the sum."""
_CLOSED = -1
_KIB = 1024


def forward_curves(book: Book, now: Instant) -> dict[str, dict[str, Any]]:
    """Give each zone's curve: the status of a ForwardCurve (`busbar.model.kinds.prices`)."""
    rows = [i for i, row in enumerate(book.supplies) if row.ready and not row.cordoned]
    rows = [i for i in rows if not book.supplies[i].paused and book.supplies[i].zone]
    zones = {row.zone for row in book.supplies if row.zone}
    levels = _levels(book, rows, now)
    return {zone: _curve(zone, levels.get(zone, {}), now) for zone in sorted(zones)}


_Levels = dict[str, dict[int, dict[int, int]]]
"""By zone, hour and ask: what is free, in micro-DTU per hour."""


def _levels(book: Book, rows: list[int], now: Instant) -> _Levels:
    found: _Levels = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    if not rows:
        return found
    nodes = np.asarray(book.columns.node_of_row)[rows]
    free = _free_micro(book, rows, nodes, now)
    tariffs = {book.supplies[i].calendar: 0 for i in rows}
    asks = np.array([_asks(calendar, now) for calendar in tariffs], dtype=np.int64)
    codes = {calendar: code for code, calendar in enumerate(tariffs)}
    tariff = np.array([codes[book.supplies[i].calendar] for i in rows])
    zones = sorted({book.supplies[i].zone for i in rows})
    number = {zone: code for code, zone in enumerate(zones)}
    zone = np.array([number[book.supplies[i].zone] for i in rows])
    alone = len(set(nodes.tolist())) == len(nodes)
    cheapest = np.arange(len(rows))
    for hour in range(FORWARD_SLOTS + 1):
        if not alone and (hour == 0 or (asks[:, hour] != asks[:, hour - 1]).any()):
            cheapest = _once_a_node(nodes, asks[tariff, hour])
        group = zone[cheapest] * len(asks) + tariff[cheapest]
        sums = np.bincount(group, free[hour, cheapest], minlength=len(zones) * len(asks))
        for at in np.flatnonzero(sums).tolist():
            place, code = divmod(at, len(asks))
            if asks[code, hour] != _CLOSED:
                found[zones[place]][hour][int(asks[code, hour])] += int(sums[at])
    return found


def _free_micro(book: Book, rows: list[int], nodes: Ints, now: Instant) -> Ints:
    """Give what each row's node could still deliver in each hour, as `depth.py` counts it."""
    free = book.free(make_axis((), now, horizon_end(now))).clip(0)
    ratings = np.array([book.supplies[i].rating_micro for i in rows], dtype=np.int64)
    cpu = free[:, 0][:, nodes] * 1_000
    memory = free[:, 1][:, nodes] // _KIB * MICRO // (MEMORY_PER_DTU // _KIB)
    found: Ints = np.minimum(cpu, memory) * ratings // MICRO
    weights = book.columns.gpu_weights[rows]
    if not weights.any():
        return found
    # A GPU's draw first, so that no product of three passes 64 bits.
    gpus = free[:, 2][:, nodes] * (weights * ratings // MICRO)
    return np.asarray(np.where(found > 0, np.maximum(found, gpus), 0))


def _asks(calendar: Calendar, now: Instant) -> list[int]:
    """Give the ask of each hour, the rest of the present one first."""
    first = slot_of(now).start
    found = []
    for start in range(first, first + (FORWARD_SLOTS + 1) * HOUR, HOUR):
        pieces = [piece.ask for piece in calendar.pieces(max(start, now), start + HOUR)]
        known = [ask for ask in pieces if ask is not None]
        found.append(max(known) if len(known) == len(pieces) else _CLOSED)
    return found


def _once_a_node(nodes: Ints, asks: Ints) -> Ints:
    """Give the rows to count: of each node the one that asks least."""
    is_open = np.flatnonzero(asks != _CLOSED)
    order = is_open[np.argsort(asks[is_open], kind="stable")]
    _, first = np.unique(nodes[order], return_index=True)
    return np.asarray(order[first])


def _curve(zone: str, levels: dict[int, dict[int, int]], now: Instant) -> dict[str, Any]:
    first = slot_of(now).start
    slots = [_slot(first + hour * HOUR, levels.get(hour, {})) for hour in range(FORWARD_SLOTS + 1)]
    lowest = min((s for s in slots if s["bestAsk"]), key=_price, default=None)
    return {
        "zone": zone,
        "updated": format_instant(now),
        "bestAsk": slots[0]["bestAsk"],
        "lowestAsk": lowest["bestAsk"] if lowest else "",
        "lowestAt": lowest["start"] if lowest else "",
        "slots": slots,
    }


def _price(slot: dict[str, Any]) -> int:
    return int(slot["bestAskNano"])


def _slot(start: Instant, levels: dict[int, int]) -> dict[str, Any]:
    """Give an hour: its levels, cheapest first. What is full counts for nothing."""
    room = [(ask, free) for ask, free in sorted(levels.items()) if free > 0]
    return {
        "start": format_instant(start),
        "bestAskNano": room[0][0] if room else None,
        "bestAsk": format_euro(room[0][0]) if room else "",
        "freeDTU": format_dtu(sum(free for _, free in room)),
        "levels": [
            {"priceNano": ask, "pricePerDTU": format_euro(ask), "freeDTU": format_dtu(free)}
            for ask, free in room[:LEVELS_MAX]
        ],
    }
