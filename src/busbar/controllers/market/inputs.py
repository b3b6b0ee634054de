"""What a batch is cleared from: the book, the orders, the money. Next: `matches.py`."""

from __future__ import annotations

from typing import NamedTuple

from busbar.controllers.parts.funds import budget_left
from busbar.controllers.standing import Standing
from busbar.ledger.entries import available
from busbar.market.book import Book
from busbar.market.company import in_company
from busbar.market.funds import Funds
from busbar.market.offers import Offer
from busbar.market.orders import Order, OrderRefused
from busbar.model.objects import Object
from busbar.model.time import Instant
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


def read_inputs(standing: Standing, snapshot: Snapshot, now: Instant) -> Inputs:
    """Read what a batch is cleared from."""
    orders: dict[str, Ordered] = {}
    refused = []
    for pod, order in standing.at(snapshot).waiting():
        if isinstance(order, OrderRefused):
            refused.append((pod, order))
        else:
            orders[order.id] = Ordered(standing.freight.laden(order), pod)
    namespaces = sorted({ordered.order.namespace for ordered in orders.values()})
    funds = {name: _funds(snapshot, name, standing.spent(name, now)) for name in namespaces}
    wanted = [ordered.order for ordered in orders.values()]
    sociable, companions = in_company(wanted, standing.residents(wanted))
    for order in sociable:
        orders[order.id] = Ordered(order, orders[order.id].pod)
    book = standing.book.among(companions)
    return Inputs(book, orders, tuple(refused), funds, standing.offers)


def _funds(snapshot: Snapshot, namespace: str, spent: int) -> Funds:
    balance = snapshot.balance(available(namespace))
    return Funds(balance, budget_left(snapshot, namespace, spent))
