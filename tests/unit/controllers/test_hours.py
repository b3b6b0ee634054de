"""Services with hours: no Pods and no contracts outside of them, up when they begin."""

from __future__ import annotations

import json

from tests.unit.controllers.house import House
from tests.unit.controllers.services import deploy, edit, live, sets, start_all, template

from busbar.model.objects import Key, annotate, condition, spec_of, status_of
from busbar.model.time import HOUR, MINUTE, format_instant, parse_instant

HOURS = "busbar.dev/hours"
OFFICE = {
    "timeZone": "Europe/Stockholm",
    "rules": [{"weekdays": ["Mon", "Tue"], "from": "08:00", "until": "18:00"}],
}
WEB = Key("apps", "deployments", "xyz", "web")


def house_at(text: str) -> House:
    house = House(at=parse_instant(text, ""))
    house.namespace()
    house.supply(cpu="64")
    return house


def deploy_in_hours(house, hours=OFFICE, **spec):
    return deploy(house, meta={"annotations": {HOURS: json.dumps(hours)}}, **spec)


def until(house, text: str) -> None:
    """Let time pass, with agents that do what they are asked to."""
    end = parse_instant(text, "")
    while house.now < end:
        start_all(house)
        house.wait(min(MINUTE, max(1, end - house.now)))
    start_all(house)


def told(house):
    return condition(house.get(WEB), "InHours") or {}


def test_it_is_up_when_its_hours_begin_and_gone_when_they_end():
    house = house_at("2026-11-23T06:30:00Z")
    deploy_in_hours(house)
    assert live(house) == []
    assert told(house)["reason"] == "OutsideHours"
    assert "2026-11-23T06:50:00Z" in told(house)["message"]
    until(house, "2026-11-23T06:48:00Z")
    assert house.contracts() == []
    until(house, "2026-11-23T06:59:00Z")
    assert sets(house) == {"web:1": (2, 2)}
    assert told(house)["reason"] == "WithinHours"
    assert spec_of(house.get(WEB))["replicas"] == 2
    until(house, "2026-11-23T16:58:00Z")
    assert sets(house) == {"web:1": (2, 2)}
    until(house, "2026-11-23T17:02:00Z")
    assert live(house) == []
    assert house.held() == 0
    assert {status_of(c)["phase"] for c in house.contracts()} == {"Closed"}


def test_no_second_outside_of_its_hours_is_billed_but_those_of_its_start_and_stop():
    house = house_at("2026-11-23T06:30:00Z")
    deploy_in_hours(house, replicas=1)
    until(house, "2026-11-23T17:05:00Z")
    (contract,) = house.contracts()
    status = status_of(contract)
    begun, ended = status["startedMs"], status["finishedMs"]
    opens, closes = (parse_instant(f"2026-11-23T{t}Z", "") for t in ("07:00:00", "17:00:00"))
    assert 0 < opens - begun <= 10 * MINUTE
    assert 0 <= ended - closes <= 2 * MINUTE


def test_the_day_on_which_clocks_are_put_forward_begins_at_eight_as_well():
    house = house_at("2027-03-28T05:00:00Z")
    daily = {"timeZone": "Europe/Stockholm", "rules": [{"from": "08:00", "until": "18:00"}]}
    deploy_in_hours(house, daily)
    until(house, "2027-03-28T05:48:00Z")
    assert live(house) == []
    until(house, "2027-03-28T05:58:00Z")
    assert sets(house) == {"web:1": (2, 2)}
    house = house_at("2026-10-25T06:00:00Z")
    deploy_in_hours(house, daily)
    until(house, "2026-10-25T06:48:00Z")
    assert live(house) == []
    until(house, "2026-10-25T06:58:00Z")
    assert sets(house) == {"web:1": (2, 2)}


def test_a_template_that_changes_in_the_night_is_what_runs_in_the_morning():
    house = house_at("2026-11-23T16:30:00Z")
    deploy_in_hours(house)
    start_all(house)
    assert sets(house) == {"web:1": (2, 2)}
    until(house, "2026-11-23T17:05:00Z")
    edit(house, WEB, template=template("web:2"), replicas=3)
    until(house, "2026-11-23T18:00:00Z")
    assert sets(house) == {"web:1": (0, 0), "web:2": (0, 0)}
    until(house, "2026-11-24T06:58:00Z")
    assert sets(house) == {"web:1": (0, 0), "web:2": (3, 3)}


def test_hours_taken_away_start_it_at_once():
    house = house_at("2026-11-22T12:00:00Z")
    deploy_in_hours(house)
    assert live(house) == []
    assert house.door.change(WEB, lambda obj: annotate(obj, {HOURS: None}))
    house.settle()
    start_all(house)
    assert sets(house) == {"web:1": (2, 2)}
    assert told(house) == {}


def test_hours_that_cannot_be_read_end_nothing():
    house = house_at("2026-11-23T12:00:00Z")
    deploy_in_hours(house)
    start_all(house)
    assert house.door.change(WEB, lambda obj: annotate(obj, {HOURS: "eight to six"}))
    until(house, format_instant(house.now + 8 * HOUR))
    assert sets(house) == {"web:1": (2, 2)}
    assert told(house)["reason"] == "HoursNotReadable"
    assert "is no JSON" in told(house)["message"]
