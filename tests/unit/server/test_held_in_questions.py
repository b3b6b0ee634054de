"""Quotes and reasons where the namespace holds capacity, or where others sell theirs again."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.controllers.house import House
from tests.unit.controllers.test_procurement import PRICE, open_house, procure
from tests.unit.controllers.test_resale import BUYER, buy, selling_house
from tests.unit.server.market_world import OPERATOR, call, knows, questions_of

from busbar.model.money import parse_euro
from busbar.model.objects import spec_of
from busbar.model.time import HOUR, MINUTE, format_instant, slot_of
from busbar.model.wellknown import (
    ANN_CAP,
    ANN_DURATION,
    ANN_GANG,
    ANN_GANG_SIZE,
    ANN_RESERVATION,
    ANN_TERM,
)
from busbar.server.market.app import create_app


def ask(house: House, method: str, path: str, body: Any = None) -> Any:
    app = create_app(questions_of(house), house.store, knows(OPERATOR))
    reply = call(app, method, path, body)
    assert reply.status == 200, reply.body
    return reply.json


def quote(
    house: House, cpu: str = "1", namespace: str = "xyz", copies: int = 1, **notes: str
) -> Any:
    container = {
        "name": "c",
        "image": "i",
        "resources": {"requests": {"cpu": cpu, "memory": "1Gi"}},
    }
    spec = {"restartPolicy": "Never", "containers": [container]}
    template = {"metadata": {"annotations": notes}, "spec": spec}
    manifest = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "w", "namespace": namespace},
        "spec": {"template": template, "parallelism": copies, "completions": copies},
    }
    return ask(house, "POST", "/market/v1/quotes", manifest)


def why(house: House, name: str, namespace: str = "xyz") -> Any:
    (answer,) = ask(house, "GET", f"/market/v1/namespaces/{namespace}/orders/{name}")["orders"]
    return answer


def nano(euro: str) -> int:
    return parse_euro(euro, "euro")


def hour(house: House, ahead: int) -> str:
    """Give the end of the present hour, or of a later one."""
    return format_instant(slot_of(house.now).end + ahead * HOUR)


def test_what_would_draw_costs_nothing_more_until_what_is_held_ends() -> None:
    house = open_house()
    procure(house, horizon="2h", term="3h")
    found = quote(house)
    (draw,) = found["now"]["draws"]
    assert (found["now"]["cost"], found["now"]["pricePerDTU"]) == ("0", "0")
    assert (draw["procurement"], draw["node"], draw["pods"]) == ("web", "n1", 1)
    assert (draw["until"], draw["costAfter"]) == (hour(house, 2), "0")
    assert found["cheapest"]["start"] == found["now"]["start"]
    assert found["held"] == []


def test_it_comes_true() -> None:
    house = open_house()
    procure(house, horizon="2h", term="3h")
    until = quote(house)["now"]["draws"][0]["until"]
    house.pod(**{ANN_DURATION: "9h"})
    house.settle()
    house.runs(house.only_pod())
    house.wait(3 * HOUR)
    (contract,) = [c for c in house.contracts() if spec_of(c).get("reservation")]
    paid = [slot["endMs"] for slot in spec_of(contract)["slots"] if slot["priceNano"] == 0]
    assert format_instant(max(paid)) == until


def test_what_follows_is_what_the_offer_asks_then() -> None:
    house = open_house()
    procure(house, horizon="0h", term="1h")
    found = quote(house, **{ANN_DURATION: "2h"})["now"]
    left = slot_of(house.now).end - house.now
    assert nano(found["cost"]) == PRICE * (2 * HOUR - left) // HOUR
    assert found["draws"][0]["costAfter"] == found["cost"]
    assert found["pricePerDTU"] == "0.04"


def test_where_what_follows_is_above_the_cap_it_says_that_it_ends() -> None:
    house = open_house()
    procure(house, horizon="0h", term="1h")
    found = quote(house, **{ANN_DURATION: "2h", ANN_CAP: "0.03"})
    (draw,) = found["now"]["draws"]
    assert "above the cap of 0.03 €/DTU" in draw["endsEarly"]
    assert found["cheapest"] is None


def test_later_hours_draw_on_what_is_reserved_beside_who_draws_today() -> None:
    house = open_house()
    procure(house, horizon="2h")
    drawing = [bool(start["draws"]) for start in quote(house)["hours"][:3]]
    assert drawing == [True, True, False]
    house.pod()
    house.settle()
    house.runs(house.only_pod())
    found = quote(house)
    assert not any(start["draws"] for start in (found["now"], *found["hours"]))
    assert found["held"] == [
        {
            "procurement": "web",
            "reason": "NoRoom",
            "message": "it asks for more than is held there and not in use "
            "(0 cpu, 1Gi memory, 0 ephemeral storage on n1)",
        }
    ]


def test_of_several_some_draw_and_the_others_buy() -> None:
    house = open_house()
    procure(house, units=2)
    found = quote(house, copies=3)["now"]
    assert (found["placed"], found["draws"][0]["pods"]) == (3, 2)
    assert 0 <= PRICE - nano(found["cost"]) < 3


def test_none_buys_and_a_name_without_room_waits() -> None:
    house = open_house()
    procure(house)
    market = quote(house, **{ANN_RESERVATION: "none"})
    assert market["now"]["draws"] == []
    assert market["held"][0]["reason"] == "NoReservation"
    other = quote(house, **{ANN_RESERVATION: "batch"})
    assert (other["now"]["cost"], other["now"]["reason"]) == (None, "NothingReserved")
    assert other["held"][0]["reason"] == "OtherNamed"
    assert other["cheapest"] is None


@pytest.mark.parametrize(
    ("notes", "reason"),
    [
        ({"busbar.dev/region": "Germany"}, "NotThere"),
        ({ANN_TERM: "2h"}, "FixedTerm"),
        ({ANN_GANG: "g", ANN_GANG_SIZE: "1"}, "Company"),
    ],
)
def test_why_what_is_held_is_not_drawn_on(notes: dict[str, str], reason: str) -> None:
    house = open_house()
    procure(house)
    found = quote(house, **notes)
    assert found["now"]["draws"] == []
    assert [one["reason"] for one in found["held"]] == [reason]


def test_nothing_bought_yet_is_nothing_held() -> None:
    house = open_house(price="0.05")
    procure(house, maxEuroPerDTU="0.04")
    assert [one["reason"] for one in quote(house)["held"]] == ["NothingHeld"]


def test_parts_on_sale_are_supply_for_others_and_none_for_their_holder() -> None:
    house = selling_house()
    theirs = quote(house, namespace=BUYER)["now"]
    assert (theirs["pricePerDTU"], theirs["resold"]) == ("0.06", True)
    assert theirs["vendors"] == ["elastx"]
    mine = quote(house, **{ANN_RESERVATION: "none"})["now"]
    assert (mine["cost"], mine["reason"]) == (None, "NoFreeCapacity")
    later = quote(house, namespace=BUYER, **{"busbar.dev/may-wait": "true"})["now"]
    assert later["cost"] is None


def test_a_quoted_part_is_bought_at_what_was_quoted() -> None:
    house = selling_house()
    promised = quote(house, namespace=BUYER)["now"]["cost"]
    buy(house)
    (contract,) = [c for c in house.contracts() if spec_of(c).get("seller")]
    # Bought a moment later: each segment is rounded down by itself, at most a nano-euro for each.
    assert abs(contract["status"]["heldNano"] - nano(promised)) < 3
    assert why(house, "b", BUYER)["contract"]["resold"] is True


def test_why_counts_parts_on_sale_as_supply() -> None:
    house = selling_house()
    buy(house, "poor", **{ANN_CAP: "0.05"})
    alternatives = {a["change"]: a for a in why(house, "poor", BUYER)["alternatives"]}
    assert alternatives["cap"]["advice"] == "a cap of 0.06 €/DTU"
    assert alternatives["cap"]["resold"] is True


def test_why_says_what_would_draw_and_why_it_does_not() -> None:
    house = open_house(cpu="2")
    procure(house, resources={"cpu": "2", "memory": "4Gi"})
    house.pod(cpu="3")
    house.settle()
    answer = why(house, "p")
    assert [one["reason"] for one in answer["held"]] == ["NoRoom"]
    smaller = next(a for a in answer["alternatives"] if a["change"] == "cpu")
    assert smaller["message"] == "no more than 2 cpu: it would draw on web"
    assert (smaller["reservation"], smaller["cost"]) == ("web", "0")


def test_why_names_a_reservation_that_keeps_it_waiting() -> None:
    house = open_house(cpu="1")
    procure(house)
    house.pod("none", **{ANN_RESERVATION: "none"})
    house.pod("other", **{ANN_RESERVATION: "batch"})
    house.settle()
    for name in ("none", "other"):
        (found,) = (a for a in why(house, name)["alternatives"] if a["change"] == "reservation")
        assert found["reservation"] == "web"


def test_why_says_of_who_draws_until_when_nothing_is_to_be_paid() -> None:
    house = open_house()
    procure(house, horizon="0h", term="1h")
    house.pod()
    house.settle()
    contract = why(house, "p")["contract"]
    assert (contract["reservation"], contract["priceSince"]) == ("web", "")
    assert contract["paidUntil"] == hour(house, 0)
    house.runs(house.only_pod())
    house.wait(45 * MINUTE)
    assert why(house, "p")["contract"]["priceSince"] == "0.04"


def test_others_who_would_draw_do_not_compete_in_the_market() -> None:
    """They offer more, and there is room for one beside what is held: it is not for them."""
    house = open_house(cpu="2")
    procure(house, horizon="0h")
    house.pod("rich")
    house.pod("asked", **{ANN_RESERVATION: "none", ANN_CAP: "50"})
    assert why(house, "asked")["asItIs"]["pricePerDTU"] == "0.04"
    assert why(house, "rich")["asItIs"]["reservation"] == "web"


def test_what_changes_changes_for_all_members_of_a_gang_asked_about() -> None:
    house = open_house()
    template = {
        "metadata": {"annotations": {ANN_GANG_SIZE: "2", ANN_CAP: "0.01"}},
        "spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}}}],
        },
    }
    spec = {"template": template, "parallelism": 2, "completions": 2, "backoffLimit": 0}
    house.make("batch", "jobs", "xyz", "w", spec=spec)
    house.settle()
    answers = ask(house, "GET", "/market/v1/namespaces/xyz/orders/w")["orders"]
    assert [a["reason"] for a in answers] == ["GangNotPlaced"] * 2
    assert {a["advice"] for one in answers for a in one["alternatives"]} == {"a cap of 0.04 €/DTU"}
