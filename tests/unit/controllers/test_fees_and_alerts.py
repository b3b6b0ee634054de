"""Fees stay as they were at the making; a part of a budget is told once a month."""

from __future__ import annotations

import pytest
from tests.unit.controllers.house import House

from busbar.ledger.settlement import billed_by
from busbar.model.objects import Key, condition, spec_of
from busbar.model.time import DAY, HOUR, MINUTE, SECOND, format_instant, parse_instant
from busbar.model.wellknown import GROUP

ACCOUNT = Key(GROUP, "accounts", "xyz", "account")


def schedule(house: House, name: str, percent: str, start: int, **spec) -> None:
    spec = {"from": format_instant(start), "percent": percent, **spec}
    house.make(GROUP, "feeschedules", "", name, spec=spec)


def fees_billed(house: House) -> list[int]:
    found = (billed_by(sealed.entry) for sealed in house.store.journal_now())
    return [billed.fee_ppm for billed in found if billed is not None]


def working(house: House) -> None:
    house.namespace()
    house.supply()
    house.pod()
    house.settle()
    house.runs(house.only_pod())


def test_a_contract_without_a_schedule_keeps_the_default_of_its_making():
    house = House()
    working(house)
    house.exchange.stop()
    house.exchange.settings = house.exchange.settings._replace(fee_ppm=90_000)
    house.exchange.start()
    house.wait(HOUR)
    assert set(fees_billed(house)) == {20_000}


def test_a_contract_keeps_its_fee_when_another_schedule_begins():
    house = House()
    schedule(house, "now", "1", house.now)
    schedule(house, "later", "5", house.now + 30 * MINUTE)
    working(house)
    assert spec_of(house.only_contract())["feeSchedule"] == "now/1"
    house.wait(2 * HOUR)
    assert set(fees_billed(house)) == {10_000}
    house.pod("second")
    house.settle()
    second = house.contracts()[-1]
    assert (spec_of(second)["feePpm"], spec_of(second)["feeSchedule"]) == (50_000, "later/1")


def test_a_schedule_of_another_vendor_does_not_hold():
    house = House()
    schedule(house, "theirs", "1", house.now, vendors=["safespring"])
    working(house)
    assert spec_of(house.only_contract())["feePpm"] == 20_000


def budgeted(budget: str, **spec) -> House:
    """A pod that costs 0.04 € an hour, under a budget."""
    house = House()
    house.namespace()
    house.supply()
    house.settle()
    house.door.change(ACCOUNT, lambda obj: {**obj, "spec": {"budget": budget, **spec}})
    house.pod()
    house.settle()
    house.runs(house.only_pod())
    house.wait(5 * SECOND)
    return house


def parts(house: House) -> list[str]:
    return sorted(said.partition(" ")[0] for said in house.events("BudgetAlert"))


def test_each_part_of_a_budget_is_told_when_it_is_reached():
    house = budgeted("0.12")
    assert parts(house) == []
    house.wait(HOUR)
    assert parts(house) == ["50"]
    house.wait(HOUR)
    assert parts(house) == ["80"]  # The other Event has had its hour.
    assert house.status(ACCOUNT)["alertedPercent"] == [50, 80]
    assert "of the budget of 0.12 € were spent or held in 2026-11" in house.events("BudgetAlert")[0]
    told = condition(house.get(ACCOUNT), "Budget80Percent") or {}
    assert (told["status"], told["reason"]) == ("True", "Reached")
    assert (condition(house.get(ACCOUNT), "Budget100Percent") or {})["status"] == "False"


def test_a_part_is_told_once_though_what_is_held_goes_up_and_down():
    house = budgeted("0.06")
    for number in range(3):
        house.ends(house.get(Key("", "pods", "xyz", "p" * (number + 1))))
        house.wait(5 * SECOND)
        house.pod("p" * (number + 2))
        house.settle()
        house.runs(house.get(Key("", "pods", "xyz", "p" * (number + 2))))
        house.wait(5 * SECOND)
    house.exchange.stop()
    house.exchange.start()
    house.wait(5 * SECOND)
    assert parts(house) == ["50"]
    assert [e["count"] for e in house.all("", "events") if e["reason"] == "BudgetAlert"] == [1]


def test_the_parts_are_the_accounts_to_choose():
    house = budgeted("0.1", alertPercent=[30])
    assert parts(house) == ["30"]
    assert condition(house.get(ACCOUNT), "Budget50Percent") is None


def test_a_new_month_begins_anew():
    house = House(at=parse_instant("2026-11-30T22:10:00Z", ""))
    house.namespace()
    house.supply()
    house.settle()
    house.door.change(ACCOUNT, lambda obj: {**obj, "spec": {"budget": "0.07"}})
    house.pod()
    house.settle()
    house.runs(house.only_pod())
    house.wait(10 * SECOND)
    assert parts(house) == ["50"]
    house.ends(house.only_pod())
    house.wait(3 * HOUR)
    assert (condition(house.get(ACCOUNT), "Budget50Percent") or {})["status"] == "False"
    assert house.status(ACCOUNT)["alertedMonth"] == "2026-12"


def test_without_a_budget_nothing_is_told():
    house = budgeted("0.1", alertPercent=[10])
    house.door.change(ACCOUNT, lambda obj: {**obj, "spec": {}})
    house.wait(5 * SECOND)
    assert condition(house.get(ACCOUNT), "Budget10Percent") is None


def test_a_budget_that_is_taken_away_and_set_again_is_not_told_of_twice_in_a_month():
    house = budgeted("0.1", alertPercent=[10])
    for spec in ({}, {"budget": "0.1", "alertPercent": [10]}):
        house.door.change(ACCOUNT, lambda obj, spec=spec: {**obj, "spec": spec})
        house.wait(5 * SECOND)
    assert parts(house) == ["10"]
    assert [e["count"] for e in house.all("", "events") if e["reason"] == "BudgetAlert"] == [1]


@pytest.mark.parametrize("days", [1, 2])
def test_nothing_is_left_to_write_when_nothing_changes(days):
    house = budgeted("5")
    house.ends(house.only_pod())
    house.wait(MINUTE)
    before = house.get(ACCOUNT)["metadata"]["resourceVersion"]
    house.wait(days * DAY // 24)
    assert house.get(ACCOUNT)["metadata"]["resourceVersion"] == before
