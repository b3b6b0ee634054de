"""Garbage, namespaces, accounts, offers, expiry: what nobody else looks after."""

from __future__ import annotations

import pytest
from tests.unit.controllers.house import House

from busbar.controllers.names import ANN_EXPIRES
from busbar.model.objects import Key, annotate, name_of, owner_reference, status_of
from busbar.model.time import HOUR, MINUTE, SECOND
from busbar.model.wellknown import GROUP


def open_house() -> House:
    house = House()
    house.namespace()
    house.supply()
    house.settle()
    return house


def family(house: House) -> tuple[Key, Key]:
    """A config map that owns a secret."""
    owner = house.make("", "configmaps", "xyz", "owner")
    reference = owner_reference(house.get(owner))
    owned = house.make("", "secrets", "xyz", "owned", meta={"ownerReferences": [reference]})
    return owner, owned


def test_what_has_lost_its_owner_is_deleted():
    house = open_house()
    owner, owned = family(house)
    house.settle()
    house.door.delete(owner, house.now)
    house.settle()
    assert house.door.get(owned) is None


def test_an_object_with_another_living_owner_forgets_the_lost_one():
    house = open_house()
    owner, owned = family(house)
    other = house.make("", "configmaps", "xyz", "other")
    both = [owner_reference(house.get(key)) for key in (owner, other)]
    house.door.change(
        owned, lambda obj: {**obj, "metadata": {**obj["metadata"], "ownerReferences": both}}
    )
    house.door.delete(owner, house.now)
    house.settle()
    left = house.get(owned)["metadata"]["ownerReferences"]
    assert [reference["name"] for reference in left] == ["other"]


def test_an_owner_deleted_in_the_foreground_goes_after_what_it_owns():
    house = open_house()
    job = house.job()
    house.settle()
    house.door.delete(job, house.now, foreground=True)
    house.settle()
    assert house.get(job)["metadata"]["deletionTimestamp"]
    pod = house.only_pod()
    assert pod["metadata"]["deletionTimestamp"]
    house.ends(pod, reason="Deleted", message="the Pod was deleted")
    assert house.door.get(job) is None
    assert house.pods() == []


def test_an_orphaning_deletion_leaves_what_was_owned():
    house = open_house()
    owner, owned = family(house)
    held = {"finalizers": ["orphan"], "deletionTimestamp": house.at(0)}
    house.door.change(owner, lambda obj: {**obj, "metadata": {**obj["metadata"], **held}})
    house.settle()
    assert house.door.get(owner) is None
    assert "ownerReferences" not in house.get(owned)["metadata"]


def test_an_owner_of_an_unknown_kind_is_left_alone():
    house = open_house()
    reference = {"apiVersion": "apps/v9", "kind": "Thing", "name": "t", "uid": "u"}
    owned = house.make("", "configmaps", "xyz", "c", meta={"ownerReferences": [reference]})
    house.settle()
    assert house.get(owned)


def test_a_namespace_gets_an_account_that_shows_the_ledger():
    house = open_house()
    key = Key(GROUP, "accounts", "xyz", "account")
    assert house.status(key)["balance"] == "100"
    house.pay("xyz", 5 * 10**9)
    house.wait(3 * SECOND)
    assert house.status(key)["balance"] == "105"
    house.pod()
    house.settle()
    assert house.status(key)["held"] == "0.039999999"


def test_an_account_is_not_written_while_nothing_changes():
    house = open_house()
    key = Key(GROUP, "accounts", "xyz", "account")
    before = house.get(key)["metadata"]["resourceVersion"]
    house.wait(10 * MINUTE)
    assert house.get(key)["metadata"]["resourceVersion"] == before


def test_a_budget_shows_what_is_left_of_it():
    house = open_house()
    key = Key(GROUP, "accounts", "xyz", "account")
    house.door.change(key, lambda obj: {**obj, "spec": {"budget": "1.5"}})
    house.settle()
    assert house.status(key)["budgetLeft"] == "1.5"
    house.pod()
    house.settle()
    house.runs(house.only_pod())
    house.wait(15 * MINUTE)
    house.ends(house.only_pod())
    assert house.status(key)["spentThisMonth"] == "0.01"
    assert house.status(key)["budgetLeft"] == "1.49"


def test_a_deleted_namespace_goes_when_its_contracts_are_settled_and_it_is_empty():
    house = open_house()
    house.job()
    house.make("", "configmaps", "xyz", "c")
    house.settle()
    house.runs(house.only_pod())
    house.wait(MINUTE)
    namespace = Key("", "namespaces", "", "xyz")
    house.door.delete(namespace, house.now)
    house.settle()
    assert house.status(namespace)["phase"] == "Terminating"
    assert house.all("", "configmaps") == []
    assert status_of(house.only_contract())["phase"] == "Running"
    house.ends(house.only_pod(), reason="Deleted", message="the Pod was deleted")
    house.wait(3 * SECOND)
    assert house.door.get(namespace) is None
    assert house.contracts() == []
    assert house.held() == 0
    billed = [s for s in house.store.journal_now() if s.entry.kind == "settle"]
    assert len(billed) == 1


def test_an_unmatched_pod_that_is_deleted_goes_at_once():
    house = open_house()
    key = house.pod(cpu="99")
    house.settle()
    held = {"deletionTimestamp": house.at(0)}
    house.door.change(key, lambda obj: {**obj, "metadata": {**obj["metadata"], **held}})
    house.settle()
    assert house.door.get(key) is None


def test_a_pod_stops_avoiding_nodes_after_a_while():
    house = open_house()
    key = house.pod(cpu="99")
    house.door.change(key, lambda pod: annotate(pod, {"busbar.dev/avoid-nodes": "n1"}))
    house.wait(4 * MINUTE)
    assert "busbar.dev/avoid-nodes" in house.get(key)["metadata"]["annotations"]
    house.wait(2 * MINUTE)
    assert "annotations" not in house.get(key)["metadata"]


def test_an_offer_shows_its_present_price_and_its_nodes():
    house = House()
    house.namespace()
    rules = [{"from": "13:00", "until": "14:00", "pricePerDTU": "0.01"}]
    house.supply(calendar={"timeZone": "UTC", "rules": rules})
    house.settle()
    key = Key(GROUP, "offers", "", "elastx")
    status = house.status(key)
    assert (status["pricePerDTU"], status["nodes"], status["available"]) == ("0.04", 1, True)
    assert status["regions"] == ["Sweden"]
    house.wait(41 * MINUTE)
    assert house.status(key)["pricePerDTU"] == "0.01"


def test_an_offer_that_cannot_be_read_says_why_and_sells_nothing():
    house = open_house()
    house.door.change(
        Key(GROUP, "offers", "", "elastx"),
        lambda obj: {**obj, "spec": {"vendor": "elastx", "pricePerDTU": "-1"}},
    )
    house.pod()
    house.settle()
    status = house.status(Key(GROUP, "offers", "", "elastx"))
    assert status["available"] is False
    assert "spec.pricePerDTU" in status["message"]
    assert house.contracts() == []


def test_events_go_after_an_hour():
    house = open_house()
    house.pod()
    house.settle()
    assert house.events("Scheduled")
    house.wait(HOUR + MINUTE)
    assert house.events("Scheduled") == []


def test_a_secret_goes_at_the_time_it_names():
    house = open_house()
    note = {ANN_EXPIRES: house.at(10 * MINUTE)}
    key = house.make("", "secrets", "xyz", "token", meta={"annotations": note})
    house.wait(9 * MINUTE)
    assert house.door.get(key)
    house.wait(2 * MINUTE)
    assert house.door.get(key) is None


@pytest.mark.parametrize("seconds", [0, 1, 3600])
def test_nothing_is_written_while_nothing_happens(seconds):
    house = open_house()
    house.pod()
    house.settle()
    house.runs(house.only_pod())
    house.wait(3 * SECOND)
    house.exchange.notes.clear()
    house.wait(min(seconds, 1200) * SECOND)
    assert house.exchange.notes == []
    assert [name_of(p) for p in house.pods()] == ["p"]
