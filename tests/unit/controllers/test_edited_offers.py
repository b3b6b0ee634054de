"""A vendor edits its offer: what it agreed to goes on for the notice, whatever the offer says."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.controllers.house import EURO, House

from busbar.controllers.names import FINALIZER_NOTICE
from busbar.model.objects import Key, metadata, spec_of, status_of, with_metadata
from busbar.model.time import HOUR, MINUTE, SECOND
from busbar.model.wellknown import ANN_CAP, ANN_DURATION, GROUP

OFFER = Key(GROUP, "offers", "", "elastx")
AGREED = 40_000_000
"""0.04 €/DTU, in nano-euro."""


def working(notice: str = "3h", cap: str = "0.05", expects: str = "1h", **offer: Any) -> House:
    """A Pod that runs on n1 since 12:20, under an offer with a notice."""
    house = House()
    house.namespace()
    house.supply(cpu="1", reclaimNotice=notice, **offer)
    assert house.door.deposit("elastx", EURO, house.now, "first")
    house.pod(**{ANN_CAP: cap, ANN_DURATION: expects})
    house.settle()
    house.runs(house.only_pod())
    house.wait(5 * SECOND)
    return house


def edit(house: House, **fields: Any) -> None:
    assert house.door.change(OFFER, lambda obj: {**obj, "spec": {**spec_of(obj), **fields}})
    house.settle()


def going(house: House) -> bool:
    return bool(metadata(house.only_pod()).get("deletionTimestamp"))


def prices(house: House) -> list[int]:
    """Of the hour that was bought at 12:20, in two slots, and what comes after."""
    return [slot["priceNano"] for slot in spec_of(house.only_contract())["slots"]]


CLOSED = {"timeZone": "UTC", "rules": [{"available": False}]}
EVASIONS = {
    "a price above the cap": {"pricePerDTU": "99"},
    "a calendar without hours": {"calendar": CLOSED},
    "a longest run that is over": {"refuses": {"longerThan": "1m"}},
    "no notice any more": {"reclaimNotice": "0s", "pricePerDTU": "99"},
    "no nodes any more": {"nodeSelector": {"nobody": "has-this"}, "calendar": CLOSED},
    "another vendor's name": {"vendor": "safespring"},
}


@pytest.mark.parametrize("fields", EVASIONS.values(), ids=EVASIONS.keys())
def test_an_edit_ends_no_contract_before_its_notice_is_over(fields):
    house = working()
    edit(house, **fields)
    house.wait(2 * HOUR + 50 * MINUTE)
    assert not going(house)
    assert set(prices(house)) == {AGREED}


@pytest.mark.parametrize("fields", EVASIONS.values(), ids=EVASIONS.keys())
def test_after_the_notice_the_edit_counts_and_costs_the_vendor_nothing(fields):
    house = working()
    edit(house, **fields)
    house.wait(4 * HOUR)
    assert going(house)
    house.ends(house.only_pod(), reason="Deleted", message="the Pod was deleted")
    assert status_of(house.only_contract())["reason"] in ("OfferWithdrawn", "PriceAboveCap")
    assert house.store.snapshot_now().balance("bond/elastx") == EURO


def test_a_price_raised_within_the_cap_counts_after_the_notice():
    house = working("1h", cap="1")
    edit(house, pricePerDTU="0.9")
    house.wait(3 * HOUR)
    slots = spec_of(house.only_contract())["slots"]
    notice_over = house.now - 2 * HOUR
    paid = [(slot["startMs"] < notice_over, slot["priceNano"]) for slot in slots]
    assert set(paid) == {(True, AGREED), (False, 900_000_000)}


def test_a_price_that_is_lowered_counts_at_once():
    house = working()
    edit(house, pricePerDTU="0.01")
    house.wait(HOUR)
    assert prices(house) == [AGREED, AGREED, 10_000_000]


def test_hours_that_were_closed_at_the_match_are_closed_without_a_notice():
    evening = {"timeZone": "UTC", "rules": [{"from": "13:00", "available": False}]}
    house = working(expects="30m", calendar=evening)
    house.wait(41 * MINUTE)
    assert going(house)
    house.ends(house.only_pod(), reason="Deleted", message="the Pod was deleted")
    assert status_of(house.only_contract())["reason"] == "OfferWithdrawn"


def test_without_a_notice_the_next_slot_has_the_price_of_its_time():
    house = working("0s", cap="1")
    edit(house, pricePerDTU="0.9")
    house.wait(HOUR)
    assert prices(house) == [AGREED, AGREED, 900_000_000]


def test_an_edit_and_a_restart_of_the_exchange_begin_no_notice_anew():
    house = working()
    edit(house, calendar=CLOSED)
    house.wait(HOUR)
    edit(house, attributes={"example.com/a": "b"})
    house.exchange.stop()
    house.exchange.start()
    house.wait(3 * HOUR)
    assert going(house)


def test_an_offer_that_states_no_notice_any_more_still_waits_for_contracts_that_have_one():
    house = working("2h")
    edit(house, reclaimNotice="0s")
    house.door.change(OFFER, lambda obj: with_metadata(obj, finalizers=None))
    house.settle()
    assert metadata(house.get(OFFER))["finalizers"] == [FINALIZER_NOTICE]
    house.door.delete(OFFER, house.now)
    house.wait(HOUR + 50 * MINUTE)
    assert not going(house)
    assert status_of(house.only_contract())["reclaimBy"] == "Offer"


def test_an_offer_that_was_given_to_another_vendor_still_gives_its_contracts_their_notice():
    house = working("2h")
    edit(house, vendor="safespring")
    house.door.delete(OFFER, house.now)
    house.wait(MINUTE)
    assert status_of(house.only_contract())["reclaimBy"] == "Offer"
