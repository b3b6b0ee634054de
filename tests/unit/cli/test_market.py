"""`busbar market …` and `busbar quote`: what is drawn and told, at 80 columns and in JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from tests.unit.cli.fakes import BUSBAR, FakeCloud, Result
from tests.unit.market.world import NOON, first_book, order

from busbar.cli.market.drawing import chart, spark
from busbar.market.candles import Candle, row_of
from busbar.market.clearing import clear
from busbar.market.curve import forward_curves
from busbar.market.publish import clearing_to_json
from busbar.model.time import HOUR

Busbar = Callable[..., Result]


@pytest.fixture
def market(cloud: FakeCloud) -> FakeCloud:
    """A cloud with two zones, their curves, and a clearing."""
    for zone, curve in forward_curves(first_book(), NOON).items():
        status = {"zone": zone, "asks": [], "bestAsk": curve["bestAsk"], "freeDTU": "4"}
        cloud.add(f"{BUSBAR}/books/{zone.lower()}", status=status)
        cloud.add(f"{BUSBAR}/forwardcurves/{zone.lower()}", status=curve)
    cloud.add(f"{BUSBAR}/clearings/c-1", status=clearing())
    return cloud


def clearing() -> dict[str, Any]:
    orders = [order("job", region="Sweden"), order("nowhere", region="Norway")]
    found = clearing_to_json(first_book(), orders, clear(first_book(), orders, NOON))
    copy: dict[str, Any] = json.loads(json.dumps(found))
    return copy


def fits(text: str, columns: int = 80) -> bool:
    return all(cell_len(line) <= columns for line in text.splitlines())


def test_a_chart_rises_with_the_price_and_shows_closed_hours_as_dots() -> None:
    assert chart([1, 2, None, 3], 2) == ["   █", "▁█·█"]
    assert spark([5, 5]) == "▄▄"
    assert spark([None, None]) == "··"
    assert spark([]) == ""


def test_the_curve_of_each_zone_is_drawn_within_80_columns(
    busbar: Busbar, market: FakeCloud
) -> None:
    found = busbar("market")
    assert "Sweden: best ask over the next 48 hours, €/DTU" in found.out
    assert "+48h" in found.out
    assert "█" in found.out
    assert fits(found.out)


def test_a_zone_lists_its_hours_with_the_depth_of_each_price(
    busbar: Busbar, market: FakeCloud
) -> None:
    found = busbar("market", "Sweden")
    assert (
        "2027-03-10 21:00 to 03-11 05:00  0.03      4           2 at 0.03, 2 at 0.05" in found.out
    )
    assert "Germany" not in found.out
    assert fits(found.out)


def test_an_empty_market_says_so_and_what_to_do(busbar: Busbar, cloud: FakeCloud) -> None:
    assert "nothing is for sale" in busbar("market").err
    assert busbar("market", "history").err == "nothing has been traded yet\n"
    assert busbar("market", "replay").err == "no clearing has been published yet\n"


def test_a_zone_nobody_knows(busbar: Busbar, market: FakeCloud) -> None:
    found = busbar("market", "Atlantis")
    assert found.code == 4
    assert "known: Germany, Sweden" in found.err


def test_an_honest_clearing_is_replayed_with_exit_code_0(busbar: Busbar, market: FakeCloud) -> None:
    found = busbar("market", "replay")
    assert found.code == 0
    assert "c-1       1        1          agrees" in found.out
    assert found.err == "1 of 1 clearings follow from their books\n"


@pytest.mark.parametrize(
    ("forge", "words"),
    [
        (lambda m: m["segments"][0].update(priceNano=1), "order job: pays 0.000000001 €/DTU"),
        (lambda m: m.update(node="s1", offer="safespring"), "order job: was given s1 under"),
    ],
    ids=["price", "node"],
)
def test_a_wrong_price_and_a_wrong_node_are_caught_with_exit_code_1(
    busbar: Busbar, market: FakeCloud, forge: Callable[[Any], None], words: str
) -> None:
    status = clearing()
    forge(status["matches"][0])
    market.add(f"{BUSBAR}/clearings/c-2", status=status)
    found = busbar("market", "replay")
    assert found.code == 1
    assert words in found.out
    assert "1 of 2 clearings follow from their books; 1 do not" in found.err
    assert busbar("market", "replay", "c-1").code == 0
    assert busbar("market", "replay", "c-2").code == 1


def test_one_without_its_book_is_named_and_not_called_wrong(
    busbar: Busbar, market: FakeCloud
) -> None:
    market.add(f"{BUSBAR}/clearings/c-9", status={**clearing(), "omitted": True, "orders": []})
    found = busbar("market", "replay", "c-9")
    assert found.code == 0
    assert "cannot be replayed: published without its book" in found.out
    assert "1 published without a book cannot be replayed" in found.err


def test_a_large_batch_is_announced_since_it_takes_a_while(
    busbar: Busbar, market: FakeCloud
) -> None:
    orders = [{"id": str(n)} for n in range(151)]
    market.add(f"{BUSBAR}/clearings/c-7", status={"rule": "other", "orders": orders})
    assert "c-7: 151 orders" in busbar("market", "replay", "c-7").err


def test_saved_clearings_are_replayed_without_a_cloud(
    busbar: Busbar, cloud: FakeCloud, tmp_path: Path
) -> None:
    saved = tmp_path / "saved.json"
    items = [{"metadata": {"name": "c-5"}, "status": clearing()}]
    saved.write_text(json.dumps({"items": items}))
    found = busbar("market", "replay", "-f", saved, "-o", "json")
    assert (found.code, cloud.requests) == (0, [])
    assert json.loads(found.out)[0]["verdict"] == "Agrees"
    assert busbar("market", "replay", "-f", saved, "c-6").code == 4
    saved.write_text("{")
    assert busbar("market", "replay", "-f", saved).code == 2
    saved.write_text("[1]")
    assert busbar("market", "replay", "-f", saved).code == 2


@pytest.fixture
def history(cloud: FakeCloud) -> FakeCloud:
    rows = [
        row_of(NOON - NOON % HOUR + h * HOUR, Candle(40_000_000, top, 30_000_000, top, 1500, 60, 2))
        for h, top in enumerate((50_000_000, 60_000_000, 40_000_000))
    ]
    status = {"zone": "Sweden", "day": "2027-03-10", "rows": rows, "mayLack": False}
    cloud.add(f"{BUSBAR}/pricehistories/sweden-2027-03-10", status=status)
    return cloud


def test_history_shows_each_hour_and_draws_the_close(busbar: Busbar, history: FakeCloud) -> None:
    found = busbar("market", "history")
    assert "Sweden  2027-03-10 12:00  0.04  0.06  0.03  0.06" in found.out
    assert "▄█▁  close of 3 hours, 0.03 to 0.06 €/DTU" in found.out
    assert fits(found.out)
    assert len(json.loads(busbar("market", "history", "--hours", "2", "-o", "json").out)) == 2
    assert busbar("market", "history", "Norway").code == 4


ANSWER = {
    "pod": "dear-x1",
    "state": "Waiting",
    "reason": "PriceAboveCap",
    "message": "0 of 3 nodes match: 2 above 0.01 €/DTU (cheapest eligible: 0.04 €/DTU), "
    "1 outside region Sweden. Raise maxEuroPerDTU, or set mayWait for a cheaper hour.",
    "funnel": ["2 above 0.01 €/DTU", "1 outside region Sweden"],
    "contract": None,
    "held": [],
    "alternatives": [
        {
            "advice": "a cap of 0.04 €/DTU",
            "pricePerDTU": "0.04",
            "reservation": "",
            "resold": False,
            "vendor": "elastx",
            "zone": "Sweden",
        }
    ],
}


def test_why_tells_the_funnel_and_what_would_have_matched(busbar: Busbar, cloud: FakeCloud) -> None:
    path = "/market/v1/namespaces/xyz/orders/dear"
    cloud.objects[path] = {"orders": [ANSWER], "more": 2}
    found = busbar("market", "why", "xyz/dear")
    assert "dear-x1: Waiting (PriceAboveCap)" in found.out
    assert "a cap of 0.04 €/DTU  0.04 €/DTU  elastx, Sweden" in found.out
    assert "and 2 more pods of dear" in found.err
    assert fits(found.out)
    assert busbar("market", "why", "dear").out == found.out


def test_why_names_what_is_held_and_what_would_draw_on_it(busbar: Busbar, cloud: FakeCloud) -> None:
    smaller = {**ANSWER["alternatives"][0], "advice": "no more than 1 cpu", "reservation": "web"}
    held = {"procurement": "web", "reason": "NoRoom", "message": "it asks for more than is held"}
    answer = {**ANSWER, "alternatives": [smaller], "held": [held]}
    cloud.objects["/market/v1/namespaces/xyz/orders/dear"] = {"orders": [answer], "more": 0}
    said = busbar("market", "why", "xyz/dear").out
    assert "why it does not draw on it:\n  web: it asks for more than is held" in said
    assert "no more than 1 cpu  draws on web  elastx, Sweden" in said
    answer |= {"alternatives": [], "asItIs": smaller}
    said = busbar("market", "why", "xyz/dear").out
    assert "As it is it draws on web: nothing more to pay" in said


def test_why_says_of_a_contract_that_it_draws_and_until_when(
    busbar: Busbar, cloud: FakeCloud
) -> None:
    contract = {
        "vendor": "elastx",
        "zone": "Sweden",
        "node": "n1",
        "pricePerDTU": "0",
        "start": "2027-03-10T11:20:00Z",
        "reservation": "web",
        "paidUntil": "2027-03-10T12:00:00Z",
        "priceSince": "",
        "resold": False,
    }
    answer = {**ANSWER, "state": "Matched", "reason": "", "message": "", "contract": contract}
    answer["funnel"] = []
    cloud.objects["/market/v1/namespaces/xyz/orders/j"] = {"orders": [answer], "more": 0}
    draws = "draws on web: nothing more to pay until 2027-03-10T12:00:00Z"
    assert draws in busbar("market", "why", "xyz/j").out.replace("\n", " ")
    contract["priceSince"] = "0.04"
    assert f"{draws}, then 0.04 €/DTU" in busbar("market", "why", "xyz/j").out.replace("\n", " ")
    contract |= {"reservation": "", "resold": True, "pricePerDTU": "0.06"}
    assert "in room that somebody sells again" in busbar("market", "why", "xyz/j").out.replace(
        "\n", " "
    )


def test_why_is_honest_where_nothing_would_help(busbar: Busbar, cloud: FakeCloud) -> None:
    answer = {**ANSWER, "alternatives": []}
    cloud.objects["/market/v1/namespaces/xyz/orders/dear"] = {"orders": [answer], "more": 0}
    assert "only more supply" in busbar("market", "why", "xyz/dear").out
    assert busbar("market", "why", "a/b/c").code == 2
    place = {"vendor": "elastx", "zone": "Sweden", "pricePerDTU": "0.04", "cost": "0.08"}
    answer["asItIs"] = {**place, "reservation": "", "resold": False}
    said = busbar("market", "why", "xyz/dear").out
    assert "As it is there is a place for it: elastx in Sweden at 0.04 €/DTU" in said
    assert "only more supply" not in said


def start(cost: str | None, **more: Any) -> dict[str, Any]:
    found = {
        "start": "2027-03-10T21:00:00Z",
        "placed": 1,
        "cost": cost,
        "pricePerDTU": "0.03",
        "vendors": ["elastx"],
        "zones": ["Sweden"],
        "aboveCap": False,
        "draws": [],
        "resold": False,
        "reason": "",
        "message": "",
    }
    return found | more


QUOTE = {
    "kind": "Job",
    "namespace": "xyz",
    "name": "j",
    "copies": 1,
    "drawDTU": "1",
    "duration": "1h",
    "durationStated": False,
    "maxEuroPerDTU": "100",
    "mayWait": False,
    "available": "0.01",
    "now": start("0.049999999", start="2027-03-10T11:20:00Z", pricePerDTU="0.05"),
    "hours": [start("0.05")] * 9
    + [start("0.03")] * 8
    + [start(None, message="closed", placed=0)] * 31,
    "cheapest": start("0.03"),
    "held": [],
    "warnings": [],
}


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    file = tmp_path / "job.yaml"
    file.write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n---\n"
        "apiVersion: busbar.dev/v1alpha1\nkind: Job\nmetadata: {name: j}\nspec: {image: i}\n"
    )
    return file


def test_a_quote_tells_now_the_cheapest_hour_and_draws_the_rest(
    busbar: Busbar, cloud: FakeCloud, manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud, "_write", lambda *_: (200, json.dumps(QUOTE).encode()))
    found = busbar("quote", manifest)
    assert found.code == 0
    assert "now              0.05 €  at 0.05 €/DTU  elastx in Sweden" in found.out
    assert "2027-03-10 21:00 0.03 €  at 0.03 €/DTU  elastx in Sweden" in found.out
    assert "cost by starting hour, €" in found.out
    assert "mayWait: true" in found.err
    assert "pay in before submitting" in found.err
    assert "ConfigMap c: nothing to quote" in found.err
    assert fits(found.out)
    sent = cloud.requests[-1][2]
    assert sent is not None
    assert sent["metadata"] == {"name": "j", "namespace": "xyz"}
    assert json.loads(busbar("quote", manifest, "-o", "json").out) == QUOTE


def test_a_quote_shows_compute_and_moving_data_apart(
    busbar: Busbar, cloud: FakeCloud, manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laden = start("0.056", compute="0.05", egress="0.006", pricePerDTU="0.05")
    answer = {**QUOTE, "now": laden}
    monkeypatch.setattr(cloud, "_write", lambda *_: (200, json.dumps(answer).encode()))
    found = busbar("quote", manifest).out
    assert "now              0.056 €  at 0.05 €/DTU" in found
    assert "0.05 € compute, 0.006 € moving data" in found


def test_a_quote_shows_what_is_weighed_and_what_a_late_withdrawal_costs(
    busbar: Busbar, cloud: FakeCloud, manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = {"why": "Pull", "places": 2, "longest": "22s", "cost": "0.0003"}
    best = start("0.03", weighed=[lost], lateWithdrawal="0.015")
    answer = {**QUOTE, "cheapest": best}
    monkeypatch.setattr(cloud, "_write", lambda *_: (200, json.dumps(answer).encode()))
    found = busbar("quote", manifest).out
    said = " ".join(found.split())
    assert "weighed, not billed: 22s to fetch its image (2 times), as 0.0003 €" in said
    assert "reserved now and withdrawn as it begins: 0.015 €, less before" in said
    assert fits(found)


def test_a_quote_says_what_it_draws_on_until_when_and_what_follows(
    busbar: Busbar, cloud: FakeCloud, manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = {
        "procurement": "web",
        "node": "n1",
        "pods": 1,
        "until": "2027-03-10T12:00:00Z",
        "costAfter": "0",
        "endsEarly": "",
    }
    answer = {**QUOTE, "now": start("0", pricePerDTU="0", draws=[draw]), "cheapest": None}
    monkeypatch.setattr(cloud, "_write", lambda *_: (200, json.dumps(answer).encode()))
    found = busbar("quote", manifest).out
    assert "now              0 €  elastx in Sweden" in found
    assert "draws on web, nothing more to pay until 2027-03-10 12:00\n" in found
    assert fits(found)
    draw |= {"costAfter": "0.02", "endsEarly": "offer 'x' has no capacity"}
    held = [{"procurement": "big", "reason": "NothingHeld", "message": "nothing is held"}]
    answer |= {"now": start("0.02", draws=[draw], resold=True), "held": held, "hours": []}
    done = busbar("quote", manifest)
    said = " ".join(done.out.split())
    assert "then 0.02 € as its offer asks then; ends early: offer 'x' has no capacity" in said
    assert "in room that somebody holds and sells again" in said
    assert "cost by starting hour" not in said
    assert "big is not drawn on: nothing is held" in done.err


def test_services_are_quoted_as_well(
    busbar: Busbar, cloud: FakeCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "web.yaml"
    file.write_text("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: w}\nspec: {}\n")
    answer = {**QUOTE, "kind": "Deployment", "name": "w"}
    monkeypatch.setattr(cloud, "_write", lambda *_: (200, json.dumps(answer).encode()))
    assert "Deployment xyz/w" in busbar("quote", file).out


def test_what_is_placed_in_part_is_not_drawn_as_to_be_had(
    busbar: Busbar, cloud: FakeCloud, manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = start("0.2", placed=4, reason="NoFreeCapacity")
    answer = {**QUOTE, "copies": 5, "now": part, "hours": [part] * 48, "cheapest": None}
    monkeypatch.setattr(cloud, "_write", lambda *_: (200, json.dumps(answer).encode()))
    found = busbar("quote", manifest).out
    assert "for 4 of them; the others: NoFreeCapacity" in found
    assert "cost by starting hour" not in found


def test_every_hour_is_listed_when_asked_for(
    busbar: Busbar, cloud: FakeCloud, manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {**QUOTE, "now": start("9", aboveCap=True), "cheapest": None}
    monkeypatch.setattr(cloud, "_write", lambda *_: (200, json.dumps(answer).encode()))
    found = busbar("quote", manifest, "--hours").out
    assert "ABOVE THE CAP" in found
    assert "no start in the next 48 hours" in found
    assert "with a cap of 0.03 €/DTU it would, now" in found
    assert found.count("2027-03-10 21:00") == 48


def test_gpu_classes_are_listed_with_what_they_draw(busbar: Busbar, cloud: FakeCloud) -> None:
    cloud.objects["/market/v1/gpu-classes"] = {
        "dtuPerGpuHour": {"A100": "39", "T4": "8"},
        "default": "8",
    }
    found = busbar("market", "gpu-classes")
    assert [line.split() for line in found.out.splitlines()] == [
        ["CLASS", "DTU/H"],
        ["A100", "39"],
        ["T4", "8"],
        ["any", "other", "8"],
    ]


def test_the_book_shows_free_gpus_where_there_are_any(busbar: Busbar, cloud: FakeCloud) -> None:
    gpus = [{"class": "A100", "free": 3, "weightDTU": "39"}]
    ask = {"offer": "o", "vendor": "v", "priceNano": 20_000_000, "nodes": 1, "gpus": gpus}
    cloud.add(f"{BUSBAR}/books/sweden", status={"zone": "Sweden", "asks": [ask]})
    assert "3 A100" in busbar("market").out
    cloud.add(f"{BUSBAR}/books/sweden", status={"zone": "Sweden", "asks": [{**ask, "gpus": []}]})
    assert "GPUS" not in busbar("market").out
