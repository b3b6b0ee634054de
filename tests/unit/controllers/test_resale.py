"""Held capacity that is not used is sold again: to whom, at which price, and who is paid."""

from __future__ import annotations

from typing import Any

from tests.unit.controllers.house import EURO, House
from tests.unit.controllers.test_draws import drawn
from tests.unit.controllers.test_procurement import PRICE, open_house, procure

from busbar.ledger.entries import available
from busbar.ledger.entries import held as held_account
from busbar.ledger.settlement import split
from busbar.market.publish import recompute
from busbar.model.objects import Key, Object, name_of, spec_of, status_of
from busbar.model.time import HOUR, MINUTE, SECOND
from busbar.model.wellknown import ANN_RESERVATION, GROUP

ASK = 60_000_000
BUYER = "abc"


def selling_house(cpu: str = "1", **spec: Any) -> House:
    """A house with one node, all of it held for four hours by xyz, which sells it at 0.06."""
    house = open_house(cpu=cpu)
    house.namespace(BUYER)
    procure(house, block="4h", horizon="4h", term="4h", sellAbove="0.06", **spec)
    house.settle()
    return house


def buy(house: House, name: str = "b", namespace: str = BUYER, **notes: str) -> Key:
    container = {
        "name": "main",
        "image": "work",
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
    }
    key = house.make(
        "",
        "pods",
        namespace,
        name,
        meta={"annotations": notes},
        spec={"containers": [container], "restartPolicy": "Never"},
        status={"phase": "Pending"},
    )
    house.settle()
    return key


def sold(house: House) -> list[Object]:
    return [c for c in house.contracts() if spec_of(c).get("seller")]


def money(house: House, namespace: str) -> int:
    snapshot = house.store.snapshot_now()
    return snapshot.balance(available(namespace)) + snapshot.balance(held_account(namespace))


def test_what_is_held_and_not_used_is_sold_at_the_ask_on_the_real_node():
    house = selling_house()
    key = buy(house)
    (contract,) = sold(house)
    assert spec_of(house.get(key))["nodeName"] == "n1"
    assert {slot["priceNano"] for slot in spec_of(contract)["slots"]} == {ASK}
    assert spec_of(contract)["vendor"] == "elastx"
    assert "xyz" not in str(contract)


def test_the_seller_earns_what_the_buyer_pays_but_the_fee_and_the_vendor_is_paid_as_contracted():
    house = selling_house()
    key = buy(house)
    house.runs(house.get(key))
    house.wait(20 * MINUTE)
    before = money(house, "xyz")
    house.ends(house.get(key))
    house.wait(10 * SECOND)
    (contract,) = sold(house)
    billed = status_of(contract)["billedNano"]
    assert ASK * 20 * MINUTE // HOUR <= billed <= ASK * 21 * MINUTE // HOUR
    debit, credit, fee, _ = split(billed, 20_000)
    assert status_of(contract)["vendorNano"] == credit
    assert fee > 0
    assert money(house, "xyz") - before == credit
    assert money(house, BUYER) == 100 * EURO - debit
    held = next(c for c in house.contracts() if spec_of(c).get("procurement"))
    assert spec_of(held)["slots"][0]["priceNano"] == PRICE


def test_nothing_is_sold_below_the_ask_and_a_cheaper_vendor_goes_first():
    house = selling_house()
    buy(house, "poor", **{"busbar.dev/max-euro-per-dtu": "0.05"})
    assert sold(house) == []
    house.supply("n2", "hansecloud", price="0.05", region="Germany")
    buy(house, "rich")
    assert sold(house) == []


def test_what_its_holder_uses_is_not_for_sale_and_what_was_sold_is_not_the_holders_to_use():
    house = selling_house()
    mine = house.pod("mine")
    house.settle()
    buy(house)
    assert (len(drawn(house)), sold(house)) == (1, [])
    house.runs(house.get(mine))
    house.ends(house.get(mine))
    house.wait(5 * SECOND)
    assert len(sold(house)) == 1
    house.pod("late", **{ANN_RESERVATION: "web"})
    house.settle()
    assert len(drawn(house)) == 1


def test_nobody_buys_from_themselves():
    house = selling_house()
    buy(house, namespace="xyz", **{ANN_RESERVATION: "none"})
    assert sold(house) == []


def test_through_a_second_namespace_it_costs_the_fee_and_gains_nothing():
    house = selling_house()
    both = money(house, "xyz") + money(house, BUYER)
    key = buy(house)
    house.runs(house.get(key))
    house.wait(30 * MINUTE)
    house.ends(house.get(key))
    house.wait(10 * SECOND)
    (contract,) = sold(house)
    paid = [c for c in house.contracts() if spec_of(c).get("procurement")]
    to_vendor = sum(status_of(c).get("billedNano", 0) for c in paid)
    lost = status_of(contract)["feeNano"] + status_of(contract)["roundingNano"]
    assert both - money(house, "xyz") - money(house, BUYER) == to_vendor + lost
    assert lost > 0


def test_who_runs_in_it_goes_on_hour_by_hour_at_the_ask():
    house = selling_house()
    key = buy(house)
    house.runs(house.get(key))
    house.wait(2 * HOUR)
    (contract,) = sold(house)
    slots = spec_of(contract)["slots"]
    assert {slot["priceNano"] for slot in slots} == {ASK}
    assert slots[-1]["endMs"] > house.now
    assert all(slot.get("reserved") for slot in slots)


def test_without_money_for_the_next_hour_it_ends_and_holds_up_nobody():
    house = selling_house(cpu="2", units=2)
    house.namespace("poor", euro=1)
    key = buy(house, "p", namespace="poor", **{"busbar.dev/max-euro-per-dtu": "90"})
    house.runs(house.get(key))
    keeps = Key(GROUP, "procurements", "xyz", "web")
    house.door.change(keeps, lambda o: {**o, "spec": {**spec_of(o), "sellAbove": "80"}})
    vendor = Key(GROUP, "offers", "", "elastx")
    house.door.change(vendor, lambda o: {**o, "spec": {**spec_of(o), "pricePerDTU": "80"}})
    house.wait(65 * MINUTE)
    (contract,) = sold(house)
    assert status_of(contract)["reason"] == "BalanceExhausted"
    house.door.change(keeps, lambda o: {**o, "spec": {**spec_of(o), "sellAbove": "0.06"}})
    buy(house, "next")
    assert len(sold(house)) == 2


def test_when_what_was_held_ends_it_goes_on_at_the_vendors_price_and_pays_the_vendor():
    house = selling_house()
    key = buy(house)
    house.runs(house.get(key))
    house.wait(5 * HOUR)
    (contract,) = sold(house)
    assert status_of(contract)["phase"] == "Running"
    assert spec_of(contract)["slots"][-1]["priceNano"] == PRICE
    assert not spec_of(contract)["slots"][-1].get("reserved")


def test_only_hours_that_are_held_are_sold():
    house = open_house(cpu="1")
    house.namespace(BUYER)
    procure(house, horizon="0h", sellAbove="0.06")
    buy(house)
    assert sold(house) == []
    buy(house, "short", **{"busbar.dev/expected-duration": "30m"})
    assert [name_of(c).rsplit("-", 1)[0] for c in sold(house)] == ["short"]


def test_a_part_is_published_as_a_row_and_the_clearing_can_be_worked_out_again():
    house = selling_house()
    buy(house)
    clearing = status_of(house.all(GROUP, "clearings")[-1])
    offers = [offer["offer"] for offer in clearing["supply"]]
    assert any(offer.startswith("resale-") for offer in offers)
    assert recompute(clearing)["matches"] == clearing["matches"]
    assert "xyz" not in str(clearing)


def test_the_book_shows_what_is_sold_again():
    house = selling_house()
    house.wait(2 * SECOND)
    (book,) = house.all(GROUP, "books")
    asks = [ask["pricePerDTU"] for ask in status_of(book)["asks"] if "resale-" in ask["offer"]]
    assert asks == ["0.06"]


def test_an_ask_that_makes_no_sense_is_told():
    house = open_house()
    key = procure(house, sellAbove="cheap")
    assert "spec.sellAbove" in house.status(key)["message"]


def test_what_is_held_of_a_limited_offer_is_not_sold_again():
    house = open_house(cpu="1", limits={"perNamespace": {"cpu": "1"}})
    house.namespace(BUYER)
    procure(house, block="4h", horizon="4h", term="4h", sellAbove="0.06")
    buy(house)
    assert sold(house) == []


def test_while_parts_are_on_sale_other_offers_keep_their_limits():
    house = selling_house()
    house.supply("n2", "safespring", "0.05", cpu="4", limits={"perNamespace": {"cpu": "1"}})
    buy(house, "part")
    buy(house, "first", **{"busbar.dev/vendor": "safespring"})
    buy(house, "second", **{"busbar.dev/vendor": "safespring"})
    offers = [spec_of(c)["offer"] for c in house.contracts() if c["metadata"]["namespace"] == BUYER]
    assert offers.count("safespring") == 1


def test_what_was_sold_is_held_on_while_its_holder_is_being_deleted():
    house = selling_house()
    buy(house)
    house.runs(house.only_pod())
    house.door.delete(Key("", "namespaces", "", "xyz"), house.now)
    house.wait(MINUTE)
    held = [c for c in house.contracts() if spec_of(c).get("procurement")]
    assert {status_of(c)["phase"] for c in held} == {"Held"}
    house.ends(house.only_pod())
    house.wait(MINUTE)
    assert house.door.get(Key("", "namespaces", "", "xyz")) is None
