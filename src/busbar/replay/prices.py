"""The uniform price: whether a class can bear a place, and what everybody pays.

Next: `turns.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from busbar.model.time import HOUR
from busbar.replay.costs import GPU_WEIGHT, burden, draw_of

if TYPE_CHECKING:
    from busbar.replay.clearing import Market, Row, Term, Wish

Json = dict[str, Any]

Placed = tuple["Wish", "Row", "Term"]


def bears(market: Market, wish: Wish, row: Row, term: Term) -> bool:
    """Say whether nobody of the class would pay above their cap if the order came here."""
    others = [w for w in market.wishes if w.row is not None and w is not wish]
    return is_bearable(market, [*map(standing, others), (wish, row, term)], wish.group)


def standing(wish: Wish) -> Placed:
    """Give an order with the place it has."""
    return wish, wish.place, wish.when


def is_bearable(market: Market, placed: Iterable[Placed], group: tuple[object, ...]) -> bool:
    """Say whether what a class would pay is within the caps of all its orders."""
    paid: dict[tuple[str, int], int] = {}
    caps: dict[tuple[str, int], int] = {}
    for wish, row, term in placed:
        if wish.group != group:
            continue
        for cell, _ in market.parts(term):
            key = row.node["zone"], cell
            paid[key] = max(paid.get(key, 0), row.asks[cell] or 0)
            caps[key] = min(caps.get(key, wish.order["capNano"]), wish.order["capNano"])
    return all(paid[key] <= caps[key] for key in paid)


def segments(market: Market, wish: Wish) -> list[Json]:
    """Give the uniform prices of an order's term, equal neighbours in one slot together."""
    found: list[Json] = []
    for cell, _ in market.parts(wish.when):
        price = max(
            other.place.asks[cell] or 0
            for other in market.wishes
            if other.row is not None
            and other.group == wish.group
            and other.place.node["zone"] == wish.place.node["zone"]
            and cell in [c for c, _ in market.parts(other.when)]
        )
        left = max(wish.when[0], market.cells[cell][0])
        right = min(wish.when[1], market.cells[cell][1])
        if found and found[-1]["priceNano"] == price and left % HOUR:
            found[-1]["endMs"] = right
        else:
            found.append({"startMs": left, "endMs": right, "priceNano": price})
    return found


def matches(market: Market) -> list[Json]:
    placed = [wish for wish in market.wishes if wish.row is not None]
    found = []
    for wish in placed:
        if not wish.goes_on:
            pieces_ = [w for w in placed if w.goes_on and w.order is wish.order]
            later = [described(market, w) for w in sorted(pieces_, key=lambda w: w.when)]
            order = {"order": wish.order["id"], **({"later": later} if later else {})}
            found.append({**order, **described(market, wish)})
    return sorted(found, key=lambda match: match["order"])


def described(market: Market, wish: Wish) -> Json:
    """Give where a wish has its place, and what it pays there."""
    node, offer = wish.place.node, wish.place.offer
    moving, _ = burden(market, wish, wish.place)
    weight = node.get(GPU_WEIGHT, 0)
    return {
        **({"movingNano": moving} if moving else {}),
        "node": node["node"],
        "vendor": offer["vendor"],
        "zone": node["zone"],
        "offer": offer["offer"],
        "offerVersion": offer["version"],
        "drawMicro": -(-draw_of(wish.needs, weight) * node["ratingMicro"] // 10**6),
        "askNano": (market.asks(wish.place, wish.when) or [0])[0],
        "segments": segments(market, wish),
    }
