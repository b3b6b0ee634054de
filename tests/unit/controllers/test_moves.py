"""Moves: the replacement first, then the old one's end; given up where it comes to nothing."""

from __future__ import annotations

import json

from tests.unit.controllers.house import House
from tests.unit.controllers.services import (
    deploy,
    edit,
    live,
    make_ready,
    open_house,
    sets,
    start_all,
    template,
)
from tests.unit.controllers.test_budgets import budget

from busbar.controllers.moves.words import replaced_by
from busbar.model.objects import Key, annotate, annotations_of, name_of, spec_of, status_of
from busbar.model.time import HOUR, MINUTE, parse_instant
from busbar.model.wellknown import GROUP

OFFER = Key(GROUP, "offers", "", "cheap")


def two_places(price="0.03", **settings) -> House:
    """A service is bought at 0.04 €; then somebody cheaper comes."""
    house = open_house(**settings)
    deploy(house, replicas=2)
    start_all(house)
    house.supply(node="c1", vendor="cheap", price=price, cpu="64")
    house.wait(HOUR)
    return house


def nodes(house) -> list[str]:
    return sorted(spec_of(pod).get("nodeName", "") for pod in live(house))


def reprice(house, price, key=OFFER) -> None:
    assert house.door.change(key, lambda o: {**o, "spec": {**spec_of(o), "pricePerDTU": price}})


def live_on(house, ms) -> None:
    """Let time pass with agents that do what they are asked to, minute by minute."""
    end = house.now + ms
    while house.now < end:
        start_all(house)
        house.wait(MINUTE)


def moved(house) -> list:
    return [c for c in house.contracts() if status_of(c).get("reason") == "Moved"]


def test_a_service_moves_to_a_much_cheaper_place_one_pod_after_the_other():
    house = two_places()
    live_on(house, 30 * MINUTE)
    assert nodes(house) == ["c1", "c1"]
    assert sets(house) == {"web:1": (2, 2)}
    assert len(moved(house)) == 2
    message = status_of(moved(house)[0])["message"]
    assert "from vendor elastx at 0.04 €/DTU to vendor cheap at 0.03 €/DTU" in message
    assert "the threshold is 2" in message
    assert house.events("Moved")
    assert message in house.events("Moving")


def test_the_replacement_is_ready_before_the_old_one_ends():
    house = two_places()
    house.wait(10 * MINUTE)
    pods = live(house)
    assert len(pods) == 3
    (fresh,) = [pod for pod in pods if replaced_by(pod)]
    assert spec_of(fresh)["nodeName"] == "c1"
    house.wait(3 * MINUTE)
    assert len(live(house)) == 3
    make_ready(house, fresh)
    house.settle()
    assert len(live(house)) == 2
    assert house.status(Key("apps", "deployments", "xyz", "web"))["availableReplicas"] == 2


def test_the_new_contract_is_made_for_as_long_as_the_move_takes_to_pay_off():
    house = two_places("0.036")
    house.wait(10 * MINUTE)
    (fresh,) = [pod for pod in live(house) if replaced_by(pod)]
    minutes = int(annotations_of(fresh)["busbar.dev/expected-duration"].removesuffix("m"))
    # Twice an hour at 0.04 and a short start, at 0.004 saved an hour.
    assert 20 * 60 < minutes < 24 * 60
    contract = house.get(
        Key(GROUP, "contracts", "xyz", annotations_of(fresh)["busbar.dev/contract"])
    )
    slots = spec_of(contract)["slots"]
    assert slots[-1]["endMs"] - slots[0]["startMs"] == minutes * MINUTE


def test_trivial_savings_move_nobody():
    house = two_places("0.038")
    live_on(house, 30 * MINUTE)
    assert nodes(house) == ["n1", "n1"]
    assert house.events("Moving") == []


def test_who_may_not_be_moved_stays():
    house = open_house()
    deploy(house, template=template(**{"busbar.dev/may-move": "false"}))
    deploy(house, "once", strategy={"type": "Recreate"}, **selected("once"))
    start_all(house)
    house.supply(node="c1", vendor="cheap", price="0.01", cpu="64")
    live_on(house, 2 * HOUR)
    assert nodes(house) == ["n1"] * 4


def selected(name):
    labels = {"app": name}
    pods = template()
    pods["metadata"] = {"labels": labels}
    return {"selector": {"matchLabels": labels}, "template": pods}


def with_hours(start: str, until: str, **more) -> House:
    """A service that may be moved between two times of the day (UTC), and somebody cheaper."""
    house = open_house()
    calendar = {"timeZone": "UTC", "rules": [{"from": start, "until": until}]}
    notes = {"busbar.dev/move-hours": json.dumps(calendar)}
    deploy(house, meta={"annotations": notes})
    start_all(house)
    house.supply(node="c1", vendor="cheap", price="0.01", cpu="64", **more)
    return house


def test_a_service_is_moved_for_a_saving_in_its_move_hours_only():
    house = with_hours("16:00", "17:00")
    while house.now % (24 * HOUR) < 16 * HOUR - 10 * MINUTE:
        assert nodes(house) == ["n1", "n1"]
        live_on(house, 10 * MINUTE)
    assert house.events("Moving") == []
    live_on(house, 40 * MINUTE)
    assert nodes(house) == ["c1", "c1"]


def test_a_place_that_ends_is_left_outside_of_the_move_hours_as_well():
    house = with_hours("02:00", "03:00")
    live_on(house, 2 * HOUR)
    assert nodes(house) == ["n1", "n1"]
    key = Key(GROUP, "offers", "", "elastx")
    house.door.delete(key, house.now)
    live_on(house, HOUR)
    assert nodes(house) == ["c1", "c1"]
    assert house.events("MoveGivenUp") == []


def test_move_hours_that_cannot_be_read_move_nobody():
    house = open_house()
    deploy(house, meta={"annotations": {"busbar.dev/move-hours": "nights"}})
    start_all(house)
    house.supply(node="c1", vendor="cheap", price="0.01", cpu="64")
    live_on(house, 2 * HOUR)
    assert nodes(house) == ["n1", "n1"]


def test_jobs_and_plain_pods_are_never_moved():
    house = open_house()
    house.pod("p")
    house.job("j", notAfter=house.at(30 * HOUR))
    house.settle()
    for pod in live(house):
        make_ready(house, pod)
    house.supply(node="c1", vendor="cheap", price="0.01", cpu="64")
    house.wait(3 * HOUR)
    assert nodes(house) == ["n1", "n1"]


def test_prices_that_rise_before_the_end_of_a_move_undo_it():
    house = two_places()
    house.wait(10 * MINUTE)
    (fresh,) = [pod for pod in live(house) if replaced_by(pod)]
    reprice(house, "0.09")
    make_ready(house, fresh)
    house.settle()
    # Its first hours are paid at 0.03, the rest of the day costs 0.09: nothing is saved.
    assert [e for e in house.events("MoveGivenUp") if "the saving is gone" in e]
    start_all(house)
    assert nodes(house) == ["n1", "n1"]
    old = next(pod for pod in live(house) if "busbar.dev/stays-until" in annotations_of(pod))
    until = parse_instant(annotations_of(old)["busbar.dev/stays-until"], "")
    assert until > house.now + 5 * HOUR


def test_a_replacement_that_is_never_ready_is_given_up_and_the_old_one_left_alone():
    house = two_places()
    house.wait(26 * MINUTE)
    assert [e for e in house.events("MoveGivenUp") if "not ready in time" in e]
    first = [pod for pod in live(house) if not replaced_by(pod)]
    assert sorted(spec_of(pod)["nodeName"] for pod in first) == ["n1", "n1"]


def test_a_replacement_that_cannot_be_paid_for_is_given_up_soon():
    """Its contract would be made for most of a day, and there is money for a few hours."""
    house = House()
    house.make("", "namespaces", "", "xyz")
    house.pay("xyz", 50_000_000)
    house.supply(cpu="64")
    deploy(house, replicas=1)
    start_all(house)
    house.supply(node="c1", vendor="cheap", price="0.036", cpu="64")
    house.wait(HOUR + 10 * MINUTE)
    assert [e for e in house.events("MoveGivenUp") if "no place was found in time" in e]
    assert nodes(house) == ["n1"]
    assert len(house.events("Moving")) == 1


def test_a_budget_that_allows_nothing_holds_the_old_pod():
    house = two_places()
    budget(house, minAvailable=3)
    house.wait(9 * MINUTE)
    (fresh,) = [pod for pod in live(house) if replaced_by(pod)]
    make_ready(house, fresh)
    house.wait(MINUTE)
    assert len(live(house)) == 3
    key = Key("policy", "poddisruptionbudgets", "xyz", "b")
    edit(house, key, minAvailable=2)
    house.wait(MINUTE)
    assert len(live(house)) == 2
    assert name_of(fresh) in {name_of(pod) for pod in live(house)}


def test_a_service_whose_offer_is_withdrawn_has_its_new_place_before_the_old_one_ends():
    house = open_house()
    deploy(house, replicas=1)
    start_all(house)
    house.supply(node="c1", vendor="other", price="0.09", cpu="64")
    house.door.delete(Key(GROUP, "offers", "", "elastx"), house.now)
    least = 2
    for _ in range(70):
        start_all(house)
        house.wait(MINUTE)
        least = min(least, sets(house)["web:1"][1])
    assert nodes(house) == ["c1"]
    assert least == 1


def test_a_place_that_its_vendor_takes_back_is_left_before_the_notice_ends():
    house = open_house()
    house.door.change(
        Key(GROUP, "offers", "", "elastx"),
        lambda o: {**o, "spec": {**spec_of(o), "reclaimNotice": "30m"}},
    )
    deploy(house, replicas=1)
    start_all(house)
    house.supply(node="c1", vendor="other", price="0.09", cpu="64")
    marked = {"busbar.dev/reclaim": "with-notice"}
    (pod,) = live(house)
    assert house.door.change(
        Key("", "pods", "xyz", name_of(pod)), lambda obj: annotate(obj, marked)
    )
    house.settle()
    (contract,) = house.contracts()
    assert status_of(contract)["reclaimAtMs"] > house.now
    least = 1
    for _ in range(35):
        start_all(house)
        house.wait(MINUTE)
        least = min(least, sets(house)["web:1"][1])
    assert nodes(house) == ["c1"]
    assert least == 1
    assert len(moved(house)) == 1


def test_a_move_in_the_middle_of_which_the_old_pod_is_lost_just_goes_on():
    house = two_places()
    house.wait(9 * MINUTE)
    (fresh,) = [pod for pod in live(house) if replaced_by(pod)]
    make_ready(house, fresh)
    house.alive.discard("n1")
    live_on(house, 5 * MINUTE)
    assert nodes(house) == ["c1", "c1"]


def test_scaling_to_nothing_in_the_middle_of_a_move_leaves_nothing():
    house = two_places()
    house.wait(9 * MINUTE)
    assert any(replaced_by(pod) for pod in live(house))
    edit(house, Key("apps", "deployments", "xyz", "web"), replicas=0)
    live_on(house, 2 * MINUTE)
    assert house.pods() == []
    assert house.held() == 0


def test_a_rollout_in_the_middle_of_a_move_ends_with_the_new_template_alone():
    house = two_places()
    house.wait(9 * MINUTE)
    assert any(replaced_by(pod) for pod in live(house))
    edit(house, Key("apps", "deployments", "xyz", "web"), template=template("web:2"))
    live_on(house, 5 * MINUTE)
    assert sets(house) == {"web:1": (0, 0), "web:2": (2, 2)}
    assert len(live(house)) == 2
