"""A consumer withdraws a reservation: late it costs, and only where it was the consumer's doing."""

from __future__ import annotations

from typing import Any

from tests.unit.controllers.house import House

from busbar.model.objects import Key, annotate, spec_of, status_of
from busbar.model.time import HOUR, MINUTE, SECOND
from busbar.model.wellknown import ANN_RECLAIM, GROUP

POD = Key("", "pods", "xyz", "p")
NODE = Key("", "nodes", "", "n1")
HOURLY = 10_000_000
"""An hour at 15:00 at 0.01 €/DTU, in nano-euro. It is 12:20."""
CLOSED = {"until": "14:00", "available": False}
RULES = [{"from": "15:00", "until": "16:00", "pricePerDTU": "0.01"}]


def reserved(**offer: Any) -> House:
    """A Pod that waits for the cheap hour at 15:00; reserved at 12:20."""
    house = House()
    house.namespace()
    house.supply(cpu="1", calendar={"timeZone": "UTC", "rules": RULES}, **offer)
    house.pod(**{"busbar.dev/may-wait": "true", "busbar.dev/not-after": house.at(8 * HOUR)})
    house.settle()
    assert status(house)["phase"] == "Reserved"
    return house


def status(house: House) -> dict[str, Any]:
    return status_of(house.only_contract())


def until(house: House, hour: int, minute: int = 0) -> None:
    house.wait((hour - 12) * HOUR + (minute - 20) * MINUTE - SECOND)


def withdraw(house: House) -> dict[str, Any]:
    assert house.door.delete(POD, house.now)
    house.settle()
    assert status(house)["phase"] == "Closed"
    assert house.held() == 0
    return status(house)


def earned(house: House) -> int:
    return house.store.snapshot_now().balance("vendor/elastx")


def test_far_ahead_it_costs_nothing():
    house = reserved()
    until(house, 12, 59)
    found = withdraw(house)
    assert found["reason"] == "Deleted"
    assert "withdrawalNano" not in found
    assert earned(house) == 0


def test_late_it_costs_up_to_half_and_the_vendor_gets_it_less_the_fee():
    house = reserved()
    until(house, 14)
    found = withdraw(house)
    charged = found["withdrawalNano"]
    assert abs(charged - HOURLY // 4) < HOURLY // 1000
    assert found["billedNano"] == charged == sum(found["billedByMonth"].values())
    assert found["billedNano"] == found["vendorNano"] + found["feeNano"] + found["roundingNano"]
    assert earned(house) == found["vendorNano"] == charged * 98 // 100
    assert "of it for withdrawing it late" in house.events("ContractClosed")[0]


def test_just_after_the_start_it_still_costs_what_it_did_just_before():
    house = reserved()
    until(house, 15)
    house.wait(2 * MINUTE)
    assert status(house)["phase"] == "Bound"
    house.runs(house.only_pod())
    house.wait(MINUTE)
    assert house.door.delete(POD, house.now)
    house.ends(house.only_pod(), reason="Deleted", message="the Pod was deleted")
    found = status(house)
    assert found["reason"] == "Deleted"
    assert found["billedNano"] == HOURLY // 2
    assert 0 < found["withdrawalNano"] < HOURLY // 2


def test_who_has_run_for_longer_than_that_pays_for_what_ran():
    house = reserved()
    until(house, 15)
    house.settle()
    house.runs(house.only_pod())
    house.wait(40 * MINUTE)
    assert house.door.delete(POD, house.now)
    house.ends(house.only_pod(), reason="Deleted", message="the Pod was deleted")
    found = status(house)
    assert found["billedNano"] > HOURLY // 2
    assert "withdrawalNano" not in found


def test_work_that_runs_at_once_is_not_withdrawn():
    house = House()
    house.namespace()
    house.supply(cpu="1")
    house.pod()
    house.settle()
    assert "reservedAtMs" not in spec_of(house.only_contract())
    assert withdraw_now(house).get("withdrawalNano") is None


def withdraw_now(house: House) -> dict[str, Any]:
    assert house.door.delete(POD, house.now)
    pods = house.pods()
    if pods:
        house.ends(pods[0], reason="Deleted", message="the Pod was deleted")
    return status(house)


def test_where_the_vendor_takes_it_back_it_costs_nothing():
    house = reserved(reclaimNotice="3h")
    until(house, 14)
    assert house.door.change(NODE, lambda obj: annotate(obj, {ANN_RECLAIM: "with-notice"}))
    house.settle()
    assert "withdrawalNano" not in withdraw(house)


def test_where_the_node_is_silent_it_costs_nothing():
    house = reserved()
    until(house, 14)
    house.alive.clear()
    house.wait(40 * SECOND)
    assert "withdrawalNano" not in withdraw(house)


def test_where_the_exchange_gives_it_up_it_costs_nothing():
    """As it does with a replacement whose move comes to nothing: it says so on the contract."""
    house = reserved()
    until(house, 14, 50)
    contract = house.only_contract()
    key = Key(GROUP, "contracts", "xyz", contract["metadata"]["name"])
    told = {**status_of(contract), "reason": "Moved"}
    assert house.door.change(key, lambda obj: {**obj, "status": told})
    found = withdraw(house)
    assert found["reason"] == "Moved"
    assert "withdrawalNano" not in found


def test_a_namespace_that_goes_pays_for_the_hours_it_keeps_back():
    house = House()
    house.namespace()
    house.supply(cpu="1", calendar={"timeZone": "UTC", "rules": [CLOSED]})
    spec = {
        "units": 1,
        "resources": {"cpu": "1", "memory": "1Gi"},
        "maxEuroPerDTU": "1",
        "horizon": "4h",
    }
    house.make(GROUP, "procurements", "xyz", "keep", spec=spec)
    house.settle()
    until(house, 13)
    ahead = [c for c in house.contracts() if status_of(c)["phase"] == "Reserved"]
    assert ahead
    assert house.door.delete(Key("", "namespaces", "", "xyz"), house.now)
    house.wait(10 * SECOND)
    assert earned(house) > 0


def test_told_twice_it_is_charged_once():
    house = reserved()
    until(house, 14)
    found = withdraw(house)
    house.exchange.stop()
    house.exchange.start()
    house.wait(MINUTE)
    assert earned(house) == found["vendorNano"]
