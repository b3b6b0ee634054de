"""Prices ahead and past: curves follow supply, history outlives the clearings it is made of."""

from __future__ import annotations

from tests.unit.controllers.house import House

from busbar.controllers.history import HISTORY_KEY, HistoryController
from busbar.controllers.settings import Settings
from busbar.model.objects import status_of
from busbar.model.time import HOUR, SECOND
from busbar.model.wellknown import GROUP


def only(house: House, resource: str):
    (found,) = house.all(GROUP, resource)
    return status_of(found)


def traded_house(jobs: int, **settings: int) -> House:
    house = House(**settings)
    house.supply(cpu="64")
    house.namespace()
    for number in range(jobs):
        house.job(f"j{number}")
        house.settle()
    return house


def test_a_curve_shows_every_hour_with_its_best_ask_and_what_is_free():
    house = House()
    night = {
        "timeZone": "UTC",
        "rules": [{"from": "22:00", "until": "06:00", "pricePerDTU": "0.01"}],
    }
    house.supply(price="0.04", calendar=night)
    house.wait(10 * SECOND)
    curve = only(house, "forwardcurves")
    assert len(curve["slots"]) == 49
    assert (curve["zone"], curve["bestAsk"], curve["lowestAsk"]) == ("Sweden", "0.04", "0.01")
    assert curve["lowestAt"] == "2026-11-23T22:00:00Z"
    assert curve["slots"][0]["levels"] == [
        {"priceNano": 40_000_000, "pricePerDTU": "0.04", "freeDTU": "4"}
    ]


def test_a_running_job_is_not_free_any_more():
    house = House()
    house.supply(cpu="4")
    house.namespace()
    house.job()
    house.wait(10 * SECOND)
    assert only(house, "forwardcurves")["slots"][0]["freeDTU"] == "3"


def test_every_trade_is_counted_once():
    history = only(traded_house(5), "pricehistories")
    # Each job is sold an hour from 20 past: two hours of delivery, 40 and 20 minutes of them.
    rows = [(r["start"][11:16], r["trades"], r["volumeMicro"]) for r in history["rows"]]
    assert [(start, trades) for start, trades, _ in rows] == [("12:00", 5), ("13:00", 5)]
    assert sum(volume for _, _, volume in rows) in range(4_999_990, 5_000_001)
    assert (history["open"], history["low"], history["close"]) == ("0.04", "0.04", "0.04")


def test_history_outlives_the_clearings_it_was_made_of():
    house = traded_house(6, clearings_kept=2)
    assert len(house.all(GROUP, "clearings")) == 2
    history = only(house, "pricehistories")
    assert [row["trades"] for row in history["rows"]] == [6, 6]
    assert history["mayLack"] is False


def test_clearings_that_were_dropped_uncounted_are_owned_up_to():
    house = traded_house(6, clearings_kept=2, history_ms=HOUR)
    controller = HistoryController(Settings(clearings_kept=2))
    (decision,) = controller.reconcile(house.store.snapshot_now(), HISTORY_KEY, 0).transactions
    assert status_of(decision.ops[0].obj)["mayLack"] is True


def test_looking_again_counts_nothing_twice():
    house = traded_house(3)
    before = only(house, "pricehistories")
    fresh = HistoryController(Settings())
    assert fresh.reconcile(house.store.snapshot_now(), HISTORY_KEY, house.now).transactions == ()
    assert only(house, "pricehistories") == before
