"""Prometheus metrics, read by Prometheus' own parser: true, documented, and shown to who may."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.unit.controllers.house import House
from tests.unit.server.market_world import (
    MEMBER,
    NODE,
    OPERATOR,
    STRANGER,
    VENDOR,
    call,
    door_of,
    knows,
)

from busbar.apis.kubernetes.ports import Identity
from busbar.model.objects import Key
from busbar.model.time import HOUR, SECOND
from busbar.model.wellknown import GROUP
from busbar.server.metrics import PATH, ClearingCount, create_app

DOCS = Path(__file__).resolve().parents[3] / "docs" / "operations.md"
NIGHT = {"rules": [{"from": "22:00", "until": "06:00", "pricePerDTU": "0.02"}], "timeZone": "UTC"}
OPERATORS_ONLY = ["busbar_contracts", "busbar_ledger", "busbar_store", "busbar_watches"]


def metrics_of(house: House, identity: Identity | None, count: ClearingCount | None = None):
    return create_app(door_of(house), knows(identity), count or ClearingCount(), lambda: house.now)


def samples(house: House, identity: Identity, app=None) -> dict[str, float]:
    """Give every sample, its labels' values behind its name."""
    reply = call(app or metrics_of(house, identity), "GET", PATH)
    assert (reply.status, reply.kind.partition(";")[0]) == (200, "text/plain")
    return {
        "/".join(
            [sample.name, *(value for _, value in sorted(sample.labels.items()))]
        ): sample.value
        for family in text_string_to_metric_families(reply.body.decode())
        for sample in family.samples
    }


@pytest.fixture
def house() -> House:
    house = House()
    house.supply(price="0.04")
    house.namespace()
    house.job("ok")
    house.job("dear", maxEuroPerDTU="0.01")
    house.wait(5 * SECOND)
    return house


def test_an_operator_sees_book_prices_contracts_money_and_store(house: House) -> None:
    found = samples(house, OPERATOR)
    assert found["busbar_book_best_ask_euro_per_dtu/Sweden"] == 0.04
    assert found["busbar_book_last_price_euro_per_dtu/Sweden"] == 0.04
    assert found["busbar_book_free_dtu_per_hour/Sweden"] == 3
    assert found["busbar_book_ask_free_dtu_per_hour/elastx/elastx/Sweden"] == 3
    assert found["busbar_book_bids/Sweden"] == 1
    assert found["busbar_forward_ask_euro_per_dtu/48/Sweden"] == 0.04
    assert found["busbar_hour_open_euro_per_dtu/Sweden"] == 0.04
    assert found["busbar_hour_volume_dtu/Sweden"] == pytest.approx(2 / 3, abs=1e-5)  # 40 minutes
    assert found["busbar_hour_trades/Sweden"] == 1
    assert found["busbar_orders_waiting/PriceAboveCap"] == 1
    assert found["busbar_contracts/Bound"] == 1
    assert found["busbar_ledger_balance_euro/available"] == pytest.approx(99.96)
    assert found["busbar_ledger_balance_euro/held"] == pytest.approx(0.04)
    assert found["busbar_ledger_sum_nano_euro"] == 0
    assert found["busbar_store_revision"] == house.store.snapshot_now().revision
    assert found["busbar_watches"] == 0


def test_depth_is_shown_by_offer_and_by_hour_and_price(house: House) -> None:
    house.supply("n2", "safespring", price="0.06", cpu="8")
    house.wait(5 * SECOND)
    found = samples(house, MEMBER)
    ask = {name: value for name, value in found.items() if name.endswith("/elastx/elastx/Sweden")}
    assert ask["busbar_book_ask_free_cpu_cores/elastx/elastx/Sweden"] == 3
    assert ask["busbar_book_ask_free_memory_bytes/elastx/elastx/Sweden"] == 14 * 2**30
    assert ask["busbar_book_ask_nodes/elastx/elastx/Sweden"] == 1
    assert found["busbar_book_bid_dtu_per_hour/Sweden"] == 1
    assert found["busbar_book_best_bid_euro_per_dtu/Sweden"] == 0.01
    for hour in ("1", "48"):
        levels = [
            (
                found[f"busbar_forward_level_euro_per_dtu/{hour}/{level}/Sweden"],
                found[f"busbar_forward_level_free_dtu_per_hour/{hour}/{level}/Sweden"],
            )
            for level in ("1", "2")
        ]
        # What runs is taken to go on.
        assert levels == [(0.04, 3), (0.06, 4)]
        assert f"busbar_forward_level_euro_per_dtu/{hour}/3/Sweden" not in found


def test_series_are_bounded_by_the_cheapest_offers_of_a_zone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("busbar.server.market.families.OFFERS_MAX", 2)
    for number in range(4):
        house.supply(f"m{number}", f"v{number}", price=f"0.0{number + 5}")
    house.wait(5 * SECOND)
    found = samples(house, MEMBER)
    asks = [name for name in found if name.startswith("busbar_book_ask_euro")]
    assert [name.split("/")[1] for name in asks] == ["elastx", "v0"]


def test_parts_that_are_sold_again_are_one_offer_whatever_they_are_called(house: House) -> None:
    part = {"vendor": "elastx", "pricePerDTU": "0.05", "freeDTU": "1", "nodes": 1, "version": 1}
    asks = [{**part, "offer": f"resale-{number}"} for number in range(3)]

    def more(book: Any) -> Any:
        status = book["status"]
        return {**book, "status": {**status, "asks": [*status["asks"], *asks]}}

    (book,) = house.all(GROUP, "books")
    assert house.door.change(Key(GROUP, "books", "", book["metadata"]["name"]), more)
    found = samples(house, MEMBER)
    assert found["busbar_book_ask_free_dtu_per_hour/resale/elastx/Sweden"] == 3
    assert not [name for name in found if "resale-" in name]


def test_a_later_scrape_sees_what_changed(house: House) -> None:
    app = metrics_of(house, OPERATOR)
    assert samples(house, OPERATOR, app)["busbar_contracts/Bound"] == 1
    house.job("second")
    house.wait(3 * SECOND)
    found = samples(house, OPERATOR, app)
    assert found["busbar_contracts/Bound"] == 2
    house.runs(house.pods()[-1])
    house.ends(house.pods()[-1])
    assert samples(house, OPERATOR, app)["busbar_contracts/Closed"] == 1


def test_an_hour_that_running_work_rolled_into_was_not_traded(house: House) -> None:
    (bound,) = (pod for pod in house.pods() if pod["spec"].get("nodeName"))
    house.runs(bound)
    house.wait(2 * HOUR)
    found = samples(house, OPERATOR)
    assert found["busbar_contracts/Running"] == 1
    assert not [name for name in found if name.startswith("busbar_hour_")]


def test_every_clearing_is_counted_also_those_not_kept() -> None:
    house = House(clearings_kept=1)
    house.supply(cpu="8")
    house.namespace()
    count = ClearingCount()

    async def live() -> None:
        following = asyncio.create_task(count.run(house.store))
        await asyncio.sleep(0)
        for number in range(4):
            house.job(f"j{number}")
            house.settle()
        for _ in range(20):
            await asyncio.sleep(0)
        following.cancel()

    asyncio.run(live())
    found = samples(house, OPERATOR, metrics_of(house, OPERATOR, count))
    assert found["busbar_clearings_total"] == found["busbar_clearing_matches_total"] == 4
    assert len(house.all(GROUP, "clearings")) == 1


def test_an_order_with_a_contract_for_later_does_not_wait(house: House) -> None:
    house.supply("n2", "safespring", calendar=NIGHT)
    house.job("patient", mayWait=True)
    house.wait(5 * SECOND)
    found = samples(house, OPERATOR)
    assert found["busbar_contracts/Reserved"] == 1
    assert [name for name in found if name.startswith("busbar_orders_waiting")] == [
        "busbar_orders_waiting/PriceAboveCap"
    ]


@pytest.mark.parametrize("identity", [MEMBER, VENDOR, NODE])
def test_everybody_else_sees_the_public_market_and_nobodys_money(
    house: House, identity: Identity
) -> None:
    found = samples(house, identity)
    assert "busbar_book_best_ask_euro_per_dtu/Sweden" in found
    assert not [name for name in found if name.startswith(tuple(OPERATORS_ONLY))]


def test_no_consumer_is_named_to_anybody(house: House) -> None:
    assert not [name for name in samples(house, OPERATOR) if "xyz" in name]


@pytest.mark.parametrize(
    ("identity", "method", "status"),
    [(None, "GET", 401), (STRANGER, "GET", 403), (OPERATOR, "POST", 405)],
)
def test_who_may_not_is_told(
    house: House, identity: Identity | None, method: str, status: int
) -> None:
    assert call(metrics_of(house, identity), method, PATH).status == status


def test_an_empty_cloud_is_scraped_as_well() -> None:
    found = samples(House(), OPERATOR)
    assert found["busbar_ledger_entries"] == 0


def test_every_metric_is_documented(house: House) -> None:
    house.supply("g1", "gpus", gpus=2, product="NVIDIA-L4")
    (bound,) = (pod for pod in house.pods() if pod["spec"].get("nodeName"))
    house.runs(bound)
    house.wait(5 * SECOND)
    house.ends(bound)
    said = set(re.findall(r"`(busbar_[a-z_]+)`", DOCS.read_text()))
    assert {name.partition("/")[0] for name in samples(house, OPERATOR)} == said
