"""What a batch is cleared from: the book, the orders, the money. Next: `matches.py`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from busbar.controllers.nodes import is_ready
from busbar.controllers.parts.funds import budget_left
from busbar.controllers.parts.pods import contract_key, node_of, phase_of
from busbar.ledger.entries import available
from busbar.market.book import Book
from busbar.market.commitments import commitments_of
from busbar.market.funds import Funds
from busbar.market.offers import Offer, parse_offer, supply_rows
from busbar.market.orders import Order, OrderRefused, parse_order
from busbar.model.errors import InvalidField
from busbar.model.objects import Key, Object, is_deleting, name_of, namespace_of, spec_of, status_of
from busbar.model.time import Instant
from busbar.model.wellknown import GROUP
from busbar.store.contract import Snapshot


class Ordered(NamedTuple):
    """An order and the Pod it is."""

    order: Order
    pod: Object


class Inputs(NamedTuple):
    """Everything a batch is cleared from; `refused` are Pods that cannot be orders."""

    book: Book
    orders: dict[str, Ordered]
    refused: tuple[tuple[Object, OrderRefused], ...]
    funds: dict[str, Funds]
    offers: tuple[Offer, ...]


def is_order(pod: Object, snapshot: Snapshot) -> bool:
    """Say whether a Pod waits for a match."""
    if node_of(pod) or is_deleting(pod) or phase_of(pod) != "Pending":
        return False
    if spec_of(pod).get("schedulingGates"):
        return False
    key = contract_key(pod)
    contract = snapshot.get(key) if key is not None else None
    return contract is None or status_of(contract).get("phase") == "Closed"


def read_inputs(snapshot: Snapshot, pods: Iterable[Object], now: Instant) -> Inputs:
    """Read what a batch of Pods is cleared from."""
    orders, refused = _orders(snapshot, pods)
    offers = read_offers(snapshot)
    namespaces = sorted({ordered.order.namespace for ordered in orders.values()})
    return Inputs(
        read_book(snapshot, offers),
        orders,
        refused,
        {name: _funds(snapshot, name, now) for name in namespaces},
        offers,
    )


def read_offers(snapshot: Snapshot) -> tuple[Offer, ...]:
    """Read the offers; one that cannot be read sells nothing (its status says why)."""
    found = []
    for obj in snapshot.list(GROUP, "offers"):
        try:
            found.append(parse_offer(obj))
        except InvalidField:
            continue
    return tuple(found)


def read_book(snapshot: Snapshot, offers: Iterable[Offer]) -> Book:
    """Make the book: what is for sale, less what open contracts occupy."""
    nodes = list(snapshot.list("", "nodes"))
    ready = {name_of(node) for node in nodes if is_ready(node)}
    vendors = [name_of(vendor) for vendor in snapshot.list(GROUP, "vendors")]
    contracts = snapshot.list(GROUP, "contracts")
    return Book.build(
        supply_rows(offers, nodes, ready.__contains__), commitments_of(contracts), vendors
    )


def _orders(
    snapshot: Snapshot, pods: Iterable[Object]
) -> tuple[dict[str, Ordered], tuple[tuple[Object, OrderRefused], ...]]:
    orders: dict[str, Ordered] = {}
    refused = []
    for pod in pods:
        namespace = snapshot.get(Key("", "namespaces", "", namespace_of(pod)))
        order = parse_order(pod, namespace)
        if isinstance(order, OrderRefused):
            refused.append((pod, order))
        else:
            orders[order.id] = Ordered(order, pod)
    return orders, tuple(refused)


def _funds(snapshot: Snapshot, namespace: str, now: Instant) -> Funds:
    balance = snapshot.balance(available(namespace))
    return Funds(balance, budget_left(snapshot, namespace, now))
