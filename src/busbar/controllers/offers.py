"""Offers and vendors: what the exchange sees of them, in their status. Next: `books.py`."""

from __future__ import annotations

from collections.abc import Iterable

from busbar.controllers.contract import NOTHING, Collection, Decision, decide
from busbar.controllers.nodes import is_ready
from busbar.controllers.parts.writes import update_status
from busbar.controllers.reliability import Reliability
from busbar.controllers.settings import Settings
from busbar.ledger.entries import bond as bond_account
from busbar.ledger.entries import vendor as vendor_account
from busbar.market.agreed import remembered
from busbar.market.offers import Offer, parse_offer
from busbar.model.errors import InvalidField
from busbar.model.money import format_euro
from busbar.model.objects import Key, Object, labels_of, metadata, spec_of
from busbar.model.time import SECOND, Instant, slot_of
from busbar.model.wellknown import GROUP, LABEL_REGION, LABEL_VENDOR
from busbar.store.contract import Event, Snapshot

OFFERS: Collection = (GROUP, "offers")
VENDORS: Collection = (GROUP, "vendors")


class OfferController:
    """Says in each Offer's status what it asks now, and for which nodes."""

    name = "offers"
    watches: tuple[Collection, ...] = (OFFERS, ("", "nodes"))

    def __init__(self, settings: Settings) -> None:
        self.coalesce_ms = settings.status_ms

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake an offer for itself; for a node, all offers of its vendor, under one key."""
        if event.key.resource == "offers":
            return (event.key,)
        vendor = labels_of(event.obj).get(LABEL_VENDOR, "")
        return (Key(GROUP, "vendors", "", vendor),) if vendor else ()

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Update one offer, or all of a vendor."""
        objs = [
            obj
            for obj in snapshot.list(*OFFERS)
            if Key(*OFFERS, "", metadata(obj)["name"]) == key
            or (key.resource == "vendors" and spec_of(obj).get("vendor") == key.name)
        ]
        ops = [op for obj in objs for op in update_status(obj, **_offer_status(snapshot, obj, now))]
        note = f"{key}: status of {len(ops)} offers" if ops else ""
        return decide(*ops, requeue_at=_next_price(objs, now), note=note)


def _offer_status(snapshot: Snapshot, obj: Object, now: Instant) -> dict[str, object]:
    generation = metadata(obj).get("generation", 1)
    try:
        offer = parse_offer(obj)
    except InvalidField as error:
        message = f"{error}. Sells nothing until this is corrected."
        return {"observedGeneration": generation, "available": False, "message": message}
    nodes = _nodes_of(snapshot, offer)
    ask = offer.calendar.ask_at(now)
    regions = sorted({labels_of(node).get(LABEL_REGION, "") for node in nodes} - {""})
    return {
        "observedGeneration": generation,
        "pricePerDTU": None if ask is None else format_euro(ask),
        "available": ask is not None and not offer.paused and any(map(is_ready, nodes)),
        "nodes": len(nodes),
        "regions": regions,
        "message": None if nodes else "No node of the vendor matches spec.nodeSelector.",
        "terms": remembered(obj, now),
    }


def _nodes_of(snapshot: Snapshot, offer: Offer) -> list[Object]:
    return [
        node
        for node in snapshot.list("", "nodes")
        if offer.sells(labels_of(node).get(LABEL_VENDOR, ""), labels_of(node))
    ]


def _next_price(objs: list[Object], now: Instant) -> Instant | None:
    found = []
    for obj in objs:
        try:
            offer = parse_offer(obj)
        except InvalidField:
            continue
        if offer.calendar.rules or offer.calendar.exceptions:
            end = slot_of(now).end
            found.append(next((p.start for p in offer.calendar.pieces(now, end)[1:]), end))
    return min(found, default=None)


_MONEY_MS = 30 * SECOND
"""How often a vendor's money is looked at: deposits and payouts change no object."""


VENDORS_TIMES = 5
"""A vendor's status counts all its contracts: it may lag so many times longer than others."""


class VendorController:
    """Says in each Vendor's status its nodes, its money, and how much it kept of its promises."""

    name = "vendors"
    watches: tuple[Collection, ...] = (VENDORS, ("", "nodes"), (GROUP, "contracts"))

    def __init__(self, settings: Settings) -> None:
        self.coalesce_ms = VENDORS_TIMES * settings.status_ms
        self._reliability = Reliability()

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake a vendor for itself, its nodes and its contracts."""
        if event.key.resource == "vendors":
            return (event.key,)
        vendor = (
            labels_of(event.obj).get(LABEL_VENDOR, "")
            if event.key.resource == "nodes"
            else str(spec_of(event.obj).get("vendor", ""))
        )
        return (Key(*VENDORS, "", vendor),) if vendor else ()

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Update one vendor."""
        vendor = snapshot.get(key)
        if vendor is None:
            return NOTHING
        nodes = [
            node
            for node in snapshot.list("", "nodes")
            if labels_of(node).get(LABEL_VENDOR) == key.name
        ]
        reliability = self._reliability.at(snapshot)
        ops = update_status(
            vendor,
            nodes=len(nodes),
            nodesReady=sum(map(is_ready, nodes)),
            balance=format_euro(snapshot.balance(vendor_account(key.name))),
            bond=format_euro(snapshot.balance(bond_account(key.name))),
            **reliability.of(key.name).shown(),
            nodeReliability=reliability.nodes_of(key.name) or None,
        )
        note = f"vendor {key.name}: status updated" if ops else ""
        return decide(*ops, requeue_at=now + _MONEY_MS, note=note)
