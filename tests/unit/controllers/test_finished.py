"""What has ended goes when its time is over, or when there is too much of it; its bill stays."""

from __future__ import annotations

import pytest
from tests.unit.controllers.house import House

from busbar.model.objects import Key, name_of, owner_reference, status_of
from busbar.model.time import MINUTE, SECOND
from busbar.model.wellknown import GROUP


def open_house(**settings) -> House:
    house = House(**settings)
    house.namespace()
    house.supply(cpu="16")
    return house


def run_to_its_end(house: House, name: str, **meta) -> Key:
    """A Pod that was bought, ran a second and has ended."""
    key = house.pod(name)
    if meta:
        house.door.change(key, lambda pod: {**pod, "metadata": {**pod["metadata"], **meta}})
    house.settle()
    house.runs(house.get(key))
    house.wait(SECOND)
    house.ends(house.get(key))
    return key


def names(house: House) -> list[str]:
    return sorted(name_of(pod) for pod in house.pods())


def test_of_finished_pods_the_latest_are_kept():
    house = open_house(finished_pods_kept=2)
    for name in ("z", "b", "y", "a"):
        run_to_its_end(house, name)
    house.wait(MINUTE)
    assert names(house) == ["a", "y"]


def test_their_contracts_and_entries_stay():
    house = open_house(finished_pods_kept=0)
    run_to_its_end(house, "p")
    before = house.store.journal_now()
    house.wait(MINUTE)
    assert names(house) == []
    assert status_of(house.only_contract())["reason"] == "Completed"
    assert house.store.journal_now() == before


def test_what_waits_or_runs_is_not_counted():
    house = open_house(finished_pods_kept=1)
    house.pod("waits", cpu="99")
    house.settle()
    runs = house.pod("runs")
    house.settle()
    house.runs(house.get(runs))
    run_to_its_end(house, "ended")
    house.wait(MINUTE)
    assert names(house) == ["ended", "runs", "waits"]


def test_a_pod_of_a_living_owner_goes_with_its_owner_only():
    house = open_house(finished_pods_kept=0)
    owner = house.make("", "configmaps", "xyz", "owner")
    reference = owner_reference(house.get(owner))
    run_to_its_end(house, "owned", ownerReferences=[reference])
    house.wait(MINUTE)
    assert names(house) == ["owned"]
    house.door.delete(owner, house.now)
    house.settle()
    assert names(house) == []


def test_an_owner_of_an_unknown_kind_does_not_keep_pods_for_ever():
    house = open_house(finished_pods_kept=0)
    reference = {"apiVersion": "apps/v9", "kind": "Thing", "name": "t", "uid": "u"}
    run_to_its_end(house, "owned", ownerReferences=[reference])
    house.wait(MINUTE)
    assert names(house) == []


def test_a_pod_that_is_not_settled_yet_stays():
    house = open_house(finished_pods_kept=0)
    run_to_its_end(house, "p", finalizers=["example.org/look"])
    house.wait(MINUTE)
    assert names(house) == ["p"]
    assert "deletionTimestamp" not in house.only_pod()["metadata"]


def test_many_go_in_several_decisions(monkeypatch):
    monkeypatch.setattr("busbar.controllers.finished.REMOVED_AT_ONCE", 2)
    house = open_house(finished_pods_kept=1)
    for number in range(6):
        key = house.pod(f"p{number}", cpu="99")
        house.door.change(key, lambda pod: {**pod, "status": {"phase": "Failed"}})
    house.wait(MINUTE)
    assert names(house) == ["p5"]


def batch(house: House, ttl: int | None) -> Key:
    container = {"name": "c", "image": "work", "resources": {"requests": {"cpu": "250m"}}}
    template = {"metadata": {}, "spec": {"containers": [container], "restartPolicy": "Never"}}
    spec = {"template": template, "parallelism": 1, "completions": 1, "backoffLimit": 0}
    if ttl is not None:
        spec["ttlSecondsAfterFinished"] = ttl
    key = house.make("batch", "jobs", "xyz", "b", spec=spec)
    house.settle()
    return key


@pytest.mark.parametrize("code", [0, 1], ids=["succeeded", "failed"])
def test_a_finished_batch_job_goes_after_its_time_with_its_pods(code):
    house = open_house()
    key = batch(house, 60)
    house.wait(5 * MINUTE)
    assert house.get(key), "it has not finished"
    house.ends(house.only_pod(), code)
    house.wait(50 * SECOND)
    assert house.get(key)
    house.wait(20 * SECOND)
    assert house.door.get(key) is None
    assert house.pods() == []
    assert len(house.contracts()) == 1


def test_a_batch_job_that_names_no_time_stays():
    house = open_house()
    key = batch(house, None)
    house.ends(house.only_pod())
    house.wait(10 * MINUTE)
    assert house.get(key)


def test_a_time_of_nothing_means_at_once():
    house = open_house()
    key = batch(house, 0)
    house.ends(house.only_pod())
    assert house.door.get(key) is None


def test_a_time_given_after_the_end_counts_from_the_end():
    house = open_house()
    key = batch(house, None)
    house.ends(house.only_pod())
    house.wait(10 * MINUTE)
    house.door.change(
        key, lambda job: {**job, "spec": {**job["spec"], "ttlSecondsAfterFinished": 60}}
    )
    house.settle()
    assert house.door.get(key) is None


def test_a_job_of_ours_goes_after_its_time_too():
    house = open_house()
    key = house.job(ttlSecondsAfterFinished=60)
    house.settle()
    house.runs(house.only_pod())
    house.ends(house.only_pod())
    house.wait(2 * MINUTE)
    assert house.door.get(key) is None
    assert house.pods() == []
    assert status_of(house.only_contract())["phase"] == "Closed"
    assert house.all(GROUP, "jobs") == []
