"""Which row an order may have, whenever it runs: the first test that it fails.

Next: `company.py`, whom it may be near.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from busbar.replay.restrictions import divided, meets, parts_of, said

if TYPE_CHECKING:
    from busbar.replay.clearing import Market, Row, Term, Wish

Json = dict[str, Any]

NO_DEALINGS = {"consumer": "", "declined": []}


def static_reason(market: Market, wish: Wish, row: Row) -> str | None:
    """Give the first test of who and where that a row fails."""
    order, node, offer = wish.order, row.node, row.offer
    if order["regions"] and node["zone"] not in order["regions"]:
        return "RegionNotAllowed"
    if order["vendors"] and offer["vendor"] not in order["vendors"]:
        return "VendorNotAllowed"
    if any(node["labels"].get(k) != v for k, v in order["selector"].items()):
        return "SelectorMismatch"
    (where, bond), at_once = divided(order.get("where")), (market.now, market.now + 1)
    if not all(said(part, node, offer, market.now) for part in parts_of(where)):
        return "RestrictionNotMet"
    if not meets(where, node, offer, at_once):
        return "NotAttested"
    if not meets(bond, node, offer, at_once):
        return "BondTooLow"
    if any(not tolerated(order["tolerations"], taint) for taint in node["taints"]):
        return "TaintNotTolerated"
    if node["cordoned"]:
        return "NodeCordoned"
    if avoided(order["avoid"], node):
        return "AvoidedNode"
    if not node["ready"]:
        return "NodeNotReady"
    if not offer["offer"]:
        return "NotOffered"
    if offer["offer"] in order.get("dealings", {}).get("declined", []):
        return "DeclinedByVendor"
    return "OfferUnavailable" if offer["paused"] else None


def lasts(market: Market, wish: Wish, row: Row, term: Term) -> bool:
    """Say whether what was signed of a row is so to the end of a term."""
    where, _ = divided(wish.order.get("where"))
    return meets(where, row.node, row.offer, (market.now, term[1]))


def tolerated(tolerations: list[list[str]], taint: list[str]) -> bool:
    for key, operator, value, effect in tolerations:
        if effect and effect != taint[2]:
            continue
        if operator == "Exists" and key in ("", taint[0]):
            return True
        if operator != "Exists" and key == taint[0] and value == taint[1]:
            return True
    return False


def avoided(entries: list[str], node: Json) -> bool:
    """Say whether a node is among those avoided, by its name or by `LABEL=VALUE` of a label."""
    carried = {f"{label}={value}" for label, value in node["labels"].items()}
    return any(entry == node["node"] or entry in carried for entry in entries)


def nobody_avoided(wish: Wish) -> Wish:
    """Copy without what is the order's own: what it keeps away from, and what vendors decline."""
    return replace(wish, order={**wish.order, "avoid": [], "dealings": NO_DEALINGS})
