"""Quotes and reasons of drivers speak of their places as well."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.controllers.house import House
from tests.unit.controllers.test_places import ONE, driver, keeper, open_house, running
from tests.unit.server.test_held_in_questions import ask, nano, quote, why

from busbar.model.objects import name_of
from busbar.model.wellknown import ANN_GANG_PLACES


def places(count: int = 2) -> dict[str, str]:
    return {ANN_GANG_PLACES: json.dumps({**ONE, "count": count})}


def changes(answer: Any) -> dict[str, str]:
    return {found["change"]: found["advice"] for found in answer["alternatives"]}


def test_a_quote_is_for_the_driver_and_its_places() -> None:
    house = open_house()
    alone, whole = quote(house), quote(house, **places())
    assert (whole["copies"], whole["places"], whole["now"]["placed"]) == (1, 2, 3)
    assert nano(whole["now"]["cost"]) == 3 * nano(alone["now"]["cost"])
    assert nano(whole["drawDTU"]) == 3 * nano(alone["drawDTU"])
    assert alone["places"] == 0


def test_a_quote_says_where_not_all_of_them_fit() -> None:
    house = open_house(cpu="1")
    found = quote(house, **places())
    assert found["now"]["cost"] is None
    assert found["now"]["reason"] == "GangNotPlaced"
    assert found["cheapest"] is None


def test_a_job_of_busbar_is_quoted_with_its_places() -> None:
    house = open_house()
    spec = {
        "image": "work",
        "resources": {"cpu": "1", "memory": "1Gi"},
        "gang": {"places": ONE},
    }
    meta = {"name": "spark", "namespace": "xyz"}
    manifest = {
        "apiVersion": "busbar.dev/v1alpha1",
        "kind": "Job",
        "metadata": meta,
        "spec": spec,
    }
    assert ask(house, "POST", "/market/v1/quotes", manifest)["now"]["placed"] == 3


def test_why_says_with_how_many_places_it_would_have_matched() -> None:
    house = open_house(cpu="1")
    key = driver(house, places=json.dumps({**ONE, "count": 5}))
    house.settle()
    answer = why(house, key.name)
    assert answer["places"] == {"count": 5, "cpu": "1", "memory": "1Gi", "procurement": ""}
    assert changes(answer)["gang-places"] == "no more than 1 place"


def test_why_says_what_keeps_the_places_of_a_driver_that_has_its_own() -> None:
    house, key = running()
    answer = why(house, key.name)
    assert answer["places"]["count"] == 2
    assert answer["places"]["procurement"] == name_of(keeper(house))


def test_why_tells_others_for_whom_places_are_kept() -> None:
    house: House = running(cpu="2")[0]
    house.pod("other", cpu="2")
    house.settle()
    reasons = {one["procurement"]: one["reason"] for one in why(house, "other")["held"]}
    assert reasons == {name_of(keeper(house)): "OtherDriver"}
