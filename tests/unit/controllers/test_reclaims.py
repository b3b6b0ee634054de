"""Vendors take capacity back: with their notice it costs nothing, without it the bond pays."""

from __future__ import annotations

from itertools import pairwise

import pytest
from tests.unit.controllers.house import EURO, House

from busbar.model.objects import (
    Key,
    annotate,
    condition,
    metadata,
    name_of,
    spec_of,
    status_of,
    with_metadata,
)
from busbar.model.time import HOUR, MINUTE, SECOND
from busbar.model.wellknown import ANN_RECLAIM, GROUP

NODE = Key("", "nodes", "", "n1")
OFFER = Key(GROUP, "offers", "", "elastx")


def working(notice: str = "10m", others: bool = False, **offer) -> House:
    """A pod that runs on n1 since 12:20, under an offer with a notice."""
    house = House()
    house.namespace()
    house.supply(cpu="1", reclaimNotice=notice, **offer)
    assert house.door.deposit("elastx", EURO, house.now, "first")
    house.pod()
    house.settle()
    house.runs(house.only_pod())
    if others:
        house.supply("other", "safespring", "0.05")
    house.wait(5 * SECOND)
    return house


def ask(house: House, how: str | None) -> None:
    assert house.door.change(NODE, lambda obj: annotate(obj, {ANN_RECLAIM: how}))
    house.settle()


def status(house: House) -> dict:
    return status_of(house.contracts()[0])


def ended(house: House) -> dict:
    """Let the agent end what it was asked to end."""
    pod = house.pods()[0]
    assert metadata(pod).get("deletionTimestamp")
    house.ends(pod, reason="Deleted", message="the Pod was deleted")
    assert status(house)["phase"] == "Closed"
    return status(house)


def in_bond(house: House) -> int:
    return house.store.snapshot_now().balance("bond/elastx")


def going(house: House) -> bool:
    return bool(metadata(house.pods()[0]).get("deletionTimestamp"))


def test_a_contract_carries_the_terms_of_its_offer():
    house = working("10m", minimumTerm="5m")
    spec = spec_of(house.only_contract())
    assert (spec["reclaimNoticeMs"], spec["minimumTermMs"]) == (10 * MINUTE, 5 * MINUTE)


def test_within_the_notice_work_goes_on_and_at_its_end_it_stops_and_costs_nothing():
    house = working()
    ask(house, "with-notice")
    assert house.events("ReclaimNotice")
    house.wait(9 * MINUTE)
    assert not going(house)
    house.wait(MINUTE + 5 * SECOND)
    assert going(house)
    assert ended(house)["reason"] == "Reclaimed"
    assert in_bond(house) == EURO
    assert 39_999_999 * 10 // 60 < status(house)["billedNano"] < 40_000_000 * 11 // 60


def test_a_job_that_is_taken_back_is_matched_again_elsewhere_and_has_not_failed():
    house = House()
    house.namespace()
    house.supply(cpu="2", reclaimNotice="10m")
    house.job(backoffLimit=0)
    house.settle()
    house.runs(house.only_pod())
    house.supply("other", "safespring", "0.05")
    ask(house, "with-notice")
    house.wait(10 * MINUTE + 5 * SECOND)
    house.ends(house.only_pod(), reason="Deleted", message="the Pod was deleted")
    (again,) = (p for p in house.pods() if status_of(p)["phase"] == "Pending")
    assert spec_of(again)["nodeName"] == "other"
    assert house.status(Key(GROUP, "jobs", "xyz", "j")).get("failures", 0) == 0


def test_a_batch_job_does_not_count_what_was_taken_back_as_its_failure():
    house = House()
    house.namespace()
    house.supply(cpu="2", reclaimNotice="10m")
    container = {
        "name": "main",
        "image": "work",
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
    }
    template = {"spec": {"containers": [container], "restartPolicy": "Never"}}
    key = house.make("batch", "jobs", "xyz", "b", spec={"template": template, "backoffLimit": 0})
    house.settle()
    house.runs(house.only_pod())
    house.supply("other", "safespring", "0.05")
    ask(house, "with-notice")
    house.wait(10 * MINUTE + 5 * SECOND)
    (leaving,) = (p for p in house.pods() if metadata(p).get("deletionTimestamp"))
    house.ends(leaving, reason="Deleted", message="the Pod was deleted")
    house.settle()
    assert house.status(key).get("failed", 0) == 0
    assert [spec_of(p).get("nodeName") for p in house.pods()][-1] == "other"


def test_a_notice_longer_than_the_reserved_term_obliges_the_vendor_to_go_on():
    house = working("3h")
    ask(house, "with-notice")
    house.wait(2 * HOUR + 55 * MINUTE)
    assert not going(house)
    slots = spec_of(house.only_contract())["slots"]
    assert all(a["endMs"] == b["startMs"] for a, b in pairwise(slots))
    house.wait(6 * MINUTE)
    assert ended(house)["reason"] == "Reclaimed"


def test_without_a_notice_in_the_offer_what_is_sold_is_sold():
    house = working("0s")
    ask(house, "with-notice")
    end = spec_of(house.only_contract())["slots"][-1]["endMs"]
    house.wait(end - house.now - 5 * SECOND)
    assert not going(house)
    house.wait(10 * SECOND)
    assert ended(house)["reason"] == "Reclaimed"
    assert in_bond(house) == EURO


def test_capacity_is_not_taken_back_before_the_minimum_term():
    house = working("1m", minimumTerm="30m")
    ask(house, "with-notice")
    house.wait(25 * MINUTE)
    assert not going(house)
    house.wait(6 * MINUTE)
    assert ended(house)["reason"] == "Reclaimed"


def test_at_once_costs_the_bond_for_what_was_sold_and_for_the_notice():
    house = working("3h")
    held = house.held()
    ask(house, "at-once")
    assert going(house)
    left = ended(house)
    assert left["reason"] == "WithdrawnEarly"
    # Nothing else is for sale: the three hours count once more, and a tenth of what was held.
    assert left["compensatedNano"] + 40_000_000 // 60 >= 3 * 40_000_000
    assert left["compensatedNano"] <= 3 * 40_000_000 + held // 10
    assert in_bond(house) == EURO - left["compensatedNano"]


def test_haste_during_the_notice_is_charged_until_the_notice_first_given_is_over():
    house = working("1h")
    ask(house, "with-notice")
    bound = status(house)["noticeUntilMs"]
    house.wait(20 * MINUTE)
    ask(house, "at-once")
    assert status(house)["noticeUntilMs"] == bound
    assert ended(house)["reason"] == "WithdrawnEarly"


def test_a_node_that_is_taken_back_takes_no_new_work_and_says_when_it_is_empty():
    house = working()
    ask(house, "with-notice")
    house.pod("late")
    house.settle()
    late = next(p for p in house.pods() if name_of(p) == "late")
    assert (condition(late, "PodScheduled") or {})["reason"] == "NodeCordoned"
    assert (condition(house.get(NODE), "Reclaimed") or {})["status"] == "False"
    house.wait(10 * MINUTE + 5 * SECOND)
    pod = next(p for p in house.pods() if name_of(p) == "p")
    house.ends(pod, reason="Deleted", message="the Pod was deleted")
    house.wait(10 * SECOND)
    assert (condition(house.get(NODE), "Reclaimed") or {})["status"] == "True"


def test_a_vendor_that_thinks_better_of_it_lets_the_contract_go_on():
    house = working()
    ask(house, "with-notice")
    house.wait(5 * MINUTE)
    ask(house, None)
    house.wait(2 * HOUR)
    assert status(house)["phase"] == "Running"
    assert "reclaimAtMs" not in status(house)
    assert not going(house)


def test_a_withdrawn_offer_stays_until_its_contracts_have_had_their_notice():
    house = working("2h")
    house.door.delete(OFFER, house.now)
    house.wait(HOUR + 55 * MINUTE)
    assert metadata(house.get(OFFER))["deletionTimestamp"]
    assert not going(house)
    house.wait(6 * MINUTE)
    assert ended(house)["reason"] == "Reclaimed"
    house.wait(10 * SECOND)
    assert house.door.get(OFFER) is None
    assert in_bond(house) == EURO


def test_an_offer_that_vanishes_without_its_notice_costs_the_bond_at_the_terms_end():
    house = working("2h")
    house.door.change(OFFER, lambda obj: with_metadata(obj, finalizers=None))
    house.door.delete(OFFER, house.now)
    assert house.door.get(OFFER) is None
    house.wait(61 * MINUTE)
    found = ended(house)
    assert found["reason"] == "WithdrawnEarly"
    assert found["compensatedNano"] > 0


def test_a_reserved_slot_that_the_notice_ends_before_is_given_up_early():
    house = House()
    house.namespace()
    rules = [{"from": "15:00", "until": "16:00", "pricePerDTU": "0.01"}]
    house.supply(cpu="1", reclaimNotice="10m", calendar={"timeZone": "UTC", "rules": rules})
    house.pod(**{"busbar.dev/may-wait": "true", "busbar.dev/not-after": house.at(8 * HOUR)})
    house.settle()
    assert status(house)["phase"] == "Reserved"
    ask(house, "with-notice")
    house.wait(10 * MINUTE + 5 * SECOND)
    assert status(house)["reason"] == "Reclaimed"
    assert house.held() == 0


def test_a_cordoned_node_keeps_what_was_reserved_on_it():
    house = House()
    house.namespace()
    rules = [{"from": "15:00", "until": "16:00", "pricePerDTU": "0.01"}]
    house.supply(cpu="1", calendar={"timeZone": "UTC", "rules": rules})
    house.pod(**{"busbar.dev/may-wait": "true", "busbar.dev/not-after": house.at(8 * HOUR)})
    house.settle()
    cordoned = {"unschedulable": True}
    house.door.change(NODE, lambda obj: {**obj, "spec": cordoned})
    house.wait(2 * HOUR + 41 * MINUTE)
    assert status(house)["phase"] == "Bound"


@pytest.mark.parametrize("how", ["with-notice", "at-once"])
def test_told_twice_or_by_a_restarted_exchange_it_is_told_once(how):
    house = working("3h")
    ask(house, how)
    first = status(house)["reclaimAtMs"]
    house.exchange.stop()
    house.exchange.start()
    house.wait(MINUTE)
    assert status(house)["reclaimAtMs"] == first
    told = [e for e in house.all("", "events") if e["reason"] == "ReclaimNotice"]
    assert [e["count"] for e in told] == [1]
