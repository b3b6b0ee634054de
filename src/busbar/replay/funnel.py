"""The funnel of an order that found no place, one node at a time."""

from __future__ import annotations

from busbar.replay.clearing import Json, Market, Row, Wish
from busbar.replay.company import company_reason
from busbar.replay.costs import is_beyond_egress_cap
from busbar.replay.eligibility import lasts, static_reason
from busbar.replay.prices import bears, matches
from busbar.replay.shares import RESOURCES

ORDER = (
    "RegionNotAllowed",
    "VendorNotAllowed",
    "SelectorMismatch",
    "RestrictionNotMet",
    "NotAttested",
    "BondTooLow",
    "TaintNotTolerated",
    "NodeCordoned",
    "AvoidedNode",
    "NodeNotReady",
    "NotOffered",
    "DeclinedByVendor",
    "OfferUnavailable",
    "PriceAboveCap",
    "EgressAboveCap",
    "NotEnoughCpu",
    "NotEnoughMemory",
    "NotEnoughGpu",
    "NotEnoughEphemeralStorage",
    "MinimumTermTooLong",
    "PodAntiAffinity",
    "PodAffinity",
    "TopologySpread",
    "OutsideGangZone",
    "ClearingPriceAboveCap",
    "VendorLimit",
    "NoFreeCapacity",
)


TOO_SMALL = ("NotEnoughCpu", "NotEnoughMemory", "NotEnoughGpu", "NotEnoughEphemeralStorage")


def refusals(market: Market) -> list[Json]:
    """Give the refusals of a cleared market."""
    found = [{"order": o, "reason": r, "funnel": {}} for o, r in market.untimely.items()]
    for wish in market.wishes:
        if wish.row is None:
            found.append({"order": wish.order["id"], **why_none(market, wish)})
    return sorted(found, key=lambda refusal: refusal["order"])


def why_none(market: Market, wish: Wish) -> Json:
    """Give reason and funnel; a gang has those of the member that was left out."""
    if wish.gang is None:
        counts = funnel(market, wish)
        return {"reason": headline(market, wish, counts), "funnel": counts}
    blocked, zone = market.missed[wish.gang]
    counts = funnel(market, blocked)
    reason = headline(market, blocked, counts)
    is_gangs = zone is not None and reason != "UnknownVendor"
    return {"reason": "GangNotPlaced" if is_gangs else reason, "funnel": counts}


def headline(market: Market, wish: Wish, counts: dict[str, int]) -> str:
    vendors = wish.order["vendors"]
    if vendors and not any(name in market.vendors for name in vendors):
        return "UnknownVendor"
    return max(counts, key=ORDER.index) if counts else "NoNodes"


def funnel(market: Market, wish: Wish) -> dict[str, int]:
    furthest: dict[str, str] = {}
    for row in market.rows:
        name, reason = row.node["node"], why_not(market, wish, row)
        if name not in furthest or ORDER.index(reason) > ORDER.index(furthest[name]):
            furthest[name] = reason
    reasons = list(furthest.values())
    return {reason: reasons.count(reason) for reason in ORDER if reason in reasons}


def why_not(market: Market, wish: Wish, row: Row) -> str:
    reason, terms = static_reason(market, wish, row), market.terms(wish)
    is_later = reason is None or ORDER.index(reason) > ORDER.index("NotAttested")
    if is_later and not any(lasts(market, wish, row, term) for term in terms):
        return "NotAttested"
    if reason is not None:
        return reason
    asked = [asks for term in terms if (asks := market.asks(row, term)) is not None]
    if not asked:
        return "OfferUnavailable"
    cap = wish.order["capNano"]
    if all(max(asks) > cap for asks in asked):
        return "PriceAboveCap"
    if is_beyond_egress_cap(market, wish, row):
        return "EgressAboveCap"
    for name, reason in zip(RESOURCES, TOO_SMALL, strict=True):
        if row.node.get(name, 0) < wish.order.get(name, 0):
            return reason
    if row.offer["minimumTermMs"] > wish.length:
        return "MinimumTermTooLong"
    company = company_reason(market, wish, row)
    if company is not None:
        return company
    if wish.gang is not None and market.missed[wish.gang][1] not in (None, row.node["zone"]):
        return "OutsideGangZone"
    affordable = [t for t in terms if (a := market.asks(row, t)) is not None and max(a) <= cap]
    if not any(bears(market, wish, row, term) for term in affordable):
        return "ClearingPriceAboveCap"
    if not any(market.shares.has_left(market, wish, row, term) for term in terms):
        return "VendorLimit"
    return "NoFreeCapacity"


def clear_again(status: Json) -> tuple[list[Json], list[Json]]:
    """Work a published clearing out again; gives its matches and refusals."""
    market = Market(status)
    market.clear()
    return matches(market), refusals(market)
