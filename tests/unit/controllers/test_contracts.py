"""Contracts: every second that ran is billed once, and every end has its reason."""

from __future__ import annotations

from itertools import pairwise

import pytest
from tests.unit.controllers.house import House

from busbar.ledger.entries import FEE, vendor
from busbar.model.objects import Key, name_of, spec_of, status_of
from busbar.model.time import DAY, HOUR, MINUTE, SECOND, format_instant
from busbar.model.wellknown import GROUP

OFFER = Key(GROUP, "offers", "", "elastx")


def running(price: str = "0.04", euro: int = 100, settings=None, **notes: str) -> House:
    """One pod that draws one DTU per hour and runs, from 12:20."""
    house = House(**(settings or {}))
    house.namespace(euro=euro)
    house.supply(price=price)
    house.pod(**notes)
    house.settle()
    house.runs(house.only_pod())
    return house


def observed(house: House) -> None:
    house.report(house.only_pod(), "Running", meter={"observedMs": house.now})


def test_a_match_holds_the_money_for_its_term_in_the_same_transaction():
    house = House()
    house.namespace()
    house.supply()
    house.pod()
    house.settle()
    contract = house.only_contract()
    assert contract["status"]["heldNano"] == house.held() == 39_999_999
    assert contract["spec"]["order"]["name"] == "p"
    assert spec_of(house.only_pod())["nodeName"] == contract["spec"]["node"] == "n1"
    assert house.only_pod()["metadata"]["finalizers"] == ["busbar.dev/metering"]


def test_a_stop_bills_what_ran_and_releases_the_rest():
    house = running()
    house.wait(15 * MINUTE)
    house.ends(house.only_pod())
    status = status_of(house.only_contract())
    assert (status["phase"], status["reason"], status["billedNano"]) == (
        "Closed",
        "Completed",
        10_000_000,
    )
    assert status["ends"] == format_instant(status["finishedMs"])
    view = house.store.snapshot_now()
    assert view.balance(vendor("elastx")) + view.balance(FEE) == 10_000_000
    assert house.held() == 0
    assert house.balance() == 100 * 10**9 - 10_000_000
    assert "finalizers" not in house.only_pod()["metadata"]


def test_a_slot_is_settled_at_its_end_only_as_far_as_the_node_is_known_to_have_lived():
    house = running()
    house.alive.clear()
    house.wait(5 * SECOND)
    house.world.now = house.now - house.now % HOUR + HOUR + SECOND
    house.exchange.listening.since = house.now
    house.exchange.work()
    assert "billedNano" not in status_of(house.only_contract())
    house.alive.add("n1")
    house.wait(15 * SECOND)
    assert status_of(house.only_contract())["billedNano"] > 26_000_000


def test_a_workload_not_seen_since_is_not_settled_on_the_nodes_lease_alone():
    house = running()
    observed(house)
    house.wait(41 * MINUTE)
    assert "billedNano" not in status_of(house.only_contract())
    observed(house)
    house.wait(2 * SECOND)
    assert status_of(house.only_contract())["billedNano"] > 26_000_000


def test_a_running_contract_rolls_into_the_next_slots():
    house = running()
    house.wait(3 * HOUR)
    slots = spec_of(house.only_contract())["slots"]
    assert all(a["endMs"] == b["startMs"] for a, b in pairwise(slots))
    assert slots[-1]["endMs"] > house.now
    assert status_of(house.only_contract())["ends"] == format_instant(slots[-1]["endMs"])
    settles = [s.entry for s in house.store.journal_now() if s.entry.kind == "settle"]
    assert len({entry.id for entry in settles}) == len(settles) >= 3


def test_a_price_change_does_not_touch_slots_already_sold():
    house = running()
    spec = {"vendor": "elastx", "pricePerDTU": "0.05"}
    house.door.change(OFFER, lambda obj: {**obj, "spec": spec})
    house.wait(90 * MINUTE)
    prices = [slot["priceNano"] for slot in spec_of(house.only_contract())["slots"]]
    assert prices[:2] == [40_000_000, 40_000_000]
    assert prices[-1] == 50_000_000


def stopped_with(house: House, reason: str) -> None:
    """The contract ends with its term, for a reason that was said before, and bills to its end."""
    house.wait(59 * MINUTE + 30 * SECOND)
    assert house.events("ContractEnding")
    assert "deletionTimestamp" not in house.only_pod()["metadata"]
    house.wait(MINUTE)
    assert house.only_pod()["metadata"]["deletionTimestamp"]
    house.ends(house.only_pod(), reason="Deleted", message="the Pod was deleted")
    status = status_of(house.only_contract())
    assert (status["phase"], status["reason"]) == ("Closed", reason)
    assert house.held() == 0
    slots = spec_of(house.only_contract())["slots"]
    assert slots[-1]["endMs"] < house.now


def test_a_price_above_the_cap_ends_the_contract_at_its_terms_end():
    house = running(**{"busbar.dev/max-euro-per-dtu": "0.045"})
    spec = {"vendor": "elastx", "pricePerDTU": "0.05"}
    house.door.change(OFFER, lambda obj: {**obj, "spec": spec})
    stopped_with(house, "PriceAboveCap")


def test_a_withdrawn_offer_ends_the_contract_at_its_terms_end():
    house = running()
    house.door.delete(OFFER, house.now)
    stopped_with(house, "OfferWithdrawn")


def test_an_empty_balance_ends_the_contract_at_its_terms_end():
    house = running(price="90", euro=100)
    stopped_with(house, "BalanceExhausted")


def test_a_top_up_before_the_end_lets_the_contract_go_on():
    house = running(price="90", euro=100)
    house.wait(59 * MINUTE + 30 * SECOND)
    assert status_of(house.only_contract())["reason"] == "BalanceExhausted"
    house.pay("xyz", 100 * 10**9)
    house.wait(MINUTE)
    assert status_of(house.only_contract()).get("reason") is None
    assert "deletionTimestamp" not in house.only_pod()["metadata"]


def test_a_budget_ends_the_contract_at_its_terms_end():
    house = House()
    house.namespace()
    house.supply()
    house.settle()
    key = Key(GROUP, "accounts", "xyz", "account")
    house.door.change(key, lambda obj: {**obj, "spec": {"budget": "0.05"}})
    house.pod()
    house.settle()
    house.runs(house.only_pod())
    stopped_with(house, "BudgetExhausted")


def test_a_deadline_ends_the_contract():
    house = House()
    house.namespace()
    house.supply()
    house.pod(**{"busbar.dev/not-after": house.at(HOUR)})
    house.settle()
    house.runs(house.only_pod())
    stopped_with(house, "Expired")


def test_a_workload_that_never_starts_costs_nothing():
    house = House()
    house.namespace()
    house.supply()
    house.pod()
    house.wait(16 * MINUTE)
    house.ends(house.only_pod(), reason="Deleted", message="the Pod was deleted")
    status = status_of(house.only_contract())
    assert (status["reason"], status.get("billedNano", 0)) == ("NotTakenUp", 0)
    assert house.balance() == 100 * 10**9


def test_a_lost_node_is_billed_until_it_last_lived():
    house = running()
    house.wait(10 * MINUTE)
    house.alive.clear()
    house.wait(30 * SECOND)
    status = status_of(house.only_contract())
    assert status["reason"] == "NodeLost"
    assert status["finishedMs"] <= house.now - 20 * SECOND
    assert status["billedNano"] <= 40_000_000 * 10 // 60 + 60_000


def test_a_report_under_an_old_epoch_starts_nothing():
    house = House()
    house.namespace()
    house.supply()
    house.pod()
    house.settle()
    house.report(house.only_pod(), "Running", meter={"startedMs": house.now, "epoch": 0})
    house.settle()
    assert status_of(house.only_contract())["phase"] == "Bound"


def test_a_start_reported_before_the_contract_began_is_not_believed():
    house = House()
    house.namespace()
    house.supply()
    house.pod()
    house.settle()
    house.report(house.only_pod(), "Running", meter={"startedMs": house.now - HOUR})
    house.settle()
    contract = house.only_contract()
    assert status_of(contract)["startedMs"] == spec_of(contract)["slots"][0]["startMs"]


def test_an_exchange_that_was_down_over_a_slots_end_sells_and_bills_what_ran_meanwhile():
    house = running()
    house.exchange.stop()
    for _ in range(36):
        house.world.now += 5 * MINUTE
    house.exchange.start()
    house.wait(10 * SECOND)
    contract = house.only_contract()
    assert spec_of(contract)["slots"][-1]["endMs"] > house.now
    assert status_of(contract)["settledUntilMs"] >= house.now - HOUR


def test_work_that_runs_goes_before_work_that_is_reserved():
    house = House()
    house.namespace()
    rules = [{"from": "15:00", "until": "16:00", "pricePerDTU": "0.01"}]
    house.supply(cpu="1", calendar={"timeZone": "UTC", "rules": rules})
    waits = {
        "busbar.dev/may-wait": "true",
        "busbar.dev/not-after": house.at(8 * HOUR),
        "busbar.dev/expected-duration": "1h",
    }
    house.pod("later", **waits)
    house.settle()
    assert status_of(house.only_contract())["phase"] == "Reserved"
    house.pod("sooner")
    house.settle()
    sooner = next(p for p in house.pods() if name_of(p) == "sooner")
    house.runs(sooner)
    house.wait(2 * HOUR + 45 * MINUTE)
    closed = [
        status_of(c)["reason"] for c in house.contracts() if status_of(c)["phase"] == "Closed"
    ]
    assert closed == ["Superseded"]


def test_a_reserved_slot_whose_node_is_gone_is_matched_again():
    house = House()
    house.namespace()
    rules = [{"from": "13:00", "until": "14:00", "pricePerDTU": "0.01"}]
    house.supply(calendar={"timeZone": "UTC", "rules": rules})
    waits = {"busbar.dev/may-wait": "true", "busbar.dev/not-after": house.at(8 * HOUR)}
    house.pod(**waits)
    house.settle()
    house.alive.clear()
    house.wait(45 * MINUTE)
    assert status_of(house.only_contract())["reason"] == "NodeLost"
    assert house.held() == 0
    house.alive.add("n1")
    house.wait(10 * SECOND)
    assert [status_of(c)["phase"] for c in house.contracts()].count("Bound") == 1
    assert house.only_pod()["metadata"]["annotations"]["busbar.dev/epoch"] == "2"


def test_a_slot_in_which_nobody_knows_whether_it_started_stays_held_until_somebody_tells():
    house = House()
    house.namespace()
    house.supply()
    house.pod()
    house.settle()
    started = house.now
    house.wait(14 * MINUTE)
    house.exchange.stop()
    house.world.now += HOUR
    house.exchange.start()
    house.wait(5 * SECOND)
    assert "settledUntilMs" not in status_of(house.only_contract())
    told = {"startedMs": started, "finishedMs": started + 15 * MINUTE}
    house.report(house.only_pod(), "Succeeded", meter=told)
    house.settle()
    status = status_of(house.only_contract())
    assert (status["phase"], status["billedNano"]) == ("Closed", 10_000_000)


def test_a_closed_contract_goes_after_a_month_and_its_money_stays_journalled():
    house = running()
    house.wait(MINUTE)
    house.ends(house.only_pod())
    house.exchange.stop()
    house.world.now += 36 * DAY
    house.exchange.start()
    house.settle()
    assert house.contracts() == []
    kinds = [sealed.entry.kind for sealed in house.store.journal_now()]
    assert kinds == ["topup", "hold", "settle", "release"]


def test_a_slot_that_was_over_before_it_could_be_sold_is_held_and_billed_though_no_more_follows():
    house = House()
    house.namespace()
    rules = [{"from": "13:00", "until": "14:00", "available": False}]
    house.supply(calendar={"timeZone": "UTC", "rules": rules})
    house.pod(**{"busbar.dev/expected-duration": "30m"})
    house.settle()
    house.runs(house.only_pod())
    house.exchange.stop()
    house.world.now += 70 * MINUTE
    house.exchange.start()
    observed(house)
    house.wait(10 * SECOND)
    contract = house.only_contract()
    assert status_of(contract)["reason"] == "OfferWithdrawn"
    assert spec_of(contract)["slots"][-1]["endMs"] == house.now // HOUR * HOUR
    assert status_of(contract).get("heldNano", 0) == house.held()
    house.ends(house.only_pod())
    assert house.held() == 0
    sold = [s["endMs"] - s["startMs"] for s in spec_of(house.only_contract())["slots"]]
    assert sum(sold) == pytest.approx(40 * MINUTE, abs=2 * SECOND)
