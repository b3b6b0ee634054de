"""Disruption budgets: how many Pods may be taken away, kept in their status."""

from __future__ import annotations

from tests.unit.controllers.services import deploy, edit, live, open_house, start_all

from busbar.model.objects import Key, condition, name_of, status_of, with_metadata
from busbar.model.time import MINUTE, SECOND, format_instant


def budget(house, **spec) -> Key:
    spec = {"selector": {"matchLabels": {"app": "web"}}, **spec}
    key = house.make("policy", "poddisruptionbudgets", "xyz", "b", spec=spec)
    house.settle()
    return key


def numbers(house, key):
    status = house.status(key)
    fields = ("expectedPods", "currentHealthy", "desiredHealthy", "disruptionsAllowed")
    return tuple(status[field] for field in fields)


def test_what_is_healthy_beyond_the_least_may_be_taken_away():
    house = open_house()
    deploy(house, replicas=3)
    key = budget(house, minAvailable=2)
    assert numbers(house, key) == (3, 0, 2, 0)
    start_all(house)
    assert numbers(house, key) == (3, 3, 2, 1)
    assert (condition(house.get(key), "DisruptionAllowed") or {})["status"] == "True"


def test_shares_are_of_what_the_deployment_wants_and_rounded_to_the_safe_side():
    house = open_house()
    web = deploy(house, replicas=5)
    key = budget(house, minAvailable="50%")
    start_all(house)
    assert numbers(house, key) == (5, 5, 3, 2)
    house.door.delete(key, house.now)
    key = budget(house, maxUnavailable="30%")
    assert numbers(house, key) == (5, 5, 3, 2)
    edit(house, web, replicas=0)
    start_all(house)
    assert numbers(house, key) == (0, 0, 0, 0)


def test_a_granted_eviction_counts_until_its_pod_is_gone_or_it_is_forgotten():
    house = open_house()
    deploy(house, replicas=3)
    key = budget(house, minAvailable=1)
    start_all(house)
    granted = {name_of(live(house)[0]): format_instant(house.now)}
    assert house.door.change(
        key, lambda obj: {**obj, "status": {**status_of(obj), "disruptedPods": granted}}
    )
    house.wait(SECOND)
    assert numbers(house, key) == (3, 2, 1, 1)
    house.wait(3 * MINUTE)
    assert numbers(house, key) == (3, 3, 1, 2)
    assert "disruptedPods" not in house.status(key)


def test_a_budget_counts_again_when_labels_move_pods_out_of_it():
    house = open_house()
    deploy(house, replicas=2)
    key = budget(house, minAvailable=1, selector={"matchLabels": {"tier": "front"}})
    start_all(house)
    assert numbers(house, key) == (0, 0, 1, 0)
    pod = live(house)[0]
    where = Key("", "pods", "xyz", name_of(pod))
    labels = {**pod["metadata"]["labels"], "tier": "front"}
    assert house.door.change(where, lambda obj: with_metadata(obj, labels=labels))
    house.settle()
    assert numbers(house, key) == (1, 1, 1, 0)
