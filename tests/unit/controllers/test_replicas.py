"""ReplicaSets: so many Pods, each an order; adoption, scale, losses, failures."""

from __future__ import annotations

from tests.unit.controllers.services import (
    deploy,
    edit,
    live,
    make_ready,
    only_set,
    open_house,
    start_all,
    template,
)

from busbar.controllers.replicas.choice import deletion_cost, first_to_go
from busbar.model.objects import Key, annotations_of, controller_of, name_of, spec_of
from busbar.model.time import MINUTE, SECOND


def replica_set(house, name="web", replicas=2, **spec):
    whole = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": "web"}},
        "template": template(),
        **spec,
    }
    key = house.make("apps", "replicasets", "xyz", name, spec=whole)
    house.settle()
    return key


def test_as_many_pods_as_wanted_each_with_a_contract_of_its_own():
    house = open_house()
    key = replica_set(house, replicas=3, template=template(**{"busbar.dev/region": "Sweden"}))
    pods = live(house)
    assert len(pods) == 3
    assert all(annotations_of(pod)["busbar.dev/region"] == "Sweden" for pod in pods)
    assert {spec_of(c)["order"]["name"] for c in house.contracts()} == set(map(name_of, pods))
    assert all((controller_of(pod) or {})["name"] == "web" for pod in pods)
    start_all(house)
    status = house.status(key)
    assert (status["replicas"], status["readyReplicas"], status["availableReplicas"]) == (3, 3, 3)


def test_scaling_down_takes_first_who_has_no_place_and_who_is_not_ready():
    house = open_house()
    key = replica_set(house, replicas=2)
    start_all(house)
    old = {name_of(pod) for pod in live(house)}
    edit(house, key, replicas=4)
    edit(house, key, replicas=2)
    assert {name_of(pod) for pod in live(house)} == old
    edit(house, key, replicas=0)
    start_all(house)
    assert house.pods() == []
    assert house.held() == 0


def test_a_deleted_pod_is_made_again():
    house = open_house()
    replica_set(house)
    start_all(house)
    victim = live(house)[0]
    house.door.delete(Key("", "pods", "xyz", name_of(victim)), house.now)
    start_all(house)
    names = {name_of(pod) for pod in live(house)}
    assert len(names) == 2
    assert name_of(victim) not in names


def test_pods_count_as_available_only_after_min_ready_seconds():
    house = open_house()
    key = replica_set(house, replicas=1, minReadySeconds=30)
    make_ready(house, live(house)[0])
    house.settle()
    assert "availableReplicas" not in house.status(key)
    house.wait(31 * SECOND)
    assert house.status(key)["availableReplicas"] == 1


def test_orphans_that_it_selects_are_adopted_and_strangers_released():
    house = open_house()
    meta = {"labels": {"app": "web"}}
    pod_spec = template()["spec"]
    lone = house.make("", "pods", "xyz", "lone", meta=meta, spec=pod_spec, status={})
    house.settle()
    replica_set(house)
    assert (controller_of(house.get(lone)) or {})["name"] == "web"
    assert len(live(house)) == 2
    late = house.make("", "pods", "xyz", "late", meta=meta, spec=pod_spec, status={})
    house.settle()
    assert len(live(house)) == 2
    assert house.door.get(late) is None or controller_of(house.get(late))
    assert house.door.change(lone, lambda pod: relabelled(pod, {"app": "other"}))
    house.settle()
    assert controller_of(house.get(lone)) is None
    assert len([p for p in live(house) if controller_of(p)]) == 2


def relabelled(pod, labels):
    return {**pod, "metadata": {**pod["metadata"], "labels": labels}}


def test_a_pod_that_lost_its_node_is_replaced_at_once_away_from_it():
    house = open_house()
    house.supply(node="n2", cpu="64")
    key = replica_set(house, replicas=1)
    start_all(house)
    node = spec_of(live(house)[0])["nodeName"]
    house.alive.discard(node)
    house.wait(MINUTE)
    (pod,) = live(house)
    assert spec_of(pod)["nodeName"] != node
    assert annotations_of(pod)["busbar.dev/losses"] == "1"
    start_all(house)
    assert house.status(key)["availableReplicas"] == 1
    assert [p for p in house.pods() if name_of(p) != name_of(pod)] == []


def test_pods_that_end_by_themselves_are_replaced_after_a_pause_that_doubles():
    house = open_house()
    replica_set(house, replicas=1)
    house.ends(live(house)[0], code=1)
    assert live(house) == []
    house.wait(10 * SECOND)
    assert len(live(house)) == 1
    house.ends(live(house)[0], code=1)
    house.wait(12 * SECOND)
    assert live(house) == []
    house.wait(8 * SECOND)
    assert len(live(house)) == 1


def test_an_empty_balance_leaves_one_waiting_pod_and_no_stream_of_new_ones():
    house = open_house()
    house.make("", "namespaces", "", "poor")
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template()}
    house.make("apps", "replicasets", "poor", "web", spec=spec)
    house.wait(2 * MINUTE)
    assert len(house.pods()) == 1
    told = house.only_pod()["status"]["conditions"][0]
    assert told["reason"] == "InsufficientFunds"
    assert len(house.events("SuccessfulCreate")) == 1


def test_what_a_deletion_costs_is_what_its_author_says():
    def costs(text):
        return {"metadata": {"annotations": {"controller.kubernetes.io/pod-deletion-cost": text}}}

    assert deletion_cost(costs("-5")) == -5
    assert deletion_cost(costs("nonsense")) == deletion_cost(costs("99999999999")) == 0
    cheap, dear = costs("1"), costs("2")
    assert first_to_go([dear, cheap], 1) == [cheap]


def test_deleting_a_deployment_in_the_background_takes_sets_and_pods_with_it():
    house = open_house()
    key = deploy(house)
    start_all(house)
    assert house.get(only_set(house))
    house.door.delete(key, house.now)
    start_all(house)
    assert house.all("apps", "replicasets") == house.pods() == []
    assert house.held() == 0


def test_deleting_in_the_foreground_waits_for_the_pods():
    house = open_house()
    key = deploy(house)
    start_all(house)
    house.door.delete(key, house.now, foreground=True)
    house.settle()
    assert house.door.get(key) is not None
    start_all(house)
    assert house.door.get(key) is None
    assert house.pods() == []
