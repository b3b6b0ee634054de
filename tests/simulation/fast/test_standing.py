"""What the market remembers is what it would read anew, at every commit of days full of faults."""

from __future__ import annotations

import pytest
from tests.unit.controllers.house import House

from busbar.controllers.parts.funds import spent_in
from busbar.controllers.standing import Standing
from busbar.market.company import EVERYWHERE, NODE, Near, Rules, Selector
from busbar.market.orders import Order
from busbar.model.dtu import Resources
from busbar.model.objects import Key, name_of, namespace_of, spec_of, uid_of
from busbar.model.time import HOUR, Instant
from busbar.model.wellknown import GROUP
from busbar.simulator.cloud import Cloud
from busbar.store.contract import Snapshot


def facts(standing: Standing, snapshot: Snapshot, now: Instant) -> tuple[object, ...]:
    standing.at(snapshot)
    standing.weigh_bonds(snapshot)  # Money that moves changes no object: who needs it asks.
    waiting = [(namespace_of(pod), name_of(pod), order) for pod, order in standing.waiting()]
    nodes = [name_of(node) for node in snapshot.list("", "nodes")]
    there = {node: {uid_of(c) for c in standing.contracts.on(node)} for node in nodes}
    teams = [name_of(namespace) for namespace in snapshot.list("", "namespaces")]
    spent = [standing.contracts.spent(team, now) for team in teams]
    book = standing.book
    everybody = Selector((EVERYWHERE,), ())
    asking = Order("a", "", "", Resources(), 0, rules=Rules((Near(NODE, everybody),)))
    residents = sorted(map(str, standing.company.residents([asking])))
    laden = [standing.freight.laden(o) for _, _, o in waiting if isinstance(o, Order)]
    told = waiting, spent, book.supplies, book.commitments, book.vendors, standing.offers, laden
    return *told, there, residents, standing.holdings()


@pytest.mark.parametrize("seed", [5, 7], ids=["patient", "procuring"])
def test_remembering_gives_what_reading_everything_anew_gives(seed: int):
    cloud = Cloud(seed)
    remembered, compared = Standing(), 0

    def compare(*_: object) -> None:
        nonlocal compared
        compared += 1
        # Not every snapshot is seen: what is skipped must be caught up with.
        if compared % 3 == 0:
            snapshot, now = cloud.exchange.store.snapshot_now(), cloud.world.now
            assert facts(remembered, snapshot, now) == facts(Standing(), snapshot, now)
            teams = [name_of(namespace) for namespace in snapshot.list("", "namespaces")]
            assert facts(remembered, snapshot, now)[1] == [
                spent_in(snapshot, team, now) for team in teams
            ]

    cloud.exchange.committed.append(compare)
    cloud.begin()
    cloud.run(6 * HOUR)
    assert compared > 500


def test_what_is_told_of_vendors_and_offers_makes_no_tables_anew_and_what_they_sell_does():
    house = House()
    house.namespace()
    house.supply()
    house.settle()
    standing = Standing()
    tables = standing.at(house.store.snapshot_now()).book.columns
    for resource in ("vendors", "offers"):
        key = Key(GROUP, resource, "", "elastx")
        assert house.door.change(key, lambda obj: {**obj, "status": {"told": "otherwise"}})
        assert standing.at(house.store.snapshot_now()).book.columns is tables
    dearer = {**spec_of(house.get(key)), "pricePerDTU": "0.05"}
    assert house.door.change(key, lambda obj: {**obj, "spec": dearer})
    assert standing.at(house.store.snapshot_now()).book.columns is not tables
