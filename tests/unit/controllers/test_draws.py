"""Pods that draw on what their namespace holds: when, at what price, and what follows."""

from __future__ import annotations

from typing import Any

from tests.unit.controllers.house import House
from tests.unit.controllers.test_procurement import PRICE, open_house, procure

from busbar.model.objects import (
    Key,
    Object,
    annotate,
    condition,
    metadata,
    name_of,
    spec_of,
    status_of,
)
from busbar.model.time import HOUR, MINUTE, SECOND, format_instant
from busbar.model.wellknown import (
    ANN_DURATION,
    ANN_MAY_WAIT,
    ANN_NOT_AFTER,
    ANN_PIECES,
    ANN_RECLAIM,
    ANN_RESERVATION,
    GROUP,
)


def drawn(house: House) -> list[Object]:
    return [c for c in house.contracts() if spec_of(c).get("reservation")]


def only_drawn(house: House) -> Object:
    (contract,) = drawn(house)
    return contract


def prices(contract: Object) -> list[int]:
    return [slot["priceNano"] for slot in spec_of(contract)["slots"]]


def running_house(**spec: Any) -> tuple[House, Object]:
    """A house with a Pod that runs and draws."""
    house = open_house()
    procure(house, **spec)
    house.pod()
    house.settle()
    house.runs(house.only_pod())
    return house, house.only_pod()


def test_a_pod_draws_on_what_is_held_and_pays_nothing_more():
    house, pod = running_house()
    held_before = house.held()
    contract = only_drawn(house)
    assert spec_of(pod)["nodeName"] == "n1"
    assert (prices(contract), status_of(contract).get("heldNano", 0)) == ([0], 0)
    assert "Draws on web" in house.events("Scheduled")[0]
    house.wait(5 * MINUTE)
    house.ends(pod)
    assert status_of(only_drawn(house))["reason"] == "Completed"
    assert status_of(only_drawn(house))["billedNano"] == 0
    assert house.held() == held_before
    house.pod("again")
    house.settle()
    assert len(drawn(house)) == 2


def test_work_in_pieces_buys_its_hours_in_the_market():
    house = open_house()
    procure(house)
    terms = {ANN_MAY_WAIT: "true", ANN_DURATION: "2h", ANN_NOT_AFTER: house.at(12 * HOUR)}
    house.pod("whole", **terms)
    house.settle()
    assert len(drawn(house)) == 1
    house.ends(house.get(Key("", "pods", "xyz", "whole")))
    house.settle()
    house.pod("pieces", **terms, **{ANN_PIECES: "2"})
    house.settle()
    assert len(drawn(house)) == 1


def test_no_room_is_drawn_twice():
    house = open_house()
    procure(house, units=2)
    for name in ("a", "b", "c"):
        house.pod(name)
    house.settle()
    assert len(drawn(house)) == 2
    bought = [c for c in house.contracts() if name_of(c).startswith("c-")]
    assert [spec_of(c)["slots"][0]["priceNano"] for c in bought] == [PRICE]


def test_hour_by_hour_it_goes_on_in_what_is_held():
    house, _ = running_house()
    house.wait(3 * HOUR)
    contract = only_drawn(house)
    assert prices(contract) == [0] * len(prices(contract))
    assert len(prices(contract)) >= 4
    assert status_of(contract)["starts"] == format_instant(spec_of(contract)["slots"][0]["startMs"])
    assert status_of(contract)["ends"] == format_instant(spec_of(contract)["slots"][-1]["endMs"])
    assert all(slot["reserved"] for slot in spec_of(contract)["slots"])


def test_where_nothing_is_held_any_more_it_goes_on_at_the_markets_price():
    house, _ = running_house(term="1h", horizon="0h")
    house.wait(2 * HOUR)
    contract = only_drawn(house)
    assert prices(contract)[:2] == [0, PRICE]
    assert status_of(contract)["phase"] == "Running"
    assert status_of(contract)["billedNano"] > 0


def test_its_room_is_not_sold_from_under_it_when_what_was_held_ends():
    house = open_house(cpu="1")
    procure(house, term="1h", horizon="0h")
    house.pod("mine")
    house.settle()
    house.runs(house.only_pod())
    house.pod("other", **{ANN_RESERVATION: "none"})
    house.wait(2 * HOUR)
    there = {name_of(p) for p in house.pods() if spec_of(p).get("nodeName")}
    assert there == {"mine"}


def test_what_is_held_and_drawn_takes_the_room_of_the_larger_and_no_more():
    house = open_house(cpu="2")
    procure(house, block="2h", horizon="2h")
    house.wait(HOUR)
    house.pod("mine")
    house.settle()
    house.pod("other", **{ANN_RESERVATION: "none"})
    house.settle()
    assert len(drawn(house)) == 1
    assert {name_of(p) for p in house.pods() if spec_of(p).get("nodeName")} == {"mine", "other"}


def test_what_goes_on_beyond_what_was_held_counts_against_the_vendors_limit():
    house = open_house(limits={"perNamespace": {"cpu": "1"}})
    procure(house, term="1h", horizon="0h")
    house.pod("mine")
    house.settle()
    house.runs(house.only_pod())
    house.wait(HOUR)
    house.pod("other", **{ANN_RESERVATION: "none"})
    house.settle()
    there = {name_of(p) for p in house.pods() if spec_of(p).get("nodeName")}
    assert there == {"mine"}
    house.ends(house.get(Key("", "pods", "xyz", "mine")))
    house.settle()
    assert spec_of(house.get(Key("", "pods", "xyz", "other")))["nodeName"] == "n1"


def test_what_is_drawn_within_what_is_held_counts_once_against_the_vendors_limit():
    house = open_house(limits={"perNamespace": {"cpu": "2"}})
    procure(house)
    house.pod("mine")
    house.settle()
    house.pod("other", **{ANN_RESERVATION: "none"})
    house.settle()
    assert {name_of(p) for p in house.pods() if spec_of(p).get("nodeName")} == {"mine", "other"}


def test_no_hour_is_given_out_that_begins_after_the_vendor_takes_its_capacity_back():
    house, pod = running_house()
    node = Key("", "nodes", "", "n1")
    assert house.door.change(node, lambda obj: annotate(obj, {ANN_RECLAIM: "with-notice"}))
    house.wait(38 * MINUTE)
    contract = only_drawn(house)
    told = status_of(contract)["noticeUntilMs"]
    assert spec_of(contract)["slots"][-1]["endMs"] == told
    house.wait(3 * MINUTE)
    assert metadata(house.get(Key("", "pods", "xyz", name_of(pod)))).get("deletionTimestamp")
    assert status_of(only_drawn(house))["reason"] == "Reclaimed"


def test_by_name_it_draws_on_that_one_or_waits_with_the_reason():
    house = open_house()
    procure(house, "web")
    house.pod("p", **{ANN_RESERVATION: "batch"})
    house.settle()
    told = condition(house.only_pod(), "PodScheduled")
    assert (told["status"], told["reason"]) == ("False", "NothingReserved")
    assert "batch" in told["message"]
    procure(house, "batch")
    house.wait(10 * SECOND)
    assert spec_of(only_drawn(house))["reservation"] == "batch"


def test_it_draws_only_where_it_may_run():
    house = open_house()
    procure(house)
    house.supply("n2", "hansecloud", price="0.5", region="Germany")
    house.pod(**{"busbar.dev/region": "Germany"})
    house.settle()
    assert drawn(house) == []
    assert spec_of(house.only_pod())["nodeName"] == "n2"


def test_a_job_says_it_in_a_field():
    house = open_house()
    procure(house)
    key = house.job(reservation="none")
    house.settle()
    assert drawn(house) == []
    assert "at 0.04 €/DTU" in house.status(key)["message"]
    key = house.job("draws", resources={"cpu": "1", "memory": "1Gi"})
    house.settle()
    assert "draws on web, nothing more to pay" in house.status(key)["message"]


def test_another_namespace_does_not_draw_on_it():
    house = open_house(cpu="1")
    house.namespace("abc")
    procure(house)
    container = {"name": "m", "image": "w", "resources": {"requests": {"cpu": "1"}}}
    house.make(
        "", "pods", "abc", "p", spec={"containers": [container]}, status={"phase": "Pending"}
    )
    house.settle()
    assert drawn(house) == []
    assert "nodeName" not in spec_of(house.only_pod())


def test_after_a_restart_in_the_middle_of_an_hours_end_it_still_pays_nothing():
    house, _ = running_house()
    house.wait(38 * MINUTE)
    house.exchange.stop()
    house.wait(4 * MINUTE)
    house.exchange.start()
    house.wait(2 * MINUTE)
    contract = only_drawn(house)
    assert set(prices(contract)) == {0}
    assert len(prices(contract)) == 2


def test_a_lost_node_ends_who_draws_before_what_is_held():
    house, _ = running_house(horizon="0h")
    house.alive.discard("n1")
    house.wait(2 * MINUTE)
    reasons = {status_of(c).get("reason") for c in house.contracts()}
    assert reasons == {"NodeLost"} or reasons == {"OutOfReach"}
    assert house.held() == 0


def test_a_namespace_with_pods_that_draw_can_be_deleted():
    house, pod = running_house()
    house.door.delete(Key("", "namespaces", "", "xyz"), house.now)
    house.settle()
    house.ends(pod, code=143)
    house.door.change(
        Key("", "pods", "xyz", name_of(pod)),
        lambda obj: {**obj, "metadata": {**obj["metadata"], "finalizers": []}},
    )
    house.wait(2 * MINUTE)
    assert house.held() == 0
    assert [c for c in house.all(GROUP, "contracts") if status_of(c)["phase"] != "Closed"] == []


def test_it_goes_on_at_what_the_offer_said_when_it_was_made_not_when_the_room_was_bought():
    house = open_house(price="0.08", reclaimNotice="6h")
    procure(house, horizon="0h", term="1h")
    offer = Key(GROUP, "offers", "", "elastx")
    for price in ("0.02", "0.09"):
        house.wait(MINUTE)
        edited = {"pricePerDTU": price}
        house.door.change(offer, lambda o, e=edited: {**o, "spec": {**spec_of(o), **e}})
        house.settle()
        if price == "0.02":
            house.pod()
            house.settle()
            house.runs(house.only_pod())
    house.wait(HOUR)
    assert prices(only_drawn(house))[-1] == 20_000_000
