"""What a place costs an order: at the asks, and beyond the price. Next: `prices.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busbar.model.dtu import MEMORY_PER_DTU, MICRO, amount
from busbar.model.time import HOUR

if TYPE_CHECKING:
    from busbar.replay.clearing import Market, Row, Term, Wish

Json = dict[str, Any]

GPU_WEIGHT = "gpuWeightMicro"
"""Of a node: what each of its GPUs draws. Missing where it has none, and in old records."""


def draw_of(needs: list[int], gpu_weight: int) -> int:
    """Give the draw at the reference speed, micro-DTU per hour."""
    cpu, memory, gpus = needs[0] * 1000, -(-needs[1] * MICRO // MEMORY_PER_DTU), needs[2]
    return max(cpu, memory, gpus * gpu_weight)


def base_draw(market: Market, wish: Wish) -> int:
    """Give the draw on a reference node, its GPUs of the lightest class that it may have."""
    return draw_of(wish.needs, market.weights[wish.group])


def at_asks(market: Market, wish: Wish, row: Row, term: Term) -> int:
    """Give what a term costs at the asks on a reference node, and beyond the price, unrounded."""
    parts = market.parts(term)
    work = sum((row.asks[cell] or 0) * ms for cell, ms in parts)
    moving, lost = burden(market, wish, row)
    work += (row.asks[parts[0][0]] or 0) * lost
    return work * base_draw(market, wish) + moving * MICRO * HOUR


def burden(market: Market, wish: Wish, row: Row) -> tuple[int, int]:
    """Give what an order's data costs to move to a row, and the time it loses there."""
    key = wish.order["id"], row.name
    if key not in market.weighed:
        market.weighed[key] = weigh(wish.order.get("burden"), row)
    return market.weighed[key]


def is_beyond_egress_cap(market: Market, wish: Wish, row: Row) -> bool:
    cap = (wish.order.get("burden") or {}).get("capNano")
    return cap is not None and burden(market, wish, row)[0] > cap


def beyond(market: Market, wish: Wish, row: Row) -> int:
    """Give what a row costs an order that runs now beyond the price, on a reference node."""
    moving, lost = burden(market, wish, row)
    if not lost:
        return moving
    first = market.parts((wish.start, wish.start + wish.length))[0][0]
    return moving + amount(row.asks[first] or 0, base_draw(market, wish), lost)


def weigh(load: Json | None, row: Row) -> tuple[int, int]:
    """Give what data costs to move to a row, nano-euro, and the ms lost there."""
    if not load:
        return 0, 0
    lost = sum(e["ms"] for e in load["lost"] if row.node["node"] not in e["spared"])
    data, rates = load.get("data"), row.offer.get("rates")
    if not data or not rates:
        return 0, lost
    zone, region = row.node["zone"], data["region"]
    bill = 0
    for size, way in (("readBytes", "ingressNano"), ("writeBytes", "egressNano")):
        same_region, other_region, other_vendor = rates[way]
        rate = same_region if region and region == zone else other_region
        if not data["keeper"] or data["keeper"] != row.offer["vendor"]:
            rate = max(rate, other_vendor)
        bill += data[size] * rate
    return bill // 2**30, lost
