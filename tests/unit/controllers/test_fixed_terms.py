"""A term at a fixed price: sold whole, renewed whole, whoever changes their mind meanwhile."""

from __future__ import annotations

import pytest
from tests.unit.controllers.house import House
from tests.unit.controllers.services import deploy, make_ready, start_all, template

from busbar.model.errors import InvalidField
from busbar.model.fixedterm import read_term
from busbar.model.objects import Key, condition, spec_of, status_of
from busbar.model.time import HOUR, MINUTE
from busbar.model.wellknown import GROUP

TERM = "busbar.dev/fixed-term"
OFFER = Key(GROUP, "offers", "", "elastx")


def open_house(euro: int = 100, **offer) -> House:
    house = House()
    house.make("", "namespaces", "", "xyz")
    house.pay("xyz", euro * 10**7)
    house.supply(cpu="8", **offer)
    return house


def running(house, cpu="1", **notes) -> dict:
    house.pod("p", cpu, **{TERM: "6h", **notes})
    house.settle()
    make_ready(house, house.only_pod())
    house.settle()
    return house.only_contract()


def reprice(house, price) -> None:
    assert house.door.change(OFFER, lambda o: {**o, "spec": {**spec_of(o), "pricePerDTU": price}})
    house.settle()


def live_on(house, ms) -> None:
    """Let time pass; the agent says now and then that the workload runs."""
    end = house.now + ms
    while house.now < end:
        for pod in house.pods():
            house.report(pod, "Running", meter={"observedMs": house.now})
        house.wait(min(10 * MINUTE, end - house.now))


def slots(contract) -> list[tuple[int, int]]:
    """Give the (length, price) of each slot."""
    return [(s["endMs"] - s["startMs"], s["priceNano"]) for s in spec_of(contract)["slots"]]


def test_the_whole_term_is_sold_and_held_at_once_at_one_price():
    house = open_house()
    contract = running(house)
    found = slots(contract)
    assert sum(length for length, _ in found) == 6 * HOUR
    assert {price for _, price in found} == {40_000_000}
    assert spec_of(contract)["fixedTermMs"] == 6 * HOUR
    assert abs(house.held() - 6 * 40_000_000) < 10


def test_what_the_vendor_asks_later_touches_none_of_it():
    house = open_house()
    running(house)
    reprice(house, "0.09")
    live_on(house, 5 * HOUR)
    assert {price for _, price in slots(house.only_contract())} == {40_000_000}


def test_it_is_renewed_for_the_whole_term_at_what_is_asked_then():
    house = open_house()
    running(house)
    reprice(house, "0.05")
    live_on(house, 6 * HOUR)
    found = slots(house.only_contract())
    assert sum(length for length, price in found if price == 40_000_000) == 6 * HOUR
    # To the end of the hour in which the term ends.
    assert 6 * HOUR <= sum(length for length, price in found if price == 50_000_000) < 7 * HOUR
    reprice(house, "0.09")
    live_on(house, 5 * HOUR)
    assert len(slots(house.only_contract())) == len(found)


def test_where_it_cannot_be_renewed_whole_it_rolls_slot_by_slot_until_it_can():
    house = open_house(euro=30)
    running(house)
    reprice(house, "0.05")
    live_on(house, 6 * HOUR)
    longest = sum(length for length, _ in slots(house.only_contract()))
    assert longest < 8 * HOUR
    house.pay("xyz", 10**9)
    live_on(house, 2 * HOUR)
    assert sum(length for length, _ in slots(house.only_contract())) > 12 * HOUR


def test_a_withdrawn_offer_ends_it_with_its_last_slot_and_not_before():
    house = open_house()
    running(house)
    house.door.delete(OFFER, house.now)
    live_on(house, 5 * HOUR + 50 * MINUTE)
    assert status_of(house.only_contract())["phase"] == "Running"
    house.wait(20 * MINUTE)
    assert house.only_pod()["metadata"].get("deletionTimestamp")


def test_who_leaves_early_pays_for_what_ran_and_gets_the_rest_back():
    house = open_house()
    running(house)
    begun = house.now
    live_on(house, 2 * HOUR)
    house.ends(house.only_pod())
    assert house.held() == 0
    ran = house.now - begun
    billed = status_of(house.only_contract())["billedNano"]
    assert abs(billed - 40_000_000 * ran // HOUR) < 40_000_000 * MINUTE // HOUR


def test_a_place_without_room_for_the_whole_term_is_none():
    closed = {"from": "15:00", "until": "16:00", "available": False}
    house = open_house(calendar={"rules": [closed]})
    house.pod("p", **{TERM: "6h"})
    house.settle()
    told = condition(house.only_pod(), "PodScheduled") or {}
    assert told["reason"] == "OfferUnavailable"
    assert house.contracts() == []


def test_a_deployments_term_is_that_of_each_of_its_pods():
    house = open_house()
    deploy(house, template=template(**{TERM: "3h"}))
    start_all(house)
    assert [spec_of(c)["fixedTermMs"] for c in house.contracts()] == [3 * HOUR, 3 * HOUR]


def test_an_expected_duration_that_is_longer_counts():
    house = open_house()
    contract = running(house, **{"busbar.dev/expected-duration": "8h"})
    assert sum(length for length, _ in slots(contract)) == 8 * HOUR


@pytest.mark.parametrize("text", ["30m", "49h", "0s", "long", None])
def test_a_term_that_cannot_be_is_refused(text):
    with pytest.raises(InvalidField):
        read_term(text, "x")
