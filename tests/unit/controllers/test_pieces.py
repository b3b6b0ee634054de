"""Work in pieces: certain from the start, one place at a time, told before it stops."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.controllers.house import House

from busbar.model.objects import Key, name_of, spec_of, status_of
from busbar.model.time import HOUR, MINUTE, SECOND
from busbar.model.wellknown import GROUP

CHEAP = [
    {"from": "14:00", "until": "15:00", "pricePerDTU": "0.01"},
    {"from": "17:00", "until": "18:00", "pricePerDTU": "0.02"},
]
JOB = Key(GROUP, "jobs", "xyz", "j")


def planned(hours: int = 2, **spec: Any) -> House:
    """Make a house, from 12:20, with two cheap hours, and a job that fits them."""
    house = House()
    house.namespace()
    house.supply(calendar={"timeZone": "UTC", "rules": CHEAP})
    terms = {"mayWait": True, "mayBeInterrupted": True, "expectedDuration": f"{hours}h"}
    house.job(notAfter=house.at(8 * HOUR), **{**terms, **spec})
    house.settle()
    return house


def terms(house: House) -> list[tuple[int, str]]:
    """Give hour of the day and phase of each contract."""
    slots = [(spec_of(c)["slots"][0]["startMs"], c) for c in house.contracts()]
    return [(at % (24 * HOUR) // HOUR, status_of(c)["phase"]) for at, c in sorted(slots, key=_at)]


def _at(entry: tuple[int, Any]) -> int:
    return entry[0]


def present(house: House) -> Any:
    return house.get(Key("", "pods", "xyz", house.status(JOB)["pod"]))


def until(house: House, hour: int, minute: int = 0) -> None:
    day = house.now - house.now % (24 * HOUR)
    house.wait(day + hour * HOUR + minute * MINUTE - house.now)


def stopped(house: House, code: int = 0) -> None:
    house.ends(present(house), code, "" if code == 0 else "Error")


def test_both_cheap_hours_are_bought_with_their_money_in_one_commit():
    house = planned()
    assert terms(house) == [(14, "Reserved"), (17, "Reserved")]
    assert house.held() == 30_000_000
    assert len({c["metadata"]["resourceVersion"] for c in house.contracts()}) == 1
    assert house.status(JOB)["phase"] == "Waiting"
    assert len(house.pods()) == 2


def test_the_job_lists_the_pieces_that_are_still_to_run():
    house = planned()
    status = house.status(JOB)
    assert status["message"].startswith("Piece 1 of 2 starts at 2026-11-23T14:00:00Z")
    assert status["pieces"] == [
        f"{number} of 2: from 2026-11-23T{hour}:00:00Z until 2026-11-23T{hour + 1}:00:00Z, "
        f"vendor elastx, node n1, {price} €/DTU"
        for number, hour, price in ((1, 14, "0.01"), (2, 17, "0.02"))
    ]
    until(house, 14, 1)
    house.runs(present(house))
    house.settle()
    assert house.status(JOB)["message"] == "Piece 1 of 2, until 2026-11-23T15:00:00Z."
    until(house, 14, 59)
    house.wait(45 * SECOND)
    stopped(house)
    assert [line[:6] for line in house.status(JOB)["pieces"]] == ["2 of 2"]
    until(house, 17, 1)
    house.runs(present(house))
    house.ends(present(house))
    assert "pieces" not in house.status(JOB)


def test_it_runs_in_the_first_piece_is_told_before_it_ends_and_goes_on_in_the_second():
    house = planned()
    until(house, 14, 1)
    first = present(house)
    house.runs(first)
    until(house, 14, 59)
    house.report(first, "Running", meter={"observedMs": house.now})
    house.wait(45 * SECOND)
    assert present(house)["metadata"].get("deletionTimestamp")
    assert "PieceEnded" in {e["reason"] for e in house.all("", "events")}
    stopped(house)
    assert house.status(JOB)["phase"] == "Waiting"
    assert [phase for _, phase in terms(house)] == ["Closed", "Reserved"]
    assert name_of(present(house)) != name_of(first)
    until(house, 17, 1)
    house.runs(present(house))
    house.wait(30 * MINUTE)
    stopped(house)
    assert house.status(JOB)["phase"] == "Succeeded"
    assert [phase for _, phase in terms(house)] == ["Closed", "Closed"]
    reasons = sorted(status_of(c)["reason"] for c in house.contracts())
    assert reasons == ["Completed", "PieceEnded"]
    assert house.held() == 0


def test_work_that_exits_well_when_it_is_told_to_stop_is_not_taken_for_done():
    house = planned()
    until(house, 14, 1)
    house.runs(present(house))
    until(house, 15)
    stopped(house, code=0)
    assert house.status(JOB)["phase"] == "Waiting"


def test_work_that_is_done_early_gives_the_later_pieces_back():
    house = planned()
    until(house, 14, 1)
    house.runs(present(house))
    house.wait(10 * MINUTE)
    stopped(house)
    house.settle()
    assert house.status(JOB)["phase"] == "Succeeded"
    assert house.held() == 0
    assert sorted(status_of(c)["reason"] for c in house.contracts()) == ["Completed", "Deleted"]


def test_the_next_piece_waits_until_the_one_before_has_ended_for_certain():
    house = planned()
    house.supply("n2", "other", price="0.015")
    house.door.delete(JOB, house.now)
    house.wait(5 * SECOND)
    rules = [{"from": "15:00", "until": "16:00", "pricePerDTU": "0.001"}]
    house.make(GROUP, "offers", "", "dawn", spec=_offer("other", rules))
    key = house.job(
        "k",
        notAfter=house.at(8 * HOUR),
        mayWait=True,
        mayBeInterrupted=True,
        expectedDuration="2h",
    )
    house.settle()
    mine = [c for c in house.contracts() if status_of(c)["phase"] == "Reserved"]
    assert sorted(spec_of(c)["node"] for c in mine) == ["n1", "n2"]
    until(house, 14, 1)
    pod = house.get(Key("", "pods", "xyz", house.status(key)["pod"]))
    house.runs(pod)
    until(house, 15, 1)
    second = next(
        c for c in house.contracts() if spec_of(c)["slots"][0]["startMs"] % (24 * HOUR) == 15 * HOUR
    )
    assert status_of(second)["phase"] == "Reserved"
    house.ends(pod)
    house.wait(2 * SECOND)
    second = house.get(Key(GROUP, "contracts", "xyz", name_of(second)))
    assert status_of(second)["phase"] == "Bound"


def _offer(vendor: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "vendor": vendor,
        "pricePerDTU": "0.03",
        "calendar": {"timeZone": "UTC", "rules": rules},
    }


def test_what_is_left_is_ordered_again_where_a_piece_loses_its_place():
    house = planned()
    house.alive.discard("n1")
    house.supply("n2", "other", price="0.03")
    until(house, 14, 8)
    assert len([p for p in terms(house) if p[1] != "Closed"]) >= 1
    assert house.status(JOB)["node"] == "n2"


def test_after_the_last_piece_the_rest_goes_on_where_it_is():
    house = planned()
    until(house, 14, 1)
    house.runs(present(house))
    until(house, 15)
    stopped(house)
    until(house, 17, 1)
    house.runs(present(house))
    until(house, 18, 10)
    assert terms(house)[-1] == (17, "Running")
    last = max(house.contracts(), key=lambda c: spec_of(c)["slots"][-1]["endMs"])
    assert spec_of(last)["slots"][-1]["priceNano"] == 40_000_000


@pytest.mark.parametrize("spec", [{"maxPieces": 2, "minimumPiece": "2h"}])
def test_pieces_shorter_than_the_least_are_not_made(spec):
    house = planned(**spec)
    assert len(house.contracts()) == 1
