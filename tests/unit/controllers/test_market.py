"""The market controller: batches, conflicts, money, refusals, what is published."""

from __future__ import annotations

from tests.unit.controllers.house import House

from busbar.controllers.market.controller import MARKET_KEY, MarketController
from busbar.controllers.settings import Settings
from busbar.controllers.standing import Standing
from busbar.market.publish import recompute
from busbar.model.objects import Key, annotate, condition, name_of, spec_of, status_of
from busbar.model.time import MINUTE, SECOND
from busbar.model.wellknown import GROUP
from busbar.store.contract import Event, EventType

ACCOUNT = Key(GROUP, "accounts", "xyz", "account")


def open_house(**supply) -> House:
    house = House()
    house.namespace()
    house.supply(**supply)
    house.settle()
    return house


def bound(house: House) -> list[str]:
    return [name_of(pod) for pod in house.pods() if spec_of(pod).get("nodeName")]


def test_one_order_alone_pays_its_suppliers_ask():
    house = open_house(price="0.031")
    house.pod()
    house.settle()
    assert house.only_contract()["spec"]["slots"][0]["priceNano"] == 31_000_000
    assert condition(house.only_pod(), "PodScheduled")["status"] == "True"
    assert "at 0.031 €/DTU" in house.events("Scheduled")[0]


def test_why_cheaper_offers_were_not_eligible_is_said():
    house = open_house()
    house.supply("n2", "hansecloud", price="0.01", region="Germany")
    house.pod(**{"busbar.dev/region": "Sweden"})
    house.settle()
    assert "hansecloud" in house.events("Scheduled")[0]
    assert "hansecloud" in status_of(house.only_pod())["busbar"]["funnel"][0]


def test_a_pod_edited_meanwhile_undoes_its_match_alone():
    house = open_house()
    first, second = house.pod("a"), house.pod("b")
    market = MarketController(Settings(), Standing())
    decision = market.reconcile(house.store.snapshot_now(), MARKET_KEY, house.now)
    house.door.change(first, lambda pod: annotate(pod, {"note": "edited"}))
    done = [house.commit(transaction) for transaction in decision.transactions]
    assert done.count(False) == 1
    assert bound(house) == ["b"]
    house.settle()
    assert bound(house) == ["a", "b"]
    assert house.get(second)["metadata"]["annotations"]["busbar.dev/epoch"] == "1"


def test_a_batch_cannot_overrun_the_balance():
    house = House()
    house.namespace(euro=1)
    house.supply(price="0.4")
    for name in "abc":
        house.pod(name)
    house.settle()
    assert len(bound(house)) == 2
    waiting = next(p for p in house.pods() if name_of(p) not in bound(house))
    assert condition(waiting, "PodScheduled")["reason"] == "InsufficientFunds"
    house.pay("xyz", 10**9)
    house.wait(5 * SECOND)
    assert len(bound(house)) == 3


def test_a_batch_cannot_overrun_the_budget_nor_can_two_decided_on_the_same_account():
    house = open_house(price="0.4")
    house.door.change(ACCOUNT, lambda obj: {**obj, "spec": {"budget": "0.9"}})
    for name in "abc":
        house.pod(name)
    market = MarketController(Settings(), Standing())
    once = market.reconcile(house.store.snapshot_now(), MARKET_KEY, house.now)
    assert [house.commit(t) for t in once.transactions[:1]] == [True]
    assert [house.commit(t) for t in once.transactions[:1]] == [False]
    house.settle()
    assert len(bound(house)) == 2
    waiting = next(p for p in house.pods() if name_of(p) not in bound(house))
    assert condition(waiting, "PodScheduled")["reason"] == "BudgetExceeded"


def test_the_same_refusal_is_not_written_again():
    house = open_house()
    key = house.pod(cpu="9")
    house.settle()
    before = house.get(key)["metadata"]["resourceVersion"]
    clearings = len(house.all(GROUP, "clearings"))
    house.wait(50 * MINUTE)
    assert house.get(key)["metadata"]["resourceVersion"] == before
    assert len(house.all(GROUP, "clearings")) == clearings
    assert len(house.events("FailedScheduling")) == 1


def test_a_pod_that_cannot_be_an_order_is_told_which_field():
    house = open_house()
    house.pod(**{"busbar.dev/max-euro-per-dtu": "-1"})
    house.settle()
    told = condition(house.only_pod(), "PodScheduled")
    assert told["reason"] == "InvalidOrder"
    assert "busbar.dev/max-euro-per-dtu" in told["message"]


def test_an_order_waits_for_a_price_below_its_cap_and_is_matched_when_it_comes():
    rules = [{"from": "13:00", "until": "14:00", "pricePerDTU": "0.01"}]
    house = open_house(price="0.09", calendar={"timeZone": "UTC", "rules": rules})
    house.pod(**{"busbar.dev/max-euro-per-dtu": "0.05"})
    house.settle()
    assert bound(house) == []
    house.wait(41 * MINUTE)
    assert bound(house) == ["p"]


def test_a_namespaces_cap_is_the_default():
    house = House()
    house.namespace(annotations={"busbar.dev/max-euro-per-dtu": "0.01"})
    house.supply(price="0.04")
    house.pod()
    house.settle()
    assert condition(house.only_pod(), "PodScheduled")["reason"] == "PriceAboveCap"


def test_every_clearing_is_published_and_can_be_computed_again():
    house = open_house()
    house.pod("a")
    house.pod("b", cpu="9")
    house.settle()
    (clearing,) = house.all(GROUP, "clearings")
    status = clearing["status"]
    assert (status["matched"], status["unmatched"]) == (1, 1)
    assert status["prices"] == {"Sweden": "0.04"}
    again = recompute(status)
    assert again == {field: status[field] for field in again}
    assert house.only_contract()["spec"]["clearing"] == name_of(clearing)


def test_only_the_latest_clearings_are_kept():
    house = House(clearings_kept=3)
    house.namespace()
    house.supply(cpu="64")
    for number in range(5):
        house.pod(f"p{number}")
        house.settle()
    kept = [name_of(c) for c in house.all(GROUP, "clearings")]
    assert len(kept) == 3
    assert house.contracts()[-1]["spec"]["clearing"] == kept[-1]


def test_what_the_exchange_writes_itself_does_not_wake_the_market():
    house = open_house()
    key = house.pod(cpu="9")
    before = house.get(key)
    house.settle()
    event = Event(EventType.MODIFIED, 9, key, house.get(key), before)
    market = MarketController(Settings(), Standing())
    assert list(market.keys(event)) == []
    assert list(market.keys(event._replace(previous=None))) == [MARKET_KEY]


def test_a_node_that_changed_since_the_snapshot_is_not_sold():
    house = open_house()
    house.pod()
    market = MarketController(Settings(), Standing())
    decision = market.reconcile(house.store.snapshot_now(), MARKET_KEY, house.now)
    cordon = {"unschedulable": True}
    house.door.change(Key("", "nodes", "", "n1"), lambda node: {**node, "spec": cordon})
    published, sold = decision.transactions[:2]
    assert published.records
    assert house.commit(sold) is False


def test_each_zone_has_a_book_that_changes_only_with_the_market():
    house = open_house()
    house.wait(2 * SECOND)
    (book,) = house.all(GROUP, "books")
    assert book["status"]["bestAsk"] == "0.04"
    assert name_of(book) == "sweden"
    house.wait(30 * SECOND)
    assert (
        house.all(GROUP, "books")[0]["metadata"]["resourceVersion"]
        == book["metadata"]["resourceVersion"]
    )
    house.pod()
    house.wait(3 * SECOND)
    assert house.all(GROUP, "books")[0]["status"]["lastPrice"] == "0.04"
