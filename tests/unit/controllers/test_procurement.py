"""Standing orders: what is bought, what is not, what is paid for capacity that is held."""

from __future__ import annotations

from typing import Any

from tests.unit.controllers.house import EURO, NOON, House

from busbar.market.publish import recompute
from busbar.model.objects import Key, condition, name_of, spec_of, status_of
from busbar.model.time import HOUR, MINUTE, SECOND
from busbar.model.wellknown import ANN_RESERVATION, GROUP

PRICE = 40_000_000
GIB = 1024**3


def open_house(euro: int = 100, **supply: Any) -> House:
    house = House()
    house.namespace(euro=euro)
    house.supply(**supply)
    house.settle()
    return house


def procure(house: House, name: str = "web", **spec: Any) -> Key:
    spec = {"resources": {"cpu": "1", "memory": "2Gi"}, "horizon": "3h", **spec}
    key = house.make(GROUP, "procurements", "xyz", name, spec=spec)
    house.settle()
    return key


def held(house: House) -> list[tuple[int, int]]:
    """Give the terms of open contracts that hold capacity, as hours from noon."""
    found = [c for c in house.contracts() if status_of(c)["phase"] in ("Held", "Reserved")]
    slots = [spec_of(c)["slots"] for c in found]
    return sorted(
        ((s[0]["startMs"] - NOON) // HOUR, (s[-1]["endMs"] - NOON) // HOUR) for s in slots
    )


def test_every_hour_of_the_horizon_is_held_on_contracts_of_its_own():
    house = open_house()
    key = procure(house)
    assert held(house) == [(0, 1), (1, 2), (2, 3), (3, 4)]
    status = house.status(key)
    assert (status["phase"], status["unitsNow"], status["unitHours"]) == ("Held", 1, 4)
    assert status["message"] == "Every hour is held until 2026-11-23T16:00:00Z."
    assert "Bought 4 unit hours at 0.04 €/DTU" in house.events("Procured")[0]


def test_asking_again_buys_nothing_twice():
    house = open_house()
    procure(house)
    bought = len(house.contracts())
    house.exchange.stop()
    house.exchange.start()
    house.wait(5 * MINUTE)
    assert len(house.contracts()) == bought


def test_as_time_moves_the_horizon_does_and_what_is_over_is_paid_whether_used_or_not():
    house = open_house()
    procure(house)
    house.wait(45 * MINUTE)
    assert held(house) == [(1, 2), (2, 3), (3, 4), (4, 5)]
    over = next(c for c in house.contracts() if status_of(c)["phase"] == "Closed")
    assert status_of(over)["reason"] == "TermEnded"
    assert status_of(over)["ends"] == "2026-11-23T13:00:00Z"
    first = spec_of(over)["slots"][0]
    assert status_of(over)["billedNano"] == PRICE * (first["endMs"] - first["startMs"]) // HOUR


def test_blocks_lie_on_one_node_and_begin_together():
    house = open_house()
    procure(house, block="2h", units=2, horizon="4h")
    assert held(house) == [(0, 2), (0, 2), (2, 4), (2, 4)]


def test_nothing_is_bought_above_the_cap_and_the_reason_is_said():
    house = open_house(price="0.05")
    key = procure(house, maxEuroPerDTU="0.04")
    assert held(house) == []
    status = house.status(key)
    assert (status["phase"], status["reason"]) == ("Waiting", "PriceAboveCap")
    assert "0.05" in status["message"]
    assert status["missing"] == 4
    assert house.events("ProcurementShort")


def test_where_money_is_short_the_cheapest_hours_come_first():
    rules = [{"from": "13:00", "until": "14:00", "pricePerDTU": "0.3"}]
    calendar = {"timeZone": "UTC", "rules": rules}
    house = open_house(euro=1, price="0.6", calendar=calendar)
    key = procure(house)
    assert held(house) == [(0, 1), (1, 2)]
    assert house.status(key)["reason"] == "InsufficientFunds"
    house.pay("xyz", 2 * EURO)
    house.wait(MINUTE)
    assert len(held(house)) == 4
    assert "reason" not in house.status(key)


def test_a_budget_bounds_it_as_it_does_every_order():
    house = open_house(price="0.4")
    account = Key(GROUP, "accounts", "xyz", "account")
    house.door.change(account, lambda obj: {**obj, "spec": {"budget": "0.9"}})
    key = procure(house)
    assert len(held(house)) == 2
    assert house.status(key)["reason"] == "BudgetExceeded"


def test_a_term_ends():
    house = open_house()
    key = procure(house, term="2h")
    assert held(house) == [(0, 1), (1, 2)]
    house.wait(3 * HOUR)
    assert held(house) == []
    assert house.status(key)["phase"] == "Ended"


def test_a_lost_node_is_paid_for_as_long_as_it_was_there_and_its_hours_are_bought_elsewhere():
    house = open_house()
    procure(house, horizon="0h")
    house.supply("n2", "hansecloud", price="0.05", region="Germany")
    house.wait(10 * MINUTE)
    house.alive.discard("n1")
    lost_at = house.now
    house.wait(3 * MINUTE)
    first, second = sorted(house.contracts(), key=lambda c: status_of(c)["phase"])
    assert (status_of(first)["reason"], spec_of(second)["node"]) == ("NodeLost", "n2")
    slot = spec_of(first)["slots"][0]
    paid_ms = status_of(first)["billedNano"] * HOUR // PRICE
    assert lost_at - slot["startMs"] - 11 * SECOND <= paid_ms <= lost_at - slot["startMs"]


def test_an_outage_inside_an_hour_is_not_paid():
    house = open_house()
    procure(house, horizon="0h", term="1h")
    house.wait(10 * MINUTE)
    house.alive.discard("n1")
    house.wait(15 * SECOND)
    house.alive.add("n1")
    house.settle()
    house.wait(31 * MINUTE)
    contract = house.only_contract()
    assert status_of(contract)["reason"] == "TermEnded"
    (slot,) = spec_of(contract)["slots"]
    (outage,) = status_of(contract)["outages"]
    assert 10 * SECOND <= outage["untilMs"] - outage["fromMs"] <= 25 * SECOND
    lost_ms = outage["untilMs"] - outage["fromMs"]
    paid_ms = slot["endMs"] - slot["startMs"] - lost_ms
    assert abs(status_of(contract)["billedNano"] - paid_ms * PRICE // HOUR) <= 1


def test_its_room_is_sold_to_nobody_else():
    house = open_house(cpu="1")
    procure(house, horizon="0h")
    house.pod(**{ANN_RESERVATION: "none"})
    house.settle()
    assert "nodeName" not in spec_of(house.only_pod())


def test_a_deleted_namespace_holds_nothing_more_and_gets_its_money_back():
    house = open_house()
    procure(house)
    house.door.delete(Key("", "namespaces", "", "xyz"), house.now)
    house.wait(MINUTE)
    assert house.held() == 0
    assert house.door.get(Key("", "namespaces", "", "xyz")) is None


def test_a_deleted_procurement_keeps_what_it_bought_and_buys_no_more():
    house = open_house()
    key = procure(house)
    house.door.delete(key, house.now)
    house.wait(2 * HOUR)
    assert held(house) == [(2, 3), (3, 4)]


def test_a_spec_that_cannot_be_read_is_told_so():
    house = open_house()
    key = procure(house, block="90m")
    assert house.status(key)["reason"] == "InvalidOrder"
    assert "spec.block" in house.status(key)["message"]


def test_the_clearing_is_published_and_can_be_worked_out_again():
    house = open_house()
    procure(house)
    clearing = status_of(house.all(GROUP, "clearings")[-1])
    assert clearing["matched"] == 4
    again = recompute(clearing)
    assert again["matches"] == clearing["matches"]


def test_its_contracts_are_told_from_those_of_a_pod_of_the_same_name():
    house = open_house()
    procure(house, name="web", horizon="0h")
    house.pod("web", **{ANN_RESERVATION: "none"})
    house.settle()
    phases = {status_of(c)["phase"]: name_of(c) for c in house.contracts()}
    assert set(phases) == {"Held", "Bound"}


def test_disk_is_kept_and_drawn_on_as_cpu_and_memory_are():
    house = open_house(disk="20Gi")
    procure(house, resources={"cpu": "2", "memory": "4Gi", "ephemeralStorage": "10Gi"})
    (now, *_) = (c for c in house.contracts() if status_of(c)["phase"] == "Held")
    assert spec_of(now)["ephemeralBytes"] == 10 * GIB
    for name in ("one", "two"):
        house.pod(name, disk="6Gi")
    house.settle()
    drawn = {spec_of(c)["order"]["name"]: spec_of(c) for c in house.contracts()}
    reservations = [bool(drawn[name].get("reservation")) for name in ("one", "two")]
    assert sorted(reservations) == [False, True]
    house.pod("three", disk="6Gi")
    house.settle()
    assert "three" not in {spec_of(c)["order"]["name"] for c in house.contracts()}
    waits = condition(house.get(Key("", "pods", "xyz", "three")), "PodScheduled")
    assert waits is not None
    assert "1 without free capacity now" in waits["message"]
