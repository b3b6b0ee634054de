"""Failed deliveries: charged to the vendor's bond with the close, once, and nobody else's doing."""

from __future__ import annotations

import pytest
from tests.unit.controllers.house import EURO, House

from busbar.ledger.entries import bond
from busbar.model.objects import name_of, spec_of, status_of
from busbar.model.time import HOUR, MINUTE, SECOND

HOUR_NANO = 40_000_000
"""What an hour of the workload costs."""


def cloud(bond_nano: int = EURO, others: tuple[str, ...] = ()) -> House:
    """One node of elastx at 0.04 €/DTU, further vendors at the prices given; a pod on elastx."""
    house = House(at=1_795_435_200_000)  # 2026-11-23T12:00:00Z
    house.namespace()
    house.supply(cpu="1")
    for number, price in enumerate(others):
        house.supply(f"other-{number}", f"vendor-{number}", price)
    if bond_nano:
        assert house.door.deposit("elastx", bond_nano, house.now, "first")
    house.pod(**{"busbar.dev/vendor": "elastx"})
    house.settle()
    house.runs(house.only_pod())
    house.wait(3 * SECOND)
    return house


def in_bond(house: House) -> int:
    return house.store.snapshot_now().balance(bond("elastx"))


def slashes(house: House) -> list[str]:
    return [s.entry.id for s in house.store.journal_now() if s.entry.kind == "slash"]


def fails(house: House, reason: str = "NodeRestarted") -> dict:
    house.ends(house.only_pod(), code=1, reason=reason, message="it ended")
    status = status_of(house.only_contract())
    assert status["phase"] == "Closed"
    return status


def half_past(house: House) -> None:
    """Let half of the hour be delivered, to the second."""
    started = status_of(house.only_contract())["startedMs"]
    slot = spec_of(house.only_contract())["slots"][0]
    house.wait((slot["endMs"] - slot["startMs"]) // 2 + slot["startMs"] - house.now)
    assert house.now - started > 25 * MINUTE


def test_a_tenth_of_the_unfinished_slots_is_paid_where_the_market_is_no_dearer():
    house = cloud(others=("0.03",))
    half_past(house)
    held, before = house.held(), house.balance()
    status = fails(house)
    assert status["reason"] == "NodeLost"
    assert status["compensatedNano"] == held // 10
    assert in_bond(house) == EURO - held // 10
    assert house.balance() == before + (held - status["billedNano"]) + held // 10
    assert house.held() == 0
    assert f"{status['compensation']} € compensation" in house.events("ContractClosed")[-1]


def test_a_dearer_replacement_is_paid_for_the_time_that_was_not_delivered():
    house = cloud(others=("0.06",))
    half_past(house)
    held = house.held()
    end = spec_of(house.only_contract())["slots"][-1]["endMs"]
    status = fails(house)
    missing = end - status["finishedMs"]
    dearer = 20_000_000 * missing // HOUR
    assert abs(status["compensatedNano"] - held // 10 - dearer) <= 1


def test_without_any_replacement_the_price_counts_twice():
    house = cloud()
    half_past(house)
    held, end = house.held(), spec_of(house.only_contract())["slots"][-1]["endMs"]
    house.alive.clear()
    house.wait(25 * SECOND)
    status = status_of(house.only_contract())
    missing = end - status["finishedMs"]
    assert status["reason"] == "NodeLost"
    assert abs(status["compensatedNano"] - held // 10 - HOUR_NANO * missing // HOUR) <= 1


def test_no_more_than_the_bond_is_taken():
    house = cloud(bond_nano=1000)
    assert fails(house)["compensatedNano"] == 1000
    assert in_bond(house) == 0


def test_a_vendor_without_a_bond_pays_nothing_and_the_consumer_is_told():
    house = cloud(bond_nano=0)
    status = fails(house)
    assert "compensatedNano" not in status
    assert slashes(house) == []
    assert "vendor elastx has no bond" in house.events("ContractClosed")[-1]


@pytest.mark.parametrize("reason", ["Error", "OOMKilled", "Evicted", "RuntimeFailed", "DiskFull"])
def test_what_a_consumer_can_bring_about_is_not_charged(reason):
    house = cloud()
    assert "compensatedNano" not in fails(house, reason)
    assert in_bond(house) == EURO


def test_a_workload_that_finishes_or_is_deleted_costs_the_vendor_nothing():
    house = cloud()
    house.ends(house.only_pod())
    assert in_bond(house) == EURO


def test_an_agent_that_is_drained_without_notice_is_charged():
    house = cloud()
    assert fails(house, "NodeDrained")["reason"] == "WithdrawnEarly"
    assert len(slashes(house)) == 1


def test_a_closed_contract_is_not_charged_again_by_a_restarted_exchange():
    house = cloud()
    fails(house)
    left = in_bond(house)
    house.exchange.stop()
    house.exchange.start()
    house.wait(MINUTE)
    assert in_bond(house) == left
    assert len(slashes(house)) == 1


def test_many_closings_at_once_share_a_bond_that_does_not_cover_them():
    house = House()
    house.namespace()
    house.supply(cpu="4")
    assert house.door.deposit("elastx", 5_000_000, house.now, "first")
    for number in range(4):
        house.pod(f"p{number}")
    house.settle()
    for pod in house.pods():
        house.runs(pod)
    house.alive.clear()
    house.wait(MINUTE)
    paid = [status_of(c).get("compensatedNano", 0) for c in house.contracts()]
    assert sum(paid) == 5_000_000
    assert in_bond(house) == 0
    assert all(status_of(c)["phase"] == "Closed" for c in house.contracts())


def test_the_vendor_is_told_and_no_consumer_named():
    house = cloud()
    fails(house)
    (said,) = house.events("BondCharged")
    assert "elastx" in said
    assert "xyz" not in said
    assert name_of(house.only_pod()) + "-" not in said
