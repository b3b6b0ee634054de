"""Drivers and their places: bought together, kept while the driver runs, drawn on by its Pods."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from tests.unit.controllers.house import House

from busbar.market.publish import recompute
from busbar.model.objects import Key, condition, name_of, spec_of, status_of
from busbar.model.time import HOUR, MINUTE, SECOND
from busbar.model.wellknown import GROUP

PRICE = 40_000_000
ONE = {"count": 2, "cpu": "1", "memory": "1Gi"}


def open_house(euro: int = 100, **supply: Any) -> House:
    house = House()
    house.namespace(euro=euro)
    house.supply(**{"cpu": "2", **supply})
    house.supply("n2", cpu=supply.get("cpu", "2"))
    house.settle()
    return house


def driver(house: House, name: str = "driver", **notes: str) -> Key:
    places = notes.pop("places", None) or json.dumps(ONE)
    return house.pod(name, **{"busbar.dev/gang-places": places}, **notes)


def made_by(house: House, key: Key, name: str, cpu: str = "1", **notes: str) -> Key:
    """Make a Pod as a Spark driver does: it owns it."""
    uid = house.get(key)["metadata"]["uid"]
    owner = {"apiVersion": "v1", "kind": "Pod", "name": key.name, "uid": uid, "controller": True}
    container = {
        "name": "main",
        "image": "work",
        "resources": {"requests": {"cpu": cpu, "memory": "1Gi"}},
    }
    meta = {"annotations": notes, "ownerReferences": [owner]}
    spec = {"containers": [container], "restartPolicy": "Never"}
    status = {"phase": "Pending"}
    return house.make("", "pods", "xyz", name, meta=meta, spec=spec, status=status)


def running(**supply: Any) -> tuple[House, Key]:
    house = open_house(**supply)
    key = driver(house)
    house.settle()
    house.runs(house.get(key))
    return house, key


def of_phase(house: House, *phases: str) -> list[Any]:
    return [c for c in house.contracts() if status_of(c)["phase"] in phases]


def node_of(house: House, key: Key) -> str:
    return spec_of(house.get(key)).get("nodeName", "")


def contract_of(house: House, key: Key) -> Any:
    name = house.get(key)["metadata"]["annotations"]["busbar.dev/contract"]
    return house.get(Key(GROUP, "contracts", "xyz", name))


def keeper(house: House) -> Any:
    (found,) = house.all(GROUP, "procurements")
    return found


def reason(house: House, key: Key) -> str:
    return (condition(house.get(key), "PodScheduled") or {}).get("reason", "")


def test_a_driver_and_its_places_are_one_transaction():
    house, key = running()
    held = of_phase(house, "Held")
    assert len(held) == 2
    made = {c["metadata"]["creationTimestamp"] for c in house.contracts()}
    assert len(made) == 1
    assert {spec_of(c)["gangMembers"] for c in house.contracts()} == {3}
    assert len({spec_of(c)["clearing"] for c in house.contracts()}) == 1
    (owner,) = keeper(house)["metadata"]["ownerReferences"]
    assert owner["name"] == "driver"
    assert status_of(keeper(house))["unitsNow"] == 2
    assert "keeps 2 places for the Pods that it makes" in house.events("Scheduled")[0]
    assert house.held() > 0
    assert key.name == "driver"


def test_without_room_for_all_places_the_driver_takes_none():
    house = open_house(cpu="1")
    key = driver(house)
    house.settle()
    assert node_of(house, key) == ""
    assert house.contracts() == []
    assert house.all(GROUP, "procurements") == []
    assert house.held() == 0
    message = (condition(house.get(key), "PodScheduled") or {})["message"]
    assert "2 of 3 members" in message
    house.supply("n3", cpu="1")
    house.settle()
    assert node_of(house, key)
    assert len(of_phase(house, "Held")) == 2


def test_places_lie_in_the_driver_s_zone_though_others_are_cheaper():
    house = House()
    house.namespace()
    house.supply("far", "hansecloud", price="0.001", region="Germany", cpu="2")
    for number in range(3):
        house.supply(f"n{number}", cpu="1")
    house.settle()
    driver(house)
    house.settle()
    assert {spec_of(c)["zone"] for c in house.contracts()} == {"Sweden"}


def test_money_for_the_driver_alone_buys_nothing():
    house = open_house(euro=1, price="0.6")
    key = driver(house)
    house.settle()
    assert reason(house, key) == "InsufficientFunds"
    assert house.contracts() == []


def test_the_clearing_can_be_worked_out_again():
    house, _ = running()
    clearing = house.all(GROUP, "clearings")[-1]
    assert clearing["status"]["matched"] == 3
    assert recompute(clearing["status"])["matches"] == clearing["status"]["matches"]


def test_pods_that_the_driver_makes_draw_on_its_places_and_pay_nothing():
    house, key = running()
    before = house.held()
    executors = [made_by(house, key, f"exec-{n}") for n in (1, 2)]
    house.settle()
    assert all(node_of(house, one) for one in executors)
    drawn = [contract_of(house, one) for one in executors]
    assert {spec_of(c)["reservation"] for c in drawn} == {name_of(keeper(house))}
    assert house.held() == before


def test_a_pod_that_does_not_fit_in_the_places_buys_in_the_market():
    house, key = running(cpu="4")
    for number in range(3):
        made_by(house, key, f"exec-{number}")
    house.settle()
    drawn = [c for c in of_phase(house, "Bound") if spec_of(c).get("reservation")]
    bought = [c for c in of_phase(house, "Bound") if not spec_of(c).get("reservation")]
    assert (len(drawn), len(bought)) == (2, 1)


def test_other_pods_of_the_namespace_leave_the_places_alone_unless_they_name_them():
    house, _ = running(cpu="4")
    other = house.pod("other")
    named = house.pod("named", **{"busbar.dev/reservation": "driver"})
    house.settle()
    assert not spec_of(contract_of(house, other)).get("reservation")
    assert spec_of(contract_of(house, named))["reservation"] == name_of(keeper(house))


def test_places_roll_with_the_driver_hour_by_hour_and_so_do_those_who_draw():
    house, key = running()
    executor = made_by(house, key, "exec-1")
    house.settle()
    house.runs(house.get(executor))
    for _ in range(3):
        house.wait(HOUR)
        for held in of_phase(house, "Held"):
            assert spec_of(held)["slots"][-1]["endMs"] > house.now
        assert status_of(contract_of(house, executor))["billedNano"] == 0
    assert len(of_phase(house, "Held")) == 2
    assert len(house.contracts()) == 4
    slots = spec_of(contract_of(house, executor))["slots"]
    assert all(slot["reserved"] and not slot["priceNano"] for slot in slots)


def test_the_next_hours_of_places_are_nobody_elses():
    house, _ = running(cpu="2")
    late = {"busbar.dev/not-before": house.at(3 * HOUR)}
    wide = house.pod("wide", cpu="2", **late)
    house.settle()
    assert not [c for c in house.contracts() if spec_of(c)["order"]["name"] == wide.name]


def test_when_the_driver_ends_its_places_are_given_back_and_paid_until_then():
    house, key = running()
    house.wait(15 * MINUTE)
    house.ends(house.get(key))
    house.wait(10 * SECOND)
    closed = [c for c in house.contracts() if spec_of(c).get("procurement")]
    assert {status_of(c)["reason"] for c in closed} == {"DriverEnded"}
    for contract in closed:
        start = spec_of(contract)["slots"][0]["startMs"]
        paid = status_of(contract)["billedNano"]
        assert paid == PRICE * (status_of(contract)["finishedMs"] - start) // HOUR
    assert house.held() == 0
    assert status_of(keeper(house))["phase"] == "Ended"


def test_with_the_driver_s_pod_goes_what_kept_its_places():
    house, key = running()
    house.ends(house.get(key))
    house.door.delete(key, house.now)
    house.wait(MINUTE)
    assert house.all(GROUP, "procurements") == []
    assert of_phase(house, "Held", "Bound", "Running") == []


def test_a_pod_that_outlives_the_driver_keeps_its_place_to_the_end_of_the_hours_bought():
    house, key = running()
    executor = made_by(house, key, "exec-1")
    house.settle()
    house.runs(house.get(executor))
    house.ends(house.get(key))
    house.wait(MINUTE)
    (held,) = {spec_of(c)["node"] for c in of_phase(house, "Held")} or {""}
    assert held == node_of(house, executor)
    house.ends(house.get(executor))
    house.wait(10 * SECOND)
    assert of_phase(house, "Held") == []


def test_a_lost_place_is_bought_again_in_the_driver_s_zone():
    house = House()
    house.namespace()
    house.supply("far", "hansecloud", price="0.001", region="Germany", cpu="8")
    for number in range(4):
        house.supply(f"n{number}", cpu="1")
    house.settle()
    key = driver(house, **{"busbar.dev/region": "Sweden", "busbar.dev/max-euro-per-dtu": "1"})
    house.settle()
    house.runs(house.get(key))
    nodes = {spec_of(c)["node"] for c in of_phase(house, "Held")} - {node_of(house, key)}
    lost = nodes.pop()
    house.alive.discard(lost)
    house.wait(5 * MINUTE)
    held = of_phase(house, "Held")
    assert len(held) == 2
    assert {spec_of(c)["zone"] for c in held} == {"Sweden"}
    assert lost not in {spec_of(c)["node"] for c in held}
    house.wait(2 * HOUR)
    assert len(of_phase(house, "Held")) == 2


def test_a_place_above_the_cap_ends_and_the_driver_is_told_before():
    rules = [{"from": "14:00", "until": "23:00", "pricePerDTU": "9"}]
    house = open_house(calendar={"timeZone": "UTC", "rules": rules})
    key = driver(house, **{"busbar.dev/max-euro-per-dtu": "1"})
    house.settle()
    house.runs(house.get(key))
    house.wait(110 * MINUTE)
    assert any("A place on" in said for said in house.events("PlaceEnding"))


def reserved() -> tuple[House, Key]:
    rules = [{"from": "15:00", "until": "16:00", "pricePerDTU": "0.001"}]
    house = open_house(calendar={"timeZone": "UTC", "rules": rules})
    waits = {"busbar.dev/may-wait": "true", "busbar.dev/expected-duration": "1h"}
    key = driver(house, **waits, **{"busbar.dev/not-after": house.at(8 * HOUR)})
    house.settle()
    assert len(of_phase(house, "Reserved")) == 3
    return house, key


def test_a_driver_that_waits_for_a_cheap_hour_starts_with_its_places_in_one_commit():
    house, key = reserved()
    house.wait(2 * HOUR + 40 * MINUTE + 2 * SECOND)
    assert node_of(house, key)
    assert len(of_phase(house, "Held")) == 2
    begun = {c["metadata"]["resourceVersion"] for c in of_phase(house, "Held", "Bound")}
    assert len(begun) == 1


def test_a_driver_withdrawn_late_owes_for_its_places_as_well():
    house, key = reserved()
    house.wait(2 * HOUR + 30 * MINUTE)
    house.door.delete(key, house.now)
    house.wait(10 * SECOND)
    assert of_phase(house, "Reserved", "Held") == []
    assert all(status_of(c).get("withdrawalNano") for c in house.contracts())
    assert {status_of(c)["reason"] for c in house.contracts()} == {"Deleted"}
    assert house.held() == 0


def test_a_place_lost_before_the_start_breaks_the_gang_and_all_is_matched_again():
    house, key = reserved()
    victim = next(c for c in of_phase(house, "Reserved") if spec_of(c).get("procurement"))
    house.door.delete(Key("", "nodes", "", spec_of(victim)["node"]), house.now)
    house.wait(MINUTE)
    reasons = {status_of(c)["reason"] for c in of_phase(house, "Closed")}
    assert "GangBroken" in reasons
    told = status_of(keeper(house))
    assert (told["phase"], told["message"]) == ("Waiting", "Its driver waits for a place.")
    house.supply("n3", cpu="2")
    house.wait(MINUTE)
    assert len(of_phase(house, "Reserved")) == 3
    house.wait(2 * HOUR + 40 * MINUTE)
    assert node_of(house, key)


def test_a_job_states_its_places_and_a_new_pod_of_it_gets_new_ones():
    house = open_house(cpu="8")
    job = house.job("spark", gang={"places": {"count": 2, "cpu": "1", "memory": "1Gi"}})
    house.settle()
    assert len(of_phase(house, "Held")) == 2
    pod = house.only_pod()
    house.runs(pod)
    node = spec_of(pod)["nodeName"]
    house.alive.discard(node)
    house.wait(10 * MINUTE)
    assert house.status(job)["phase"] in ("Pending", "Running", "Waiting")
    held = of_phase(house, "Held")
    assert len(held) == 2
    assert node not in {spec_of(c)["node"] for c in held}
    (driver_there,) = (pod for pod in house.pods() if status_of(pod)["phase"] != "Failed")
    drivers = {spec_of(c)["order"]["driverUid"] for c in held}
    assert drivers == {driver_there["metadata"]["uid"]}


def test_a_procurement_that_somebody_deletes_lets_its_places_end_with_their_hours():
    house, _ = running()
    house.door.delete(Key(GROUP, "procurements", "xyz", name_of(keeper(house))), house.now)
    house.wait(HOUR + MINUTE)
    assert of_phase(house, "Held") == []
    closed = [c for c in house.contracts() if spec_of(c).get("procurement")]
    assert {status_of(c)["reason"] for c in closed} == {"TermEnded"}


def test_nobody_draws_beyond_what_a_place_was_bought_for():
    house, key = running()
    house.wait(45 * MINUTE)
    (end,) = {spec_of(c)["slots"][-1]["endMs"] for c in of_phase(house, "Held")}
    executor = made_by(house, key, "exec-1")
    house.settle()
    assert spec_of(contract_of(house, executor))["slots"][-1]["endMs"] == end


def test_places_go_on_without_a_gap_after_the_exchange_was_away():
    house, key = running()
    executor = made_by(house, key, "exec-1")
    house.settle()
    house.runs(house.get(executor))
    house.wait(55 * MINUTE)
    house.exchange.stop()
    house.world.now += 10 * MINUTE
    house.exchange.start()
    house.renew()
    house.wait(10 * MINUTE)
    held = of_phase(house, "Held")
    assert len(held) == 2
    assert len([c for c in house.contracts() if spec_of(c).get("procurement")]) == 2
    for contract in held:
        slots = spec_of(contract)["slots"]
        assert all(a["endMs"] == b["startMs"] for a, b in pairwise(slots))
    assert status_of(contract_of(house, executor))["billedNano"] == 0


def test_a_place_is_not_given_out_once_its_driver_has_ended():
    house, key = running(cpu="8")
    house.ends(house.get(key))
    executor = made_by(house, key, "exec-1")
    house.settle()
    assert not spec_of(contract_of(house, executor)).get("reservation")


def test_two_drivers_of_a_gang_start_with_the_places_of_both():
    house = open_house(cpu="3")
    pair = {"busbar.dev/gang": "pair", "busbar.dev/gang-size": "2"}
    first = driver(house, "first", **pair)
    house.settle()
    assert reason(house, first) == "GangIncomplete"
    second = driver(house, "second", **pair)
    house.settle()
    assert node_of(house, first)
    assert node_of(house, second)
    assert len(of_phase(house, "Held")) == 4
    assert {spec_of(c)["gangMembers"] for c in house.contracts()} == {6}


def test_places_of_a_driver_with_a_budget_are_bought_with_it():
    house = open_house()
    account = Key(GROUP, "accounts", "xyz", "account")
    house.door.change(account, lambda obj: {**obj, "spec": {"budget": "0.1"}})
    key = driver(house)
    house.settle()
    assert house.contracts() == []
    house.door.change(account, lambda obj: {**obj, "spec": {"budget": "1"}})
    house.settle()
    assert node_of(house, key)
    assert len(of_phase(house, "Held")) == 2
