"""Jobs of batch/v1, as Kubernetes runs them."""

from __future__ import annotations

from tests.unit.controllers.house import House

from busbar.controllers.batch.indexes import format_indexes, parse_indexes
from busbar.model.objects import Key, annotations_of, condition, labels_of, name_of, spec_of
from busbar.model.time import SECOND


def batch(house: House, restart: str = "Never", **spec) -> Key:
    container = {"name": "c", "image": "work", "resources": {"requests": {"cpu": "250m"}}}
    template = {
        "metadata": {"labels": {"app": "x"}, "annotations": {"busbar.dev/region": "Sweden"}},
        "spec": {"containers": [container], "restartPolicy": restart},
    }
    spec = {"template": template, "parallelism": 1, "completions": 1, **spec}
    key = house.make("batch", "jobs", "xyz", "b", spec=spec)
    house.settle()
    return key


def open_house(**settings) -> House:
    house = House(**settings)
    house.namespace()
    house.supply(cpu="16")
    return house


def live(house: House) -> list:
    return [p for p in house.pods() if p["status"]["phase"] in ("Pending", "Running")]


def test_pods_carry_the_jobs_labels_and_the_templates_market_terms():
    house = open_house()
    job = house.get(batch(house))
    pod = house.only_pod()
    labels = labels_of(pod)
    assert labels["batch.kubernetes.io/job-name"] == labels["job-name"] == "b"
    assert labels["batch.kubernetes.io/controller-uid"] == job["metadata"]["uid"]
    assert labels["app"] == "x"
    assert annotations_of(pod)["busbar.dev/region"] == "Sweden"
    assert job["status"]["active"] == 1
    assert job["status"]["startTime"]


def test_completions_run_with_the_given_parallelism():
    house = open_house()
    key = batch(house, parallelism=2, completions=3)
    assert len(live(house)) == 2
    for _ in range(3):
        house.ends(live(house)[0])
    status = house.status(key)
    assert status["succeeded"] == 3
    assert "active" not in status
    assert (condition(house.get(key), "Complete") or {})["status"] == "True"
    assert (condition(house.get(key), "SuccessCriteriaMet") or {})["status"] == "True"
    assert status["completionTime"]
    assert all("finalizers" not in pod["metadata"] for pod in house.pods())


def test_a_work_queue_is_complete_when_one_succeeded_and_none_runs():
    house = open_house()
    key = batch(house, parallelism=2, completions=None)
    first, second = live(house)
    house.ends(first)
    assert condition(house.get(key), "Complete") is None
    assert len(live(house)) == 1
    house.ends(second)
    assert (condition(house.get(key), "Complete") or {})["status"] == "True"


def test_indexed_jobs_run_each_index_once():
    house = open_house()
    key = batch(house, parallelism=3, completions=3, completionMode="Indexed")
    indexes = {annotations_of(p)["batch.kubernetes.io/job-completion-index"] for p in live(house)}
    assert indexes == {"0", "1", "2"}
    pod = next(p for p in live(house) if name_of(p).startswith("b-1-"))
    assert {"name": "JOB_COMPLETION_INDEX", "value": "1"} in spec_of(pod)["containers"][0]["env"]
    assert spec_of(pod)["hostname"] == "b-1"
    house.ends(pod)
    assert house.status(key)["completedIndexes"] == "1"
    for pod in live(house):
        house.ends(pod)
    assert house.status(key)["completedIndexes"] == "0-2"
    assert (condition(house.get(key), "Complete") or {})["status"] == "True"


def test_failures_are_retried_after_a_pause_until_the_backoff_limit():
    house = open_house()
    key = batch(house, backoffLimit=1)
    house.ends(house.only_pod(), code=1)
    assert live(house) == []
    house.wait(11 * SECOND)
    house.ends(live(house)[0], code=1)
    failed = condition(house.get(key), "Failed") or {}
    assert failed["reason"] == "BackoffLimitExceeded"
    assert house.status(key)["failed"] == 2


def test_restarts_of_containers_count_towards_the_limit():
    house = open_house()
    key = batch(house, restart="OnFailure", backoffLimit=2)
    state = {"name": "c", "restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    house.report(house.only_pod(), "Running", containerStatuses=[state])
    house.settle()
    assert (condition(house.get(key), "Failed") or {})["reason"] == "BackoffLimitExceeded"
    assert house.only_pod()["metadata"]["deletionTimestamp"]


def test_a_lost_node_is_no_failure_and_its_successor_avoids_it():
    house = open_house()
    house.supply("n2", cpu="16")
    key = batch(house, backoffLimit=0)
    lost = spec_of(house.only_pod())["nodeName"]
    house.runs(house.only_pod())
    house.alive.discard(lost)
    house.wait(30 * SECOND)
    (fresh,) = live(house)
    assert spec_of(fresh)["nodeName"] != lost
    assert "failed" not in house.status(key)


def test_a_suspended_job_has_no_pods_until_it_is_resumed():
    house = open_house()
    key = batch(house, suspend=True)
    assert house.pods() == []
    assert (condition(house.get(key), "Suspended") or {})["status"] == "True"
    house.door.change(key, lambda job: {**job, "spec": {**job["spec"], "suspend": False}})
    house.settle()
    assert len(live(house)) == 1
    assert (condition(house.get(key), "Suspended") or {})["status"] == "False"
    house.door.change(key, lambda job: {**job, "spec": {**job["spec"], "suspend": True}})
    house.settle()
    assert house.only_pod()["metadata"]["deletionTimestamp"]
    assert "startTime" not in house.status(key)


def test_an_active_deadline_fails_the_job_and_stops_its_pods():
    house = open_house()
    key = batch(house, activeDeadlineSeconds=60)
    house.wait(61 * SECOND)
    assert (condition(house.get(key), "Failed") or {})["reason"] == "DeadlineExceeded"
    assert house.only_pod()["metadata"]["deletionTimestamp"]


def test_less_parallelism_deletes_pods_that_wait_first():
    house = House()
    house.namespace()
    house.supply(cpu="250m")
    key = batch(house, parallelism=2, completions=4)
    waiting = next(p for p in live(house) if "nodeName" not in spec_of(p))
    house.door.change(key, lambda job: {**job, "spec": {**job["spec"], "parallelism": 1}})
    house.settle()
    assert name_of(waiting) not in [name_of(p) for p in house.pods()]
    assert len(live(house)) == 1


def test_a_finished_job_goes_after_its_ttl_and_frees_its_pods():
    house = open_house()
    key = batch(house, ttlSecondsAfterFinished=20)
    house.ends(house.only_pod())
    house.wait(25 * SECOND)
    assert house.door.get(key) is None
    assert house.pods() == []


def test_a_restarted_exchange_counts_nothing_twice():
    house = open_house()
    key = batch(house, parallelism=1, completions=3)
    house.ends(live(house)[0])
    for _ in range(3):
        house.exchange.stop()
        house.exchange.start()
        house.settle()
    assert house.status(key)["succeeded"] == 1
    assert len(live(house)) == 1


def test_indexes_are_written_as_ranges_and_read_back():
    assert format_indexes([5, 1, 3, 4]) == "1,3-5"
    assert parse_indexes("1,3-5") == frozenset({1, 3, 4, 5})
    assert parse_indexes("") == frozenset()
