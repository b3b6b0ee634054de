"""Whom an order is near or far, worked out again at each question. Next: `costs.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busbar.replay.eligibility import nobody_avoided, static_reason

if TYPE_CHECKING:
    from busbar.replay.clearing import Market, Row, Wish

Json = dict[str, Any]


def company_reason(market: Market, wish: Wish, row: Row) -> str | None:
    """Give the first rule of company that a row would break."""
    company = wish.company
    if company is None:
        return None
    near = [m for t, g in company["apart"] for m in members(market, g) if same(t, m, row.node)]
    unwelcome = [
        node
        for node, t, g in unwelcoming(market)
        if g in company["groups"] and same(t, node, row.node)
    ]
    if near or unwelcome:
        return "PodAntiAffinity"
    wanted = company["together"]
    nobody = not any(members(market, g) for _, g in wanted)
    is_first = nobody and all(g in company["groups"] for _, g in wanted)
    for topology, group in wanted:
        if topology == "region" and not row.node["zone"]:
            return "PodAffinity"
        friends = [m for m in members(market, group) if same(topology, m, row.node)]
        if not friends and not is_first:
            return "PodAffinity"
    for rule in company["spread"]:
        if not is_level(market, wish, row, *rule):
            return "TopologySpread"
    return None


def is_level(
    market: Market, wish: Wish, row: Row, topology: str, group: str, skew: int, least: int
) -> bool:
    """Say whether a group stays spread over its domains if one more comes to this row."""
    eligible = [r for r in market.rows if static_reason(market, nobody_avoided(wish), r) is None]
    domains = {domain(topology, r.node) for r in eligible} - {""}
    here = domain(topology, row.node)
    if here not in domains:
        return False
    counts = dict.fromkeys(domains, 0)
    for member in members(market, group):
        if domain(topology, member) in counts:
            counts[domain(topology, member)] += 1
    fewest = min(counts.values()) if len(domains) >= least else 0
    return counts[here] + (group in (wish.company or {})["groups"]) - fewest <= skew


def members(market: Market, group: str) -> list[Json]:
    """Give the nodes of all who belong to a group, one entry each."""
    nodes = {row.node["node"]: row.node for row in market.rows}
    found = [c["node"] for c in market.companions if group in c["groups"]]
    for w in market.wishes:
        if w.row is not None and w.company and group in w.company["groups"]:
            found.append(w.row.node["node"])
    return [nodes[name] for name in found if name in nodes]


def unwelcoming(market: Market) -> list[tuple[Json, str, str]]:
    """Give (node, topology, group) of all who have a place and will not have a group near."""
    nodes = {row.node["node"]: row.node for row in market.rows}
    found = [(c["node"], *rule) for c in market.companions for rule in c["apart"]]
    for w in market.wishes:
        if w.row is not None and w.company:
            found += [(w.row.node["node"], *rule) for rule in w.company["apart"]]
    return [(nodes[name], t, g) for name, t, g in found if name in nodes]


def hopes(wish: Wish) -> bool:
    """Say whether others who find a place may open one for an order."""
    return bool(wish.company and (wish.company["together"] or wish.company["spread"]))


def same(topology: str, one: Json, other: Json) -> bool:
    """Say whether two nodes are in one domain; a node without a region is near nobody."""
    here = domain(topology, one)
    return here != "" and here == domain(topology, other)


def domain(topology: str, node: Json) -> str:
    """Give the domain of a topology that a node is in."""
    return str(node["node"] if topology == "node" else node["zone"])
