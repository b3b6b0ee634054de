"""What runs beyond what was bought, and what was bought and not used."""

from __future__ import annotations

from tests.unit.controllers.house import House

from busbar.model.objects import Key, name_of, spec_of, status_of
from busbar.model.time import HOUR, MINUTE, SECOND
from busbar.model.wellknown import GROUP

OFFER = Key(GROUP, "offers", "", "elastx")
RULES = [{"from": "15:00", "until": "16:00", "pricePerDTU": "0.01"}]


def reserved() -> House:
    """Make a house in which one pod has the only room from three o'clock, for an hour."""
    house = House()
    house.namespace()
    house.supply(cpu="1", calendar={"timeZone": "UTC", "rules": RULES})
    waits = {"busbar.dev/may-wait": "true", "busbar.dev/expected-duration": "1h"}
    house.pod("later", **waits, **{"busbar.dev/not-after": house.at(8 * HOUR)})
    house.settle()
    assert status_of(house.only_contract())["phase"] == "Reserved"
    return house


def test_a_reserved_slot_that_is_given_back_costs_nothing_and_is_for_sale_at_once():
    house = reserved()
    held = house.held()
    assert held > 0
    before = house.balance()
    house.door.delete(Key("", "pods", "xyz", "later"), house.now)
    house.settle()
    assert (house.held(), house.balance()) == (0, before + held)
    waits = {"busbar.dev/may-wait": "true", "busbar.dev/expected-duration": "1h"}
    house.pod("other", **waits, **{"busbar.dev/not-after": house.at(8 * HOUR)})
    house.settle()
    other = next(c for c in house.contracts() if spec_of(c)["order"]["name"] == "other")
    assert spec_of(other)["slots"][0]["priceNano"] == 10_000_000


def test_work_that_ends_before_its_term_pays_for_what_ran():
    house = reserved()
    house.wait(2 * HOUR + 41 * MINUTE)
    house.runs(house.only_pod())
    house.wait(15 * MINUTE)
    house.ends(house.only_pod())
    status = status_of(house.only_contract())
    assert abs(status["billedNano"] - 2_500_000) < 5_000
    assert house.held() == 0


def test_work_that_needs_more_than_it_bought_goes_on_at_the_price_of_now():
    house = reserved()
    dearer = {"vendor": "elastx", "pricePerDTU": "0.07"}
    house.door.change(OFFER, lambda obj: {**obj, "spec": dearer})
    house.wait(2 * HOUR + 41 * MINUTE)
    house.runs(house.only_pod())
    house.wait(64 * MINUTE)
    prices = [slot["priceNano"] for slot in spec_of(house.only_contract())["slots"]]
    assert prices[:2] == [10_000_000, 70_000_000]


def test_what_was_reserved_and_could_not_be_delivered_is_not_paid():
    house = reserved()
    house.alive.clear()
    house.wait(3 * HOUR)
    house.wait(SECOND)
    lost = [c for c in house.contracts() if status_of(c)["phase"] == "Closed"]
    assert [status_of(c).get("billedNano", 0) for c in lost] == [0] * len(lost)
    assert lost
    assert name_of(house.only_pod()) == "later"
