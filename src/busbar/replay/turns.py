"""Who comes first: by turns, or when all are arranged again. Next: `arranging.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busbar.replay.costs import base_draw, draw_of
from busbar.replay.eligibility import NO_DEALINGS
from busbar.replay.lots import lot

if TYPE_CHECKING:
    from busbar.replay.clearing import Market, Wish

DATA = ("region", "keeper", "readBytes", "writeBytes")


def turn(market: Market, wish: Wish, draw: int) -> tuple[Any, ...]:
    """Sort by turns; `draw` is that of the order, or of all its gang."""
    first = market.waits(wish), -wish.order["capNano"], market.narrow[wish.group], -draw
    return *first, *last_resort(market, wish)


def hardness(market: Market, w: Wish) -> tuple[Any, ...]:
    """Sort by who is hard to place: few rows, a lopsided shape, a large draw."""
    cpu, memory = draw_of([w.needs[0], 0, 0], 0), draw_of([0, w.needs[1], 0], 0)
    lopsided = 1000 * max(cpu, memory) // (cpu + memory)
    return market.narrow[w.group], -lopsided, -base_draw(market, w), *last_resort(market, w)


def size(market: Market, w: Wish) -> tuple[Any, ...]:
    """Sort by who needs the largest gap: cpu, draw, few rows."""
    return -w.needs[0], -base_draw(market, w), market.narrow[w.group], *last_resort(market, w)


def last_resort(market: Market, w: Wish) -> tuple[Any, ...]:
    """Sort equals: orders alike together, then by lot."""
    return likeness(w, market.seed), lot(w.order["id"], market.seed)


def likeness(wish: Wish, seed: int) -> tuple[Any, ...]:
    """Give what keeps equal orders together, ahead of the lot."""
    requests = [-need for need in wish.needs]
    terms = [-wish.length, wish.start, -wish.latest, wish.forward]
    company = wish.company or {"groups": [], "apart": [], "together": [], "spread": []}
    rules = tuple(tuple(map(as_tuple, company[name])) for name in company)
    split = wish.order.get("split") or {"piecesMax": 0, "minimumMs": 0}
    cut = split["piecesMax"], split["minimumMs"]
    gang = (0, "") if wish.gang is None else (lot(wish.gang, seed), wish.gang)
    load = wish.order.get("burden") or {"lost": [], "capNano": None}
    data, cap = load.get("data") or {}, load["capNano"]
    lost = tuple((e["why"], e["ms"], sorted(e["spared"])) for e in load["lost"])
    weight = tuple(data[name] for name in DATA if name in data), lost, -1 if cap is None else cap
    dealings = wish.order.get("dealings", NO_DEALINGS)
    vendors = dealings["consumer"], tuple(dealings["declined"])
    avoid = sorted(wish.order["avoid"])
    return *requests, *terms, wish.group, avoid, rules, vendors, *weight, gang, cut


def as_tuple(value: Any) -> Any:
    """Give a list as something that can be compared and kept."""
    return tuple(value) if isinstance(value, list) else value
