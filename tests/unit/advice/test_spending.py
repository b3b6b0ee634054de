"""What a namespace spent in each hour, from its contracts, read once each."""

from __future__ import annotations

from typing import Any

from busbar.advice.spending import Spending
from busbar.model.time import HOUR, MINUTE

H = 497_000
START = H * HOUR
PRICE = 40_000_000


def contract(until: int, *, started: int = START, slots: int = 2, **status: Any) -> dict[str, Any]:
    reserved = [
        {"startMs": START + n * HOUR, "endMs": START + (n + 1) * HOUR, "priceNano": PRICE}
        for n in range(slots)
    ]
    return {
        "metadata": {"name": "c", "namespace": "xyz"},
        "spec": {"drawMicro": 1_000_000, "slots": reserved},
        "status": {"startedMs": started, "settledUntilMs": until, **status},
    }


def series(*changes: Any, hours: int = 3) -> list[int]:
    spending = Spending()
    spending.take(changes)
    return list(spending.series("xyz", H + hours - 1, 100).values())


def test_each_hour_has_what_was_delivered_in_it():
    done = contract(START + 90 * MINUTE, started=START + 30 * MINUTE)
    assert series((None, done)) == [PRICE // 2, PRICE // 2, 0]


def test_what_was_billed_further_is_counted_once():
    before, after = contract(START + HOUR), contract(START + 2 * HOUR)
    assert series((None, before), (before, after)) == [PRICE, PRICE, 0]


def test_what_ended_early_and_what_never_ran():
    assert series((None, contract(START + 2 * HOUR, finishedMs=START + HOUR))) == [PRICE, 0, 0]
    never = {**contract(START), "status": {}}
    assert series((None, never)) == []


def test_what_went_is_forgotten_with_its_hours():
    spending = Spending()
    spending.take([(None, contract(START + 2 * HOUR))])
    spending.forget(H + 1)
    assert spending.series("xyz", H + 1, 100) == {H + 1: PRICE}
    assert spending.series("abc", H, 100) == {}
