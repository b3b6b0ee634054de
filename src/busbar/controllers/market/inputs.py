"""What a batch is cleared from: the book, the orders, the money. Next: `matches.py`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from busbar.controllers.market.draws import Draw, draws
from busbar.controllers.market.resale import Kept, Part, parts, with_parts
from busbar.controllers.parts.funds import budget_left
from busbar.controllers.places import keeper_of
from busbar.controllers.procurement.asks import Ask, asked
from busbar.controllers.standing import Standing
from busbar.ledger.entries import available
from busbar.market.book import Book
from busbar.market.company import in_company
from busbar.market.drivers import with_places
from busbar.market.funds import Funds
from busbar.market.offers import Offer
from busbar.market.orders import Order, OrderRefused, fixed_term_of
from busbar.market.restrictions import asks_for_bond
from busbar.market.thrift import cheapest_first
from busbar.model.dtu import Resources
from busbar.model.gangs import Gang
from busbar.model.objects import Object, namespace_of, spec_of
from busbar.model.time import Instant
from busbar.model.wellknown import NO_RESERVATION
from busbar.store.contract import Snapshot


class Ordered(NamedTuple):
    """An order and the Pod it is."""

    order: Order
    pod: Object


class Standby(NamedTuple):
    """What a standing order asks for, and the Procurement it is of.

    `driver`: whose place it is, for places of a driver. With `is_new` the driver is matched with
    it, in the same transaction, which makes the Procurement.
    """

    order: Order
    procurement: Object
    driver: Ordered | None = None
    is_new: bool = False


class Inputs(NamedTuple):
    """Everything a batch is cleared from; `refused` are Pods that cannot be orders.

    `standby` are the orders of Procurements that ask now, by id; `asks_due` is when one asks next.
    """

    book: Book
    orders: dict[str, Ordered]
    refused: tuple[tuple[Object, OrderRefused], ...]
    funds: dict[str, Funds]
    offers: tuple[Offer, ...]
    standby: dict[str, Standby]
    asks: tuple[Ask, ...]
    asks_due: Instant | None
    draws: tuple[tuple[Ordered, Draw], ...]
    without: tuple[tuple[Object, Order], ...]
    """Pods that name a Procurement which has no room for them now."""
    on_sale: dict[str, Part]
    """Parts of nodes that are sold again, by their names in the book."""

    @property
    def batch(self) -> list[Order]:
        """Give all orders of the batch."""
        found = [ordered.order for ordered in self.orders.values()]
        return found + [standby.order for standby in self.standby.values()]


def read_inputs(standing: Standing, snapshot: Snapshot, now: Instant, procure_ms: int) -> Inputs:
    """Read what a batch is cleared from. `procure_ms` is how often a Procurement asks."""
    orders: dict[str, Ordered] = {}
    refused = []
    for pod, order in standing.at(snapshot).waiting():
        if isinstance(order, OrderRefused):
            refused.append((pod, order))
        else:
            order = standing.dealings.served(standing.freight.laden(order), spec_of(pod))
            orders[order.id] = Ordered(order, pod)
    asks, due = asked(snapshot, standing.pools.held_by, procure_ms, now)
    asking = [*(ordered.order for ordered in orders.values()), *(o for a in asks for o in a.orders)]
    if any(asks_for_bond(order.eligibility.where) for order in asking):
        standing.weigh_bonds(snapshot)
    namespaces = {ordered.order.namespace for ordered in orders.values()}
    namespaces |= {namespace_of(ask.procurement) for ask in asks}
    funds = {
        name: _funds(snapshot, name, standing.contracts.spent(name, now))
        for name in sorted(namespaces)
    }
    social, book = sociable(standing, [ordered.order for ordered in orders.values()])
    for order in social:
        if order is not orders[order.id].order:
            orders[order.id] = Ordered(order, orders[order.id].pod)
    free = orders.values() if standing.pools.are_there else ()
    loose = [ordered.order for ordered in free if not fixed_term_of(ordered.pod)]
    found = draws(standing, snapshot, book, loose, now)
    drawn = tuple((orders.pop(draw.match.order), draw) for draw in found)
    named = [o.id for o, _ in orders.values() if o.reservation not in (None, NO_RESERVATION)]
    without = tuple((orders[one].pod, orders.pop(one).order) for one in named)
    standby = {
        name: one._replace(order=standing.dealings.served(one.order, {}))
        for name, one in _standby(book, asks, funds, now).items()
    }
    standby |= _places(standing, orders, now)
    on_sale = parts(standing, snapshot, now, drawing((o.order, draw) for o, draw in drawn))
    if on_sale:
        kept = Kept(on_sale.values())
        for one, (order, pod) in orders.items():
            mine = kept.kept(order, has_fixed_term=bool(fixed_term_of(pod)))
            orders[one] = Ordered(mine, pod)
        standby = {
            name: one._replace(order=kept.from_all(one.order)) for name, one in standby.items()
        }
    return Inputs(
        with_parts(standing, book, on_sale),
        orders,
        tuple(refused),
        funds,
        standing.offers,
        standby,
        asks,
        due,
        drawn,
        without,
        on_sale,
    )


def _places(standing: Standing, orders: dict[str, Ordered], now: Instant) -> dict[str, Standby]:
    """Give the places that drivers of the batch need; their gangs grow by them."""
    found: dict[str, Standby] = {}
    if all(ordered.order.places is None for ordered in orders.values()):
        return found
    driver: Ordered | None = None
    keeper: Object = {}
    for order in with_places(ordered.order for ordered in orders.values()):
        if order.id in orders:
            driver = orders[order.id] = Ordered(order, orders[order.id].pod)
            keeper = keeper_of(driver.pod, order, now) if order.places is not None else keeper
        else:
            assert driver is not None
            mine = standing.dealings.served(order, spec_of(driver.pod))
            found[order.id] = Standby(mine, keeper, driver, is_new=True)
    return found


def sociable(standing: Standing, orders: list[Order]) -> tuple[list[Order], Book]:
    """Give orders with what their company and gangs come to, and the book with who is there."""
    social, companions = in_company(orders, standing.company.residents(orders))
    gangs = standing.company.in_gangs(social)
    if gangs:
        social = [_of_gang(order, gangs) for order in social]
    return social, standing.book.among(companions)


def _of_gang(order: Order, gangs: dict[str, Gang]) -> Order:
    if order.gang is None or order.gang.name not in gangs:
        return order
    return replace(order, gang=gangs[order.gang.name]._replace(size=order.gang.size))


def drawing(drawn: Iterable[tuple[Order, Draw]]) -> dict[str, Resources]:
    """Give what orders of the batch draw, by pool."""
    found: dict[str, Resources] = {}
    for order, draw in drawn:
        found[draw.key.id] = found.get(draw.key.id, Resources()).plus(order.requests)
    return found


def _standby(
    book: Book, asks: tuple[Ask, ...], funds: dict[str, Funds], now: Instant
) -> dict[str, Standby]:
    """Give what Procurements ask for, as far as there is money, the cheapest hours first."""
    found = {}
    for ask in asks:
        purse = funds[namespace_of(ask.procurement)]
        for order in cheapest_first(book, ask.orders, purse, now):
            driver = None if ask.driver is None else Ordered(*ask.driver)
            found[order.id] = Standby(order, ask.procurement, driver)
    return found


def _funds(snapshot: Snapshot, namespace: str, spent: int) -> Funds:
    balance = snapshot.balance(available(namespace))
    return Funds(balance, budget_left(snapshot, namespace, spent))
