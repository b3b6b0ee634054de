"""A consumer asks for a bond: the balance of the moment of clearing decides."""

from __future__ import annotations

import json

from tests.unit.controllers.house import EURO, House

from busbar.ledger.bonds import unbond
from busbar.model.objects import Key, condition, spec_of
from busbar.model.wellknown import ANN_RESTRICTIONS
from busbar.store.contract import Transaction

ASKS = {ANN_RESTRICTIONS: json.dumps({"allOf": [{"attribute": "bond", "atLeast": 5}]})}


def put_down(house: House, euro: int, key: str) -> None:
    assert house.door.deposit("elastx", euro * EURO, house.now, key)


def why(house: House) -> str:
    return (condition(house.only_pod(), "PodScheduled") or {}).get("reason", "")


def test_an_order_waits_until_a_vendor_has_put_down_as_much_as_it_asks_for():
    house = House()
    house.namespace()
    house.supply()
    put_down(house, 4, "first")
    house.pod(**ASKS)
    house.settle()
    assert why(house) == "BondTooLow"
    put_down(house, 1, "second")
    house.wait(60_000)
    assert spec_of(house.only_pod())["nodeName"] == "n1"


def test_a_job_says_so_in_its_restrictions():
    house = House()
    house.namespace()
    house.supply()
    house.supply("n2", "safespring", "0.09")
    put_down(house, 4, "first")
    assert house.door.deposit("safespring", 5 * EURO, house.now, "second")
    house.job(restrictions={"allOf": [{"attribute": "bond", "atLeast": 5}]})
    house.settle()
    assert spec_of(house.only_pod())["nodeName"] == "n2"


def test_a_bond_that_was_taken_back_a_moment_ago_no_longer_counts():
    house = House()
    house.namespace()
    house.supply()
    put_down(house, 5, "first")
    house.settle()
    entry = unbond("elastx", EURO, house.now, "back")
    assert house.door._commit(Transaction((), (entry,)))
    house.pod(**ASKS)
    house.exchange.work()
    house.settle()
    assert why(house) == "BondTooLow"


def test_a_contract_that_runs_is_not_ended_by_what_its_vendor_takes_out_of_its_bond():
    house = House()
    house.namespace()
    house.supply()
    put_down(house, 5, "first")
    house.pod(**ASKS)
    house.settle()
    house.runs(house.only_pod())
    entry = unbond("elastx", 5 * EURO, house.now, "back")
    assert house.door._commit(Transaction((), (entry,)))
    house.wait(2 * 3600 * 1000)
    assert house.get(Key("", "pods", "xyz", "p"))["status"]["phase"] == "Running"
