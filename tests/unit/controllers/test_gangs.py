"""Gangs in the exchange: one transaction for all, one start, replaced members, broken promises."""

from __future__ import annotations

from typing import Any

from tests.unit.controllers.house import House

from busbar.controllers.market.controller import MARKET_KEY, MarketController
from busbar.controllers.settings import Settings
from busbar.controllers.standing import Standing
from busbar.model.objects import Key, annotate, condition, name_of, spec_of, status_of
from busbar.model.time import HOUR, MINUTE, SECOND
from busbar.model.wellknown import GROUP

GANG = {"busbar.dev/gang": "g", "busbar.dev/gang-size": "2"}
WAITS = {"busbar.dev/may-wait": "true", "busbar.dev/expected-duration": "1h"}


def open_house(**supply: Any) -> House:
    house = House()
    house.namespace()
    house.supply(**{"cpu": "1", **supply})
    house.supply("n2", cpu=supply.get("cpu", "1"))
    house.settle()
    return house


def bound(house: House) -> list[str]:
    return [name_of(pod) for pod in house.pods() if spec_of(pod).get("nodeName")]


def phases(house: House) -> list[str]:
    return sorted(status_of(contract)["phase"] for contract in house.contracts())


def reason(house: House, name: str) -> str:
    pod = house.get(Key("", "pods", "xyz", name))
    return (condition(pod, "PodScheduled") or {}).get("reason", "")


def night_house() -> House:
    """Make a house in which an hour three hours from now costs next to nothing."""
    rules = [{"from": "15:00", "until": "16:00", "pricePerDTU": "0.001"}]
    return open_house(calendar={"timeZone": "UTC", "rules": rules})


def reserved() -> House:
    house = night_house()
    for name in "ab":
        house.pod(name, **GANG, **WAITS, **{"busbar.dev/not-after": house.at(8 * HOUR)})
    house.settle()
    assert phases(house) == ["Reserved", "Reserved"]
    return house


def test_a_gang_waits_until_all_its_members_are_there_and_starts_with_the_last():
    house = open_house()
    house.pod("a", **GANG)
    house.settle()
    assert bound(house) == []
    assert reason(house, "a") == "GangIncomplete"
    house.pod("b", **GANG)
    house.settle()
    assert bound(house) == ["a", "b"]
    assert {contract["spec"]["gangMembers"] for contract in house.contracts()} == {2}


def test_an_edit_of_one_member_meanwhile_undoes_the_match_of_all():
    house = open_house()
    first = house.pod("a", **GANG)
    house.pod("b", **GANG)
    market = MarketController(Settings(), Standing())
    decision = market.reconcile(house.store.snapshot_now(), MARKET_KEY, house.now)
    house.door.change(first, lambda pod: annotate(pod, {"note": "edited"}))
    for transaction in decision.transactions:
        house.commit(transaction)
    assert bound(house) == []
    assert house.held() == 0
    house.settle()
    assert bound(house) == ["a", "b"]


def test_a_balance_that_does_for_one_member_starts_none():
    house = House()
    house.namespace(euro=1)
    house.supply(price="0.6", cpu="4")
    for name in "ab":
        house.pod(name, **GANG)
    house.settle()
    assert bound(house) == []
    assert reason(house, "a") == reason(house, "b") == "InsufficientFunds"
    assert house.held() == 0


def test_members_in_a_namespace_with_a_budget_go_together_as_well():
    house = open_house()
    account = Key(GROUP, "accounts", "xyz", "account")
    house.door.change(account, lambda obj: {**obj, "spec": {"budget": "0.06"}})
    for name in "ab":
        house.pod(name, **GANG)
    house.settle()
    assert bound(house) == []
    house.door.change(account, lambda obj: {**obj, "spec": {"budget": "1"}})
    house.settle()
    assert bound(house) == ["a", "b"]


def test_a_replaced_member_goes_to_the_zone_of_those_that_run():
    house = open_house()
    house.supply("far", "hansecloud", price="0.001", region="Germany", cpu="1")
    for name in "ab":
        house.pod(name, **GANG, **{"busbar.dev/region": "Sweden"})
    house.settle()
    house.runs(house.get(Key("", "pods", "xyz", "a")))
    house.door.delete(Key("", "pods", "xyz", "b"), house.now)
    house.wait(6 * MINUTE)
    house.pod("c", **GANG)
    house.wait(10 * SECOND)
    c = house.get(Key("", "pods", "xyz", "c"))
    assert spec_of(c).get("nodeName") in ("n1", "n2", None)
    assert reason(house, "c") != "GangIncomplete"


def test_a_reserved_gang_starts_in_one_commit():
    house = reserved()
    house.wait(2 * HOUR + 40 * MINUTE + SECOND)
    assert bound(house) == ["a", "b"]
    revisions = {pod["metadata"]["resourceVersion"] for pod in house.pods()}
    assert len(revisions) == 1


def test_where_one_loses_its_place_before_the_start_all_are_matched_again():
    house = reserved()
    house.door.delete(Key("", "pods", "xyz", "b"), house.now)
    house.settle()
    reasons = sorted(status_of(contract)["reason"] for contract in house.contracts())
    assert reasons == ["Deleted", "GangBroken"]
    assert reason(house, "a") == "GangIncomplete"
    assert house.held() == 0
    house.pod("c", **GANG, **WAITS, **{"busbar.dev/not-after": house.at(8 * HOUR)})
    house.settle()
    assert phases(house) == ["Closed", "Closed", "Reserved", "Reserved"]


def test_a_gang_whose_slot_running_work_needs_gives_way_whole():
    house = night_house()
    for name in "ab":
        house.pod(name, **GANG, **WAITS, **{"busbar.dev/not-after": house.at(8 * HOUR)})
    house.settle()
    house.pod("sooner")
    house.settle()
    house.runs(house.get(Key("", "pods", "xyz", "sooner")))
    house.wait(2 * HOUR + 45 * MINUTE)
    closed = [status_of(c) for c in house.contracts() if status_of(c)["phase"] == "Closed"]
    assert sorted(status["reason"] for status in closed) == ["GangBroken", "Superseded"]


def test_a_node_lost_before_the_start_starts_nobody():
    house = reserved()
    house.alive.discard("n2")
    house.wait(3 * HOUR)
    assert bound(house) == []
    assert "GangBroken" in {status_of(contract).get("reason") for contract in house.contracts()}


def test_the_pods_of_a_batch_job_are_a_gang_by_the_size_alone():
    house = open_house()
    container = {
        "name": "main",
        "image": "work",
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
    }
    template = {
        "metadata": {"annotations": {"busbar.dev/gang-size": "3"}},
        "spec": {"containers": [container], "restartPolicy": "Never"},
    }
    spec = {"template": template, "parallelism": 3, "completions": 3, "backoffLimit": 0}
    house.make("batch", "jobs", "xyz", "j", spec=spec)
    house.settle()
    assert len(house.pods()) == 3
    assert bound(house) == []
    house.supply("n3", cpu="1")
    house.settle()
    assert len(bound(house)) == 3


def test_jobs_that_name_a_gang_start_together():
    house = open_house(cpu="2")
    gang = {"name": "spark", "size": 2}
    house.job("driver", gang=gang)
    house.settle()
    assert bound(house) == []
    house.job("executor", gang=gang)
    house.settle()
    assert len(bound(house)) == 2
