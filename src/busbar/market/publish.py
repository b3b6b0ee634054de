"""The clearing in public: book, orders and outcome as JSON, enough for anyone to compute it again.

What is left out is what is nobody else's business: names of namespaces and workloads, balances.
An order refused for lack of money took no part (`clearing.py` sees to that), so the rest can be
computed without knowing anybody's money. Next: `depth.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

from busbar.market.attested import Attested
from busbar.market.book import Book
from busbar.market.calendar import Calendar, Rule
from busbar.market.choices import (
    dealings_from_json,
    dealings_to_json,
    holdings_from_json,
    holdings_to_json,
    limit_from_json,
    limit_to_json,
)
from busbar.market.clearing import clear
from busbar.market.commitments import Commitment
from busbar.market.company import ALONE, Companion, Company
from busbar.market.loads import (
    burden_from_json,
    burden_to_json,
    rates_from_json,
    rates_to_json,
)
from busbar.market.offers import Supply
from busbar.market.orders import Eligibility, Order, Split
from busbar.market.outcome import Clearing, Match, Refusal
from busbar.market.podspec import Taint, Toleration
from busbar.market.reasons import Reason
from busbar.model.dtu import Resources
from busbar.model.expressions import of_json, of_text, to_json, to_text
from busbar.model.gangs import Gang
from busbar.model.money import format_euro

Json = dict[str, Any]

_RULES = ("apart", "together", "spread")
MONEY_REASONS = frozenset({Reason.INSUFFICIENT_FUNDS, Reason.BUDGET_EXCEEDED})


def clearing_to_json(book: Book, orders: Iterable[Order], clearing: Clearing) -> Json:
    """Give the status of a Clearing object (`busbar.model.kinds.book.ClearingStatus`)."""
    return {**book_to_json(book), **batch_to_json(orders, clearing)}


def batch_to_json(orders: Iterable[Order], clearing: Clearing) -> Json:
    """Give a clearing without its book: the orders, and what came out."""
    return {
        **outcome_to_json(clearing),
        "orders": [order_to_json(order) for order in sorted(orders, key=attrgetter("id"))],
    }


def recompute(status: Mapping[str, Any]) -> Json:
    """Compute a published clearing again: equal to `status` where it is true."""
    refused = {
        refusal["order"]: refusal
        for refusal in status["refusals"]
        if refusal["reason"] in MONEY_REASONS
    }
    book = book_from_json(status)
    orders = [order_from_json(order) for order in status["orders"]]
    able = [order for order in orders if order.id not in refused]
    clearing = clear(book, able, status["atMs"], seed=status["seed"])
    found = clearing_to_json(book, orders, clearing)
    refusals = [*found["refusals"], *refused.values()]
    found["refusals"] = sorted(refusals, key=lambda refusal: str(refusal["order"]))
    return {**found, "unmatched": len(refusals)}


def outcome_to_json(clearing: Clearing) -> Json:
    """Give what came out of a clearing."""
    zone_prices = sorted(clearing.zone_prices().items())
    return {
        "atMs": clearing.at,
        "seed": clearing.seed,
        "rule": clearing.rule,
        "matches": [_match_to_json(match) for match in clearing.matches],
        "refusals": [_refusal_to_json(refusal) for refusal in clearing.refusals],
        "matched": len(clearing.matches),
        "unmatched": len(clearing.refusals),
        "prices": {zone: format_euro(nano) for zone, nano in zone_prices},
    }


def _match_to_json(match: Match) -> Json:
    later = [_place_to_json(part) for part in match.later]
    return {
        "order": match.order,
        **_place_to_json(match),
        **({"later": later} if later else {}),
    }


def _place_to_json(match: Match) -> Json:
    return {
        "node": match.node,
        "vendor": match.vendor,
        "zone": match.zone,
        "offer": match.offer,
        "offerVersion": match.offer_version,
        "drawMicro": match.draw_micro,
        "askNano": match.ask_nano,
        **({"movingNano": match.moving_nano} if match.moving_nano else {}),
        "segments": [
            {"startMs": start, "endMs": end, "priceNano": price}
            for start, end, price in match.segments
        ],
    }


def _refusal_to_json(refusal: Refusal) -> Json:
    funnel = refusal.funnel
    counts: Counter[str] = Counter()
    for count in () if funnel is None else funnel.counts:
        counts[count.reason.value] += count.nodes
    return {"order": refusal.order, "reason": refusal.reason.value, "funnel": dict(counts)}


def book_to_json(book: Book) -> Json:
    """Give the supply side: offers with their nodes, what is committed, the vendors known."""
    rows = sorted(book.supplies, key=lambda row: (row.offer, row.vendor, row.node))
    return {
        "vendors": sorted(book.vendors),
        "supply": [_offer_to_json(list(group)) for _, group in groupby(rows, key=terms_of_sale)],
        "commitments": [
            {"node": node, **_resources_to_json(resources), "startMs": start, "endMs": end}
            for node, resources, start, end in book.commitments
        ],
        **holdings_to_json(book.holdings),
        "companions": companions_to_json(book),
    }


def companions_to_json(book: Book) -> list[Json]:
    """Give who runs where, by the groups that the orders of the batch keep to or from."""
    return [
        {"node": node, "groups": list(groups), "apart": [list(rule) for rule in apart]}
        for node, groups, apart in book.companions
    ]


def commitment_line(
    node: str, resources: Sequence[int], start: int, end: int | None
) -> list[object]:
    """Give a commitment as a line of a record."""
    return [node, *resources, start, end]


def book_from_json(status: Mapping[str, Any]) -> Book:
    """Read what `book_to_json` wrote."""
    rows = (row for offer in status["supply"] for row in _offer_from_json(offer))
    commitments = (
        Commitment(entry["node"], _resources_from_json(entry), entry["startMs"], entry["endMs"])
        for entry in status["commitments"]
    )
    companions = (
        Companion(c["node"], tuple(c["groups"]), tuple(tuple(rule) for rule in c["apart"]))
        for c in status.get("companions", ())
    )
    holdings = holdings_from_json(status.get("holdings", ()))
    return Book.build(rows, commitments, status["vendors"], companions, holdings)


def terms_of_sale(row: Supply) -> tuple[object, ...]:
    """Give what rows under one offer have in common."""
    notice, term = row.reclaim_notice_ms, row.minimum_term_ms
    terms = (row.offer, row.vendor, row.offer_version, row.calendar, row.attributes)
    return (*terms, row.paused, notice, term, row.rates, row.limit)


def _offer_to_json(rows: list[Supply]) -> Json:
    return {**offer_to_json(rows[0]), "nodes": [node_to_json(row) for row in rows]}


def offer_to_json(first: Supply) -> Json:
    """Give the offer that a row is under."""
    return {
        "offer": first.offer,
        "vendor": first.vendor,
        "version": first.offer_version,
        "calendar": _calendar_to_json(first.calendar),
        "attributes": dict(first.attributes),
        "paused": first.paused,
        "reclaimNoticeMs": first.reclaim_notice_ms,
        "minimumTermMs": first.minimum_term_ms,
        **rates_to_json(first.rates),
        **limit_to_json(first.limit),
    }


def node_to_json(row: Supply) -> Json:
    """Give the node of a row."""
    return {
        "node": row.node,
        "zone": row.zone,
        **_resources_to_json(row.capacity),
        "ratingMicro": row.rating_micro,
        **_gpus_to_json(row),
        "labels": dict(row.labels),
        "taints": [list(taint) for taint in row.taints],
        "ready": row.ready,
        "cordoned": row.cordoned,
        **({"attested": [list(one) for one in row.attested]} if row.attested else {}),
    }


def _gpus_to_json(row: Supply) -> Json:
    """Give what GPUs a node has and what each draws; nothing where it has none, as of old."""
    if not row.gpu_weight_micro:
        return {}
    return {"gpuClass": row.gpu_class, "gpuWeightMicro": row.gpu_weight_micro}


def _offer_from_json(offer: Mapping[str, Any]) -> Iterable[Supply]:
    calendar = _calendar_from_json(offer["calendar"])
    for node in offer["nodes"]:
        yield Supply(
            node=node["node"],
            vendor=offer["vendor"],
            zone=node["zone"],
            offer=offer["offer"],
            offer_version=offer["version"],
            calendar=calendar,
            capacity=_resources_from_json(node),
            rating_micro=node["ratingMicro"],
            labels=tuple(sorted(node["labels"].items())),
            attributes=tuple(sorted(offer["attributes"].items())),
            taints=tuple(Taint(*taint) for taint in node["taints"]),
            ready=node["ready"],
            cordoned=node["cordoned"],
            paused=offer["paused"],
            reclaim_notice_ms=offer["reclaimNoticeMs"],
            minimum_term_ms=offer["minimumTermMs"],
            attested=tuple(Attested(*one) for one in node.get("attested", ())),
            limit=limit_from_json(offer.get("limit")),
            rates=rates_from_json(offer.get("rates")),
            gpu_class=node.get("gpuClass", ""),
            gpu_weight_micro=node.get("gpuWeightMicro", 0),
        )


def _calendar_to_json(calendar: Calendar) -> Json:
    def rules(entries: tuple[Rule, ...]) -> list[Json]:
        return [
            {"days": sorted(r.days), "start": r.start, "end": r.end, "priceNano": r.price_nano}
            for r in entries
        ]

    return {
        "baseNano": calendar.base_nano,
        "zone": calendar.zone,
        "rules": rules(calendar.rules),
        "exceptions": rules(calendar.exceptions),
    }


def _calendar_from_json(value: Mapping[str, Any]) -> Calendar:
    def rules(entries: list[Json]) -> tuple[Rule, ...]:
        return tuple(
            Rule(frozenset(r["days"]), r["start"], r["end"], r["priceNano"]) for r in entries
        )

    return Calendar(
        value["baseNano"], value["zone"], rules(value["rules"]), rules(value["exceptions"])
    )


def order_to_json(order: Order) -> Json:
    """Give an order without the names of its namespace and workload."""
    wanted = order.eligibility
    return {
        "id": order.id,
        **_resources_to_json(order.requests),
        "capNano": order.cap_nano,
        "regions": list(wanted.regions),
        "vendors": list(wanted.vendors),
        "selector": dict(wanted.selector),
        "tolerations": [list(toleration) for toleration in wanted.tolerations],
        "earliestMs": order.earliest,
        "deadlineMs": order.deadline,
        "durationMs": order.duration,
        "mayWait": order.may_wait,
        "avoid": sorted(order.avoid),
        **({"where": to_json(of_text(wanted.where))} if wanted.where else {}),
        **_company_to_json(order.company),
        **dealings_to_json(order.dealings),
        **_gang_to_json(order.gang),
        **_split_to_json(order.split),
        **burden_to_json(order.burden),
    }


def _split_to_json(split: Split | None) -> Json:
    """Give in how many pieces an order may run; nothing for most orders."""
    if split is None:
        return {}
    return {"split": {"piecesMax": split.pieces_max, "minimumMs": split.minimum_ms}}


def _split_from_json(value: Mapping[str, Any] | None) -> Split | None:
    return None if value is None else Split(value["piecesMax"], value["minimumMs"])


def _gang_to_json(gang: Gang | None) -> Json:
    """Give the gang of an order; nothing for most orders."""
    if gang is None:
        return {}
    name, size, there, zones = gang
    return {"gang": {"name": name, "size": size, "there": there, "zones": list(zones)}}


def _gang_from_json(value: Mapping[str, Any] | None) -> Gang | None:
    if value is None:
        return None
    return Gang(value["name"], value["size"], value["there"], tuple(value["zones"]))


def _company_to_json(company: Company) -> Json:
    """Give the groups of an order and its rules about them; nothing for most orders."""
    if company == ALONE:
        return {}
    found = {name: [list(rule) for rule in getattr(company, name)] for name in _RULES}
    return {"company": {"groups": list(company.groups), **found}}


def _company_from_json(value: Mapping[str, Any] | None) -> Company:
    if value is None:
        return ALONE
    rules = (tuple(tuple(rule) for rule in value[name]) for name in _RULES)
    return Company(tuple(value["groups"]), *rules)


def order_from_json(value: Mapping[str, Any]) -> Order:
    """Read what `order_to_json` wrote; the names it leaves out are empty."""
    return Order(
        id=value["id"],
        namespace="",
        name="",
        requests=_resources_from_json(value),
        cap_nano=value["capNano"],
        eligibility=Eligibility(
            tuple(value["regions"]),
            tuple(value["vendors"]),
            tuple(sorted(value["selector"].items())),
            tuple(Toleration(*toleration) for toleration in value["tolerations"]),
            to_text(of_json(value["where"])) if "where" in value else "",
        ),
        earliest=value["earliestMs"],
        deadline=value["deadlineMs"],
        duration=value["durationMs"],
        may_wait=value["mayWait"],
        avoid=frozenset(value["avoid"]),
        company=_company_from_json(value.get("company")),
        dealings=dealings_from_json(value.get("dealings")),
        gang=_gang_from_json(value.get("gang")),
        split=_split_from_json(value.get("split")),
        burden=burden_from_json(value.get("burden")),
    )


def _resources_to_json(resources: Resources) -> Json:
    """Give amounts by their names; ephemeral storage where there is any, as in old records."""
    cpu, memory, gpus, disk = resources
    found = {"cpuMilli": cpu, "memoryBytes": memory, "gpus": gpus}
    return {**found, "ephemeralBytes": disk} if disk else found


def _resources_from_json(value: Mapping[str, Any]) -> Resources:
    disk = value.get("ephemeralBytes", 0)
    return Resources(value["cpuMilli"], value["memoryBytes"], value["gpus"], disk)
