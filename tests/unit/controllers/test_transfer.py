"""Data with a price: agreed at the match, held, metered, billed apart, capped, and given back."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.controllers.house import House

from busbar.controllers.contracts.counts import counted
from busbar.ledger.entries import FEE, ROUNDING, vendor
from busbar.ledger.transfers import worth
from busbar.market.luggage import Place
from busbar.model.objects import Key, spec_of, status_of
from busbar.model.time import HOUR, MINUTE, SECOND
from busbar.model.wellknown import GROUP
from busbar.store.contract import Transaction

GIB = 1024**3
MILLI = 1_000_000
"""A thousandth of a euro."""
ABROAD = {"ingress": {"otherRegion": "0.001"}, "egress": {"otherRegion": "0.002"}}
BUCKET = {"driver": "bucket.busbar.dev", "volumeAttributes": {"bucket": "data"}}
WORK = 39_999_999
"""What the term is held for, without data."""


def house(euro: int = 100, gib: int = 4, transfer: dict[str, Any] = ABROAD, **notes: str) -> House:
    """A pod in Sweden whose four GiB of data are in Germany."""
    found = House(place=Place("Germany", ""))
    found.namespace(euro=euro)
    found.make(GROUP, "buckets", "xyz", "data", spec={}, status={"bytes": gib * GIB})
    found.supply(transfer=transfer)
    container = {
        "name": "main",
        "image": "work",
        "resources": {"requests": {"cpu": "1", "memory": "1Gi"}},
    }
    found.make(
        "",
        "pods",
        "xyz",
        "p",
        meta={"annotations": {f"busbar.dev/{k.replace('_', '-')}": v for k, v in notes.items()}},
        spec={
            "containers": [container],
            "restartPolicy": "Never",
            "volumes": [{"name": "d", "csi": BUCKET}],
        },
        status={"phase": "Pending"},
    )
    found.settle()
    return found


def running(**options: Any) -> House:
    found = house(**options)
    found.runs(found.only_pod())
    return found


def flows(found: House, read: int = 0, written: int = 0) -> None:
    ops = counted(found.only_contract(), read, written)
    assert found.commit(Transaction(ops))
    found.exchange.work()


def transfer(found: House) -> dict[str, int]:
    status: dict[str, int] = status_of(found.only_contract())["transfer"]
    return status


def test_the_match_says_what_data_costs_and_holds_what_is_expected_of_it():
    found = house()
    contract = found.only_contract()
    assert spec_of(contract)["transfer"] == {
        "region": "Germany",
        "readNano": MILLI,
        "writeNano": 2 * MILLI,
        "readBytes": 4 * GIB,
    }
    assert spec_of(contract)["weighed"] == {"dataNano": 4 * MILLI}
    assert transfer(found) == {"heldNano": 4 * MILLI}
    assert status_of(contract)["heldNano"] == found.held() == WORK + 4 * MILLI


@pytest.mark.parametrize(
    "transfer",
    [{}, {"ingress": {"sameRegion": "9"}}],
    ids=["no prices", "none for what is far"],
)
def test_where_data_moves_for_nothing_there_are_no_terms(transfer):
    found = house(transfer=transfer)
    assert not {"transfer", "weighed"} & spec_of(found.only_contract()).keys()
    assert counted(found.only_contract(), 7, 7) == ()
    assert found.held() == WORK


def test_what_flowed_is_billed_apart_and_the_rest_of_its_hold_given_back():
    found = running()
    flows(found, read=GIB, written=GIB // 2)
    found.wait(15 * MINUTE)
    found.ends(found.only_pod())
    found.wait(5 * SECOND)
    status = status_of(found.only_contract())
    assert (status["phase"], status["billedNano"]) == ("Closed", 10_000_000 + 2 * MILLI)
    assert transfer(found) == {
        "readBytes": GIB,
        "writtenBytes": GIB // 2,
        "readBilledBytes": GIB,
        "writtenBilledBytes": GIB // 2,
        "billedNano": 2 * MILLI,
    }
    view = found.store.snapshot_now()
    parts = (vendor("elastx"), FEE, ROUNDING)
    assert sum(map(view.balance, parts)) == 10_000_000 + 2 * MILLI
    assert found.held() == 0


def test_an_ended_contract_waits_for_the_last_counts():
    found = running()
    found.wait(MINUTE)
    found.ends(found.only_pod())
    assert status_of(found.only_contract())["phase"] == "Running"
    flows(found, read=GIB)
    found.wait(5 * SECOND)
    assert status_of(found.only_contract())["phase"] == "Closed"
    assert transfer(found)["billedNano"] == MILLI


def test_it_is_billed_with_each_slot():
    found = running()
    flows(found, read=3 * GIB)
    found.wait(41 * MINUTE)
    assert found.report(found.only_pod(), "Running", meter={"observedMs": found.now})
    found.wait(5 * SECOND)
    assert status_of(found.only_contract())["phase"] == "Running"
    assert (transfer(found)["billedNano"], transfer(found)["heldNano"]) == (3 * MILLI, MILLI)


def test_more_is_held_where_more_flows_than_was_expected():
    found = running()
    flows(found, read=5 * GIB)
    assert transfer(found)["heldNano"] == 10 * MILLI
    assert status_of(found.only_contract())["heldNano"] == found.held()


def test_without_money_for_it_the_workload_is_stopped():
    found = running(euro=1, gib=1)
    flows(found, read=2000 * GIB)
    contract = found.only_contract()
    assert status_of(contract)["reason"] == "BalanceExhausted"
    assert found.only_pod()["metadata"]["deletionTimestamp"]


def test_its_own_cap_stops_it_and_nothing_is_billed_beyond():
    found = running(max_egress_euro="0.006", expected_read="1Gi")
    flows(found, read=5 * GIB)
    assert transfer(found)["heldNano"] == 6 * MILLI
    flows(found, read=2 * GIB)
    contract = found.only_contract()
    assert status_of(contract)["reason"] == "EgressAboveCap"
    assert "maxEgressEuro" in status_of(contract)["message"]
    found.ends(found.only_pod(), code=143)
    found.wait(5 * SECOND)
    assert transfer(found)["billedNano"] == 6 * MILLI
    # Up to the last byte that the next nano-euro is not due for.
    assert worth(MILLI, transfer(found)["readBilledBytes"]) == 6 * MILLI
    assert worth(MILLI, transfer(found)["readBilledBytes"] + 1) == 6 * MILLI + 1
    assert found.held() == 0


def test_where_the_expected_volume_is_above_the_cap_it_waits_and_says_so():
    found = house(max_egress_euro="0.003")
    assert found.contracts() == []
    told = status_of(found.only_pod())["conditions"][0]
    assert told["reason"] == "EgressAboveCap"
    assert "to which moving its data costs more than 0.003 €" in told["message"]


def test_a_price_that_changes_later_does_not_touch_the_contract():
    found = running()
    dearer = {"ingress": {"otherRegion": "1"}}
    key = Key(GROUP, "offers", "", "elastx")
    found.door.change(key, lambda o: {**o, "spec": {**spec_of(o), "transfer": dearer}})
    flows(found, read=GIB)
    found.wait(MINUTE)
    found.ends(found.only_pod())
    found.wait(5 * SECOND)
    assert transfer(found)["billedNano"] == MILLI


def test_a_budget_counts_data_as_well():
    found = house(gib=4)
    month = status_of(found.only_contract()).get("billedByMonth")
    assert month is None
    found.runs(found.only_pod())
    flows(found, read=GIB)
    found.wait(15 * MINUTE)
    found.ends(found.only_pod())
    found.wait(5 * SECOND)
    assert sum(status_of(found.only_contract())["billedByMonth"].values()) == 11 * MILLI


def listed(found: House, node: str, *images: str) -> None:
    status = [{"names": [image], "sizeBytes": 20 * GIB} for image in images]
    key = Key("", "nodes", "", node)
    found.door.change(key, lambda n: {**n, "status": {**status_of(n), "images": status}})


def test_work_goes_where_its_image_is():
    found = House()
    found.namespace()
    found.supply("n1", "cheap", "0.039")
    found.supply("n2", "elastx", "0.04")
    listed(found, "n2", "work:latest")
    found.pod()
    found.settle()
    assert spec_of(found.only_pod())["nodeName"] == "n2"
    (said,) = found.events("Scheduled")
    assert "cheap at 0.039 €/DTU: dearer with 7m9s to fetch its image." in said


def test_another_list_of_images_makes_no_new_book():
    found = House()
    found.namespace()
    found.supply()
    market = next(c for c in found.exchange._controllers if c.name == "market")
    standing = market._standing
    before = standing.at(found.store.snapshot_now()).book
    listed(found, "n1", "work:latest")
    assert standing.at(found.store.snapshot_now()).book is before
    assert standing.freight._now().images["work:latest"].nodes == frozenset({"n1"})
    listed(found, "n1")
    assert standing.at(found.store.snapshot_now()).freight._now().images == {}


def test_a_job_tried_again_would_rather_run_where_it_was():
    found = House()
    found.namespace()
    found.supply("n1", "elastx", "0.04")
    job = found.job(backoffLimit=1, expectedDuration="10m")
    found.settle()
    found.runs(found.only_pod())
    found.ends(found.only_pod(), code=1)
    found.supply("n2", "cheap", "0.0399")
    found.wait(HOUR // 60)
    assert found.status(job)["node"] == "n1"
