"""Later hours of what is held are sold again: to whom, on what they stand, and how they end."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.controllers.house import EURO, NOON, House
from tests.unit.controllers.test_draws import drawn
from tests.unit.controllers.test_procurement import PRICE, open_house, procure
from tests.unit.controllers.test_resale import ASK, BUYER, buy, money, sold

from busbar.ledger.entries import vendor as vendor_account
from busbar.ledger.settlement import RESALE
from busbar.market.publish import recompute
from busbar.model.objects import Key, Object, spec_of, status_of
from busbar.model.time import HOUR, MINUTE, SECOND
from busbar.model.wellknown import (
    ANN_CAP,
    ANN_DURATION,
    ANN_MAY_WAIT,
    ANN_NOT_AFTER,
    ANN_NOT_BEFORE,
    ANN_PIECES,
    ANN_RECLAIM,
    GROUP,
)
from busbar.replay.compare import Verdict, replay

KEEPS = Key(GROUP, "procurements", "xyz", "web")


def hourly_house(cpu: str = "1", **spec: Any) -> House:
    """A house with one node, kept hour by hour until four by xyz, which sells it at 0.06."""
    house = open_house(cpu=cpu)
    house.namespace(BUYER)
    procure(house, **{"sellAbove": "0.06", "term": "4h", **spec})
    house.settle()
    return house


def hours(contract: Object) -> list[int]:
    """Give the hours of a contract, counted from noon."""
    return [(slot["startMs"] - NOON) // HOUR for slot in spec_of(contract)["slots"]]


def at(house: House, hour: int) -> str:
    """Write an hour, counted from noon."""
    return house.at(NOON + hour * HOUR - house.now)


def later(house: House, hour: int, name: str = "b", **notes: str) -> Key:
    """Order an hour of the buyer's work, counted from noon."""
    return buy(house, name, **{ANN_NOT_BEFORE: at(house, hour), **notes})


def only_sold(house: House) -> Object:
    (contract,) = sold(house)
    return contract


def reclaim(house: House, how: str) -> None:
    """Let the vendor take the node back."""
    notes = {"annotations": {ANN_RECLAIM: how}}
    key = Key("", "nodes", "", "n1")
    house.door.change(key, lambda n: {**n, "metadata": {**n["metadata"], **notes}})


def keeps(house: House) -> list[Object]:
    """Give the open contracts that hold capacity."""
    found = [c for c in house.contracts() if spec_of(c).get("procurement")]
    return [c for c in found if status_of(c)["phase"] != "Closed"]


def test_an_hour_that_is_to_be_held_is_sold_and_begins_with_it():
    house = hourly_house()
    key = later(house, 2)
    contract = only_sold(house)
    assert (hours(contract), status_of(contract)["phase"]) == ([2], "Reserved")
    assert spec_of(contract)["slots"][0]["priceNano"] == ASK
    assert not spec_of(house.get(key)).get("nodeName")
    house.wait(NOON + 2 * HOUR - house.now + SECOND)
    assert spec_of(house.get(key))["nodeName"] == "n1"
    house.runs(house.get(key))
    house.wait(30 * MINUTE)
    before = money(house, "xyz")
    house.ends(house.get(key))
    house.wait(10 * SECOND)
    assert status_of(only_sold(house))["reason"] == "Completed"
    assert money(house, "xyz") - before == status_of(only_sold(house))["vendorNano"] > 0


def test_a_term_is_sold_across_hours_that_are_held_on_contracts_of_their_own():
    house = hourly_house()
    buy(house, **{ANN_DURATION: "3h"})
    assert hours(only_sold(house)) == [0, 1, 2, 3]
    buy(house, "long", **{ANN_DURATION: "5h"})
    assert len(sold(house)) == 1


def test_who_may_wait_takes_the_hour_that_is_free():
    house = hourly_house()
    buy(house, **{ANN_NOT_AFTER: at(house, 2)})
    waits = {ANN_MAY_WAIT: "true", ANN_DURATION: "1h", ANN_NOT_AFTER: at(house, 4)}
    buy(house, "waits", **waits)
    assert [hours(c) for c in sold(house)] == [[0, 1], [2]]


def test_pieces_are_sold_between_what_others_bought():
    house = hourly_house()
    later(house, 2)
    terms = {ANN_DURATION: "2h", ANN_NOT_AFTER: at(house, 4), ANN_MAY_WAIT: "true"}
    buy(house, "cut", **terms, **{ANN_PIECES: "2"})
    assert sorted(hours(c) for c in sold(house)) == [[0, 1], [2], [3]]
    assert all(slot["reserved"] for c in sold(house) for slot in spec_of(c)["slots"])


def test_what_is_sold_is_not_sold_again():
    house = hourly_house()
    later(house, 2)
    later(house, 2, "second")
    assert len(sold(house)) == 1


def test_the_holders_pods_draw_on_the_rest_and_not_into_what_is_sold():
    house = hourly_house()
    later(house, 1)
    house.pod("mine", **{ANN_DURATION: "30m"})
    house.settle()
    assert len(drawn(house)) == 1
    house.ends(house.get(Key("", "pods", "xyz", "mine")))
    house.wait(5 * SECOND)
    house.pod("long", **{ANN_DURATION: "2h"})
    house.settle()
    assert len(drawn(house)) == 1


def test_what_draws_is_not_sold_ahead():
    house = hourly_house()
    house.pod("mine")
    house.settle()
    later(house, 2)
    assert sold(house) == []


def test_who_runs_into_an_hour_that_its_own_namespace_sold_ends_and_the_buyer_begins():
    house = hourly_house()
    key = later(house, 1)
    house.pod("mine", **{ANN_DURATION: "30m"})
    house.settle()
    mine = Key("", "pods", "xyz", "mine")
    house.runs(house.get(mine))
    house.wait(NOON + HOUR - house.now + SECOND)
    assert status_of(drawn(house)[0])["reason"] == "SoldAgain"
    house.ends(house.get(mine))
    house.wait(10 * SECOND)
    assert spec_of(house.get(key))["nodeName"] == "n1"
    assert status_of(only_sold(house))["phase"] == "Bound"


def test_who_runs_into_a_sold_hour_goes_on_beside_it_where_the_node_has_room():
    house = hourly_house(cpu="2")
    house.door.change(KEEPS, lambda o: {**o, "spec": {**spec_of(o), "sellAbove": "0.03"}})
    house.settle()
    later(house, 1)
    house.pod("mine", **{ANN_DURATION: "30m"})
    house.settle()
    house.runs(house.get(Key("", "pods", "xyz", "mine")))
    house.wait(NOON + HOUR - house.now + MINUTE)
    (mine,) = drawn(house)
    assert [slot["priceNano"] for slot in spec_of(mine)["slots"]] == [0, PRICE]
    assert [status_of(c)["phase"] for c in (mine, only_sold(house))] == ["Running", "Bound"]


def test_a_buyer_who_runs_on_goes_before_one_who_has_not_begun_and_pays_the_holder():
    house = hourly_house()
    later(house, 1, "second")
    first = buy(house, "first", **{ANN_DURATION: "30m"})
    house.runs(house.get(first))
    house.wait(NOON + HOUR - house.now + 2 * MINUTE)
    reasons = {status_of(c).get("reason") for c in sold(house)}
    assert "Superseded" in reasons
    running = next(c for c in sold(house) if status_of(c)["phase"] == "Running")
    assert [slot["priceNano"] for slot in spec_of(running)["slots"]] == [ASK, ASK, ASK]
    assert all(slot["reserved"] for slot in spec_of(running)["slots"])


def test_where_running_work_takes_what_was_to_be_held_who_bought_of_it_is_matched_again():
    house = open_house(cpu="1")
    house.namespace(BUYER)
    house.namespace("runner")
    key = buy(house, "runs", namespace="runner", **{ANN_DURATION: "30m"})
    house.runs(house.get(key))
    procure(house, notBefore=at(house, 1), term="3h", sellAbove="0.06")
    assert keeps(house) == []
    house.ends(house.get(key))
    house.wait(MINUTE)
    assert len(keeps(house)) == 3
    key = buy(house, "again", namespace="runner", **{ANN_DURATION: "30m"})
    house.runs(house.get(key))
    bought = later(house, 1)
    free = money(house, BUYER)
    assert status_of(only_sold(house))["phase"] == "Reserved"
    house.wait(NOON + HOUR - house.now + MINUTE)
    lost = next(c for c in sold(house) if status_of(c)["phase"] == "Closed")
    assert (status_of(lost)["reason"], status_of(lost)["billedNano"]) == ("Superseded", 0)
    assert money(house, BUYER) == free
    assert len(house.events("Superseded")) == 2
    assert house.door.get(bought) is not None


def test_running_work_takes_a_holders_hour_and_a_buyers_where_only_both_make_room():
    """The pool takes the larger of held and drawn, and one draws who was sold an earlier hour."""
    house = open_house(cpu="2")
    for namespace in (BUYER, "alone"):
        house.namespace(namespace)
    own = {"resources": {"cpu": "1", "memory": "2Gi"}, "horizon": "1h", "term": "1h"}
    house.make(GROUP, "procurements", "alone", "own", spec=own)
    house.settle()
    procure(house, sellAbove="0.06", term="4h", units=2)
    whole = buy(house, "whole", namespace="alone", **{ANN_DURATION: "30m"})
    house.runs(house.get(whole))
    first = buy(house, "first", **{ANN_DURATION: "30m"})
    house.runs(house.get(first))
    second = later(house, 1, "second")
    assert len([c for c in keeps(house) if hours(c) == [1]]) == 2
    assert len(sold(house)) == 2
    house.wait(NOON + HOUR - house.now + MINUTE)
    assert [spec_of(house.get(key))["nodeName"] for key in (whole, first)] == ["n1", "n1"]
    lost = next(c for c in sold(house) if status_of(c)["phase"] == "Closed")
    assert (hours(lost), status_of(lost)["reason"]) == ([1], "Superseded")
    assert house.get(second)["spec"].get("nodeName") is None
    assert len([c for c in keeps(house) if hours(c) == [1]]) == 1


@pytest.mark.parametrize("asked", ["with-notice", "at-once"])
def test_a_node_that_is_taken_back_takes_what_was_sold_of_it_along(asked: str):
    house = open_house(cpu="1", reclaimNotice="10m")
    house.namespace(BUYER)
    procure(house, sellAbove="0.06", term="4h")
    later(house, 2)
    reclaim(house, asked)
    house.wait(15 * MINUTE)
    contract = only_sold(house)
    expected = "Reclaimed" if asked == "with-notice" else "WithdrawnEarly"
    assert (status_of(contract)["reason"], status_of(contract)["billedNano"]) == (expected, 0)
    assert keeps(house) == []


def test_a_failed_delivery_is_owed_to_the_holder_at_the_vendors_price():
    house = hourly_house(sellAbove="50")
    assert house.door.deposit("elastx", 50 * EURO, house.now, "bond")
    later(house, 1, **{ANN_CAP: "60"})
    buy(house, "now", **{ANN_CAP: "60", ANN_DURATION: "20m"})
    reclaim(house, "at-once")
    house.wait(5 * MINUTE)
    assert {status_of(c)["reason"] for c in sold(house)} == {"WithdrawnEarly"}
    assert [status_of(c).get("compensatedNano", 0) for c in sold(house)] == [0, 0]
    paid = [c for c in house.contracts() if spec_of(c).get("procurement")]
    assert 0 < sum(status_of(c).get("compensatedNano", 0) for c in paid) < EURO


def test_a_node_that_is_gone_takes_what_was_sold_of_it_along():
    house = hourly_house()
    later(house, 2)
    house.door.delete(Key("", "nodes", "", "n1"), house.now)
    house.alive.clear()
    house.wait(2 * MINUTE)
    contract = only_sold(house)
    assert status_of(contract)["phase"] == "Closed"
    assert status_of(contract)["billedNano"] == 0
    assert "held room that it was sold is gone" in status_of(contract)["message"]


def test_a_late_withdrawal_is_the_holders_less_the_fee():
    house = hourly_house()
    key = later(house, 2)
    house.wait(NOON + 90 * MINUTE - house.now)
    before = money(house, "xyz")
    house.door.delete(key, house.now)
    house.wait(SECOND)
    status = status_of(only_sold(house))
    stood = 30 * MINUTE - (NOON + 20 * MINUTE - NOON)  # Of the two hours before two o'clock.
    assert status["reason"] == "Deleted"
    assert status["withdrawalNano"] > 0, stood
    earned = house.store.snapshot_now().balance(
        vendor_account(RESALE + spec_of(only_sold(house))["seller"])
    )
    house.wait(10 * SECOND)
    assert earned + money(house, "xyz") - before >= status["vendorNano"]


def test_an_ask_that_changes_or_goes_touches_nothing_that_is_sold():
    house = hourly_house()
    later(house, 2)
    house.door.change(KEEPS, lambda o: {**o, "spec": {**spec_of(o), "sellAbove": "0.08"}})
    house.settle()
    later(house, 3, "dearer")
    assert [spec_of(c)["slots"][0]["priceNano"] for c in sold(house)] == [ASK, 80_000_000]
    house.door.delete(KEEPS, house.now)
    house.wait(NOON + 2 * HOUR - house.now + MINUTE)
    assert status_of(sold(house)[0])["phase"] == "Bound"


def test_a_namespace_that_goes_keeps_the_hours_that_are_sold_and_no_others():
    house = hourly_house()
    key = later(house, 2)
    house.door.delete(Key("", "namespaces", "", "xyz"), house.now)
    house.wait(MINUTE)
    assert [hours(c) for c in keeps(house)] == [[2]]
    house.wait(NOON + 2 * HOUR - house.now + MINUTE)
    house.runs(house.get(key))
    assert [status_of(c)["phase"] for c in keeps(house)] == ["Held"]
    house.wait(10 * MINUTE)
    house.ends(house.get(key))
    house.wait(MINUTE)
    assert house.door.get(Key("", "namespaces", "", "xyz")) is None


def test_one_row_a_node_says_what_is_left_in_each_hour_and_is_worked_out_again():
    house = hourly_house(cpu="3", units=3)
    later(house, 2)
    later(house, 2, "second")
    later(house, 3, "third")
    clearing = status_of(house.all(GROUP, "clearings")[-1])
    rows = [offer for offer in clearing["supply"] if offer["offer"].startswith("resale-")]
    assert len(rows) == 1
    (row,) = rows[0]["nodes"]
    taken = [c for c in clearing["commitments"] if c["node"] == row["node"]]
    assert [(c["cpuMilli"], (c["startMs"] - NOON) // HOUR) for c in taken] == [(2000, 2)]
    assert recompute(clearing)["matches"] == clearing["matches"]
    assert replay("c", clearing).verdict is Verdict.AGREES
    assert "xyz" not in str(clearing)
    house.door.delete(KEEPS, house.now)
    buy(house, "after")
    clearing = status_of(house.all(GROUP, "clearings")[-1])
    assert not any(c["node"].startswith("part-") for c in clearing["commitments"])


def test_the_curve_shows_later_hours_that_are_on_sale():
    house = hourly_house()
    house.wait(10 * SECOND)
    (curve,) = house.all(GROUP, "forwardcurves")
    asks = [slot["bestAskNano"] for slot in status_of(curve)["slots"][:5]]
    assert asks == [ASK, ASK, ASK, ASK, PRICE]


def test_reselling_later_hours_to_oneself_gains_nothing():
    house = hourly_house()
    both = money(house, "xyz") + money(house, BUYER)
    key = later(house, 1)
    house.wait(NOON + HOUR - house.now + SECOND)
    house.runs(house.get(key))
    house.wait(30 * MINUTE)
    house.ends(house.get(key))
    house.wait(NOON + 5 * HOUR - house.now)
    paid = [c for c in house.contracts() if spec_of(c).get("procurement")]
    to_vendor = sum(status_of(c).get("billedNano", 0) for c in paid)
    lost = status_of(only_sold(house))["feeNano"] + status_of(only_sold(house))["roundingNano"]
    assert both - money(house, "xyz") - money(house, BUYER) == to_vendor + lost
    assert 0 < lost < EURO


def test_an_hour_that_begins_late_because_its_node_was_lost_is_not_paid_until_it_is_back():
    # One node is most of them: who runs there is not evicted, and is waited for.
    house = House(mass_loss_nodes_min=1)
    house.namespace(euro=100)
    house.supply(cpu="1")
    house.settle()
    house.namespace(BUYER)
    procure(house, sellAbove="0.06", term="4h")
    bought = buy(house, "now", **{ANN_DURATION: "90m"})
    house.runs(house.get(bought))
    house.wait(NOON + 55 * MINUTE - house.now)
    there = set(house.alive)
    house.alive.clear()
    house.wait(NOON + HOUR + 5 * MINUTE - house.now)
    house.alive |= there
    house.wait(MINUTE)
    (begun,) = [c for c in keeps(house) if hours(c) == [1]]
    assert status_of(begun)["phase"] == "Held"
    (outage,) = status_of(begun)["outages"]
    assert outage["fromMs"] == NOON + HOUR
    assert outage["untilMs"] >= NOON + HOUR + 5 * MINUTE
