"""Deployments: from one template to the next within the limits, and back again."""

from __future__ import annotations

from itertools import product

from tests.unit.controllers.services import (
    deploy,
    edit,
    live,
    make_ready,
    only_set,
    open_house,
    sets,
    start_all,
    template,
)

from busbar.controllers.deployments.rollout import (
    Counts,
    Limits,
    limits_of,
    next_new,
    next_old,
    while_paused,
)
from busbar.model.objects import annotations_of, condition, labels_of, name_of, spec_of
from busbar.model.time import MINUTE, SECOND

REVISION = "deployment.kubernetes.io/revision"


def told(house, key, kind):
    return condition(house.get(key), kind) or {}


def test_a_new_deployment_has_one_set_of_its_template_and_becomes_available():
    house = open_house()
    key = deploy(house, replicas=3)
    assert told(house, key, "Available")["status"] == "False"
    start_all(house)
    status = house.status(key)
    assert (status["replicas"], status["updatedReplicas"], status["availableReplicas"]) == (3, 3, 3)
    assert status["observedGeneration"] == 1
    assert told(house, key, "Available")["status"] == "True"
    assert told(house, key, "Progressing")["reason"] == "NewReplicaSetAvailable"
    one = house.get(only_set(house))
    assert labels_of(one)["pod-template-hash"] == name_of(one).rpartition("-")[2]
    assert annotations_of(one)[REVISION] == annotations_of(house.get(key))[REVISION] == "1"


def test_a_rolling_update_never_leaves_its_limits():
    house = open_house()
    key = deploy(house, replicas=4)
    start_all(house)
    edit(house, key, template=template("web:2"))
    seen = set()
    for _ in range(60):
        available = sum(ready for _, ready in sets(house).values())
        seen.add((len(live(house)), available))
        waiting = [p for p in live(house) if condition(p, "Ready") is None]
        if waiting:
            make_ready(house, waiting[0])
        for pod in house.pods():
            if "deletionTimestamp" in pod["metadata"]:
                house.report(pod, "Failed", meter={"finishedMs": house.now})
        house.wait(SECOND)
    assert max(pods for pods, _ in seen) == 5
    assert min(available for _, available in seen) == 4
    assert sets(house) == {"web:1": (0, 0), "web:2": (4, 4)}
    assert annotations_of(house.get(key))[REVISION] == "2"


def test_recreate_ends_the_old_pods_before_new_ones_are_made():
    house = open_house()
    key = deploy(house, strategy={"type": "Recreate"})
    start_all(house)
    edit(house, key, template=template("web:2"))
    assert sets(house) == {"web:1": (0, 0)}
    assert live(house) == []
    start_all(house)
    assert sets(house) == {"web:1": (0, 0), "web:2": (2, 2)}


def test_going_back_takes_the_old_set_up_again_under_a_new_revision():
    house = open_house()
    key = deploy(house)
    start_all(house)
    first = only_set(house)
    edit(house, key, template=template("web:2"))
    start_all(house)
    edit(house, key, template=template("web:1"))
    start_all(house)
    assert sets(house) == {"web:1": (2, 2), "web:2": (0, 0)}
    assert annotations_of(house.get(first))[REVISION] == "3"
    assert annotations_of(house.get(key))[REVISION] == "3"


def test_old_revisions_beyond_the_limit_go_when_the_rollout_is_complete():
    house = open_house()
    key = deploy(house, revisionHistoryLimit=1)
    for number in range(2, 5):
        start_all(house)
        edit(house, key, template=template(f"web:{number}"))
    start_all(house)
    assert set(sets(house)) == {"web:3", "web:4"}


def test_a_paused_deployment_does_not_roll_but_scales():
    house = open_house()
    key = deploy(house)
    start_all(house)
    edit(house, key, paused=True, template=template("web:2"))
    start_all(house)
    assert sets(house) == {"web:1": (2, 2)}
    assert told(house, key, "Progressing")["reason"] == "DeploymentPaused"
    edit(house, key, replicas=5)
    start_all(house)
    assert sets(house) == {"web:1": (5, 5)}
    edit(house, key, paused=False)
    start_all(house)
    assert sets(house) == {"web:1": (0, 0), "web:2": (5, 5)}


def test_a_rollout_that_makes_no_progress_says_so_at_its_deadline():
    house = open_house()
    key = deploy(house, progressDeadlineSeconds=60)
    start_all(house)
    edit(house, key, template=template("web:2", **{"busbar.dev/region": "Nowhere"}))
    assert told(house, key, "Progressing")["status"] == "True"
    house.wait(2 * MINUTE)
    failed = told(house, key, "Progressing")
    assert (failed["status"], failed["reason"]) == ("False", "ProgressDeadlineExceeded")
    assert sets(house)["web:1"] == (2, 2)
    assert told(house, key, "Available")["status"] == "True"


def test_a_set_of_its_own_that_was_orphaned_is_adopted():
    house = open_house()
    key = deploy(house)
    start_all(house)
    one = only_set(house)
    assert house.door.change(one, without_owner)
    assert house.door.change(key, lambda obj: {**obj, "metadata": {**obj["metadata"]}})
    edit(house, key, replicas=3)
    start_all(house)
    assert only_set(house) == one
    assert house.get(one)["metadata"]["ownerReferences"][0]["name"] == "web"
    assert sets(house) == {"web:1": (3, 3)}


def without_owner(obj):
    meta = {k: v for k, v in obj["metadata"].items() if k != "ownerReferences"}
    return {**obj, "metadata": meta}


def test_a_taken_name_is_not_written_over():
    house = open_house()
    key = deploy(house, replicas=1)
    start_all(house)
    taken = only_set(house)
    house.door.delete(key, house.now)
    start_all(house)
    foreign = {"replicas": 0, "selector": {"matchLabels": {"app": "x"}}, "template": template()}
    house.make("apps", "replicasets", "xyz", taken.name, spec=foreign)
    again = deploy(house, replicas=1)
    start_all(house)
    assert house.status(again)["collisionCount"] == 1
    assert spec_of(house.get(taken))["replicas"] == 0
    assert house.status(again)["availableReplicas"] == 1


def test_the_arithmetic_always_ends_with_the_new_set_alone_and_never_breaks_a_limit():
    for replicas, surge, gone in product(range(6), range(3), range(3)):
        spec = {
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": surge, "maxUnavailable": gone},
            }
        }
        limits = limits_of({"spec": spec}, replicas)
        new, old = Counts(0, 0), [Counts(1, 0), Counts(replicas, replicas)]
        for _ in range(200):
            start = new.available + sum(one.available for one in old)
            grown = next_new(limits, new, old)
            if grown != new.wanted:
                assert grown + sum(one.wanted for one in old) <= max(
                    limits.most, new.wanted + sum(one.wanted for one in old)
                )
                new = Counts(grown, grown)
                continue
            left = next_old(limits, new, old)
            old = [Counts(n, min(n, one.available)) for n, one in zip(left, old, strict=True)]
            after = new.available + sum(one.available for one in old)
            assert after >= min(start, limits.least)
        assert new.wanted == replicas
        assert all(one.wanted == 0 for one in old)


def test_limits_that_both_round_to_none_still_let_one_go():
    spec = {"strategy": {"rollingUpdate": {"maxSurge": "0%", "maxUnavailable": "10%"}}}
    assert limits_of({"spec": spec}, 3) == Limits(3, 0, 1)


def test_while_paused_a_rollouts_extra_pods_stay_and_a_smaller_scale_takes_the_oldest():
    limits = Limits(4, 1, 0)
    assert while_paused(limits, [Counts(3, 3), Counts(2, 2)]) == [3, 2]
    assert while_paused(Limits(2, 1, 0), [Counts(3, 3), Counts(2, 2)]) == [0, 2]
    assert while_paused(Limits(9, 1, 0), [Counts(3, 3), Counts(2, 2)]) == [3, 6]
