"""Reliability: what vendors delivered of what they promised."""

from __future__ import annotations

from tests.unit.controllers.house import House

from busbar.controllers.reliability import Figure, Reliability, figure_of
from busbar.model.objects import Key, name_of, spec_of, status_of
from busbar.model.time import DAY, HOUR, MINUTE
from busbar.model.wellknown import GROUP

VENDOR = Key(GROUP, "vendors", "", "elastx")


def contract(reason: str, started: int | None = 0, finished: int | None = HOUR):
    slots = [{"startMs": 0, "endMs": HOUR}, {"startMs": HOUR, "endMs": 2 * HOUR}]
    status = {"phase": "Closed", "reason": reason, "startedMs": started, "finishedMs": finished}
    return {"spec": {"vendor": "v", "node": "n", "slots": slots}, "status": status}


def test_a_failed_delivery_promised_the_rest_of_its_term():
    assert figure_of(contract("NodeLost")) == Figure(HOUR, HOUR, 1, 1)
    assert figure_of(contract("NodeLost")).ratio == "0.5000"


def test_what_the_consumer_or_the_exchange_cut_short_was_not_promised():
    for reason in ("Completed", "Failed", "Deleted", "OutOfReach", "NodeFault"):
        assert figure_of(contract(reason)) == Figure(HOUR, 0, 1, 0)


def test_what_was_never_taken_up_promised_all_of_its_term():
    assert figure_of(contract("NotTakenUp", None, None)) == Figure(0, 2 * HOUR, 1, 1)


def test_a_ratio_is_rounded_down_and_empty_without_any_promise():
    assert Figure(2 * HOUR, HOUR).ratio == "0.6666"
    assert Figure(HOUR).ratio == "1.0000"
    assert Figure().ratio == ""


def test_it_stands_in_the_vendors_status_by_node_the_worst_first():
    house = House()
    house.namespace()
    house.supply("n1", cpu="1")
    house.supply("n2", cpu="1")
    for number in (1, 2):
        house.pod(f"p{number}")
    house.settle()
    for pod in house.pods():
        house.runs(pod)
    house.wait(15 * MINUTE)
    good, bad = house.pods()
    house.ends(good)
    house.ends(bad, code=1, reason="NodeRestarted", message="it restarted")
    status = house.status(VENDOR)
    assert (status["contracts"], status["failures"]) == (2, 1)
    assert status["nodeReliability"][0]["node"] == spec_of(bad)["nodeName"]
    assert [n["failures"] for n in status["nodeReliability"]] == [1, 0]
    assert status["deliveredSeconds"] == 1800 + 1
    assert 0.3 < float(status["reliability"]) < 0.6


def test_contracts_that_are_no_longer_kept_no_longer_count():
    house = House(contracts_kept_ms=DAY)
    house.namespace()
    house.supply()
    house.pod()
    house.settle()
    house.runs(house.only_pod())
    house.ends(house.only_pod(), code=1, reason="NodeRestarted", message="it restarted")
    assert house.status(VENDOR)["failures"] == 1
    followed = Reliability().at(house.store.snapshot_now())
    house.wait(DAY + HOUR)
    assert house.contracts() == []
    assert house.status(VENDOR)["failures"] == 0
    assert followed.at(house.store.snapshot_now()).of("elastx") == Figure()


def test_a_bond_shows_in_the_vendors_status_though_depositing_changes_no_object():
    house = House()
    house.namespace()
    house.supply()
    house.settle()
    assert house.status(VENDOR)["bond"] == "0"
    assert house.door.deposit("elastx", 5 * 10**9, house.now, "k")
    house.wait(MINUTE)
    assert house.status(VENDOR)["bond"] == "5"
    assert status_of(house.get(VENDOR))["reliability"] == ""
    assert name_of(house.get(VENDOR)) == "elastx"
