"""What was weighed when a contract was made is on it, and nobody is billed for it."""

from __future__ import annotations

import json

from tests.unit.controllers.house import House
from tests.unit.controllers.services import live
from tests.unit.controllers.test_moves import live_on, moved, two_places

from busbar.controllers.moves.words import ANN_WEIGHED, replaced_by
from busbar.model.objects import Key, annotations_of, name_of, spec_of, status_of
from busbar.model.time import MINUTE, SECOND
from busbar.model.wellknown import ANN_RAN_ON, GROUP

WORK = "work:latest"
SIZE = 1_500_000_000
"""Half a minute at 50 MB/s."""


def house(holder: str = "far") -> House:
    """Two places, one of which holds the image; the dear one is far too dear to fetch it from."""
    found = House()
    found.namespace()
    found.supply(node="near", price="0.04")
    found.supply(node="far", vendor="dear", price="0.9")

    def holds(obj):
        listed = [{"names": [WORK], "sizeBytes": SIZE}]
        return {**obj, "status": {**status_of(obj), "images": listed}}

    assert found.door.change(Key("", "nodes", "", holder), holds)
    found.settle()
    return found


def weighed(contract):
    return spec_of(contract).get("weighed")


def test_fetching_the_image_is_on_the_contract_with_what_it_counted_as():
    found = house()
    found.pod()
    found.settle()
    contract = found.only_contract()
    assert spec_of(contract)["node"] == "near"
    # One DTU an hour for half a minute at 0.04 €, rounded down.
    assert weighed(contract) == {
        "imageMs": 30 * SECOND,
        "imageBytes": SIZE,
        "imageNano": 40_000_000 * 30 // 3600,
    }


def test_what_was_weighed_is_neither_held_nor_billed():
    plain, laden = House(), house()
    plain.namespace()
    plain.supply(node="near", price="0.04")
    for one in (plain, laden):
        one.wait(10 * SECOND - one.now % (10 * SECOND))
        one.pod()
        one.settle()
        one.runs(one.only_pod())
        one.wait(15 * MINUTE)
        one.ends(one.only_pod())
    bills = [status_of(one.only_contract())["billedNano"] for one in (plain, laden)]
    assert bills[0] == bills[1] > 0
    assert (weighed(plain.only_contract()), laden.held()) == (None, 0)


def test_a_place_that_holds_the_image_was_weighed_as_nothing():
    found = house(holder="near")
    found.pod()
    found.settle()
    assert weighed(found.only_contract()) is None


def test_starting_anew_elsewhere_is_on_the_contract_of_work_that_ran_before():
    found = House()
    found.namespace()
    found.supply(node="one")
    found.pod("here", **{ANN_RAN_ON: "one"})
    found.pod("new", **{ANN_RAN_ON: "gone"})
    found.settle()
    known = {spec_of(one)["order"]["name"]: weighed(one) for one in found.contracts()}
    assert known == {"here": None, "new": {"restartMs": 30_000, "restartNano": 333_333}}


def test_a_moved_service_says_what_it_saves_what_moving_costs_and_the_threshold():
    found = two_places()
    live_on(found, 30 * MINUTE)
    (fresh, *_) = [pod for pod in live(found) if replaced_by(pod)] or live(found)
    contract = found.get(
        Key(GROUP, "contracts", "xyz", annotations_of(fresh)["busbar.dev/contract"])
    )
    move = weighed(contract)["move"]
    left = found.get(Key(GROUP, "contracts", "xyz", move["contract"]))
    assert name_of(left) in [name_of(one) for one in moved(found)]
    assert spec_of(left)["order"]["name"] == move["pod"]
    assert (move["why"], move["threshold"]) == ("Cheaper", 2)
    assert move["savingNano"] >= move["threshold"] * move["disruptionNano"] > 0
    assert move == json.loads(annotations_of(fresh)[ANN_WEIGHED])
