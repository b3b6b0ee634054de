"""Nodes: who lives, who is lost, and that nobody is evicted too soon or in masses."""

from __future__ import annotations

from tests.unit.controllers.house import House

from busbar.controllers.parts.leases import lease_key, read_lease
from busbar.model.objects import Key, condition, name_of, spec_of, status_of
from busbar.model.time import MINUTE, SECOND


def node(house: House, name: str = "n1"):
    return house.get(Key("", "nodes", "", name))


def ready(house: House, name: str = "n1") -> str:
    return (condition(node(house, name), "Ready") or {})["status"]


def three_nodes() -> House:
    house = House()
    house.namespace()
    for number in (1, 2, 3):
        house.supply(f"n{number}")
    house.settle()
    return house


def test_a_node_that_renews_its_lease_is_ready():
    house = three_nodes()
    assert ready(house) == "True"
    assert status_of(house.get(Key("busbar.dev", "vendors", "", "elastx")))["nodesReady"] == 3


def test_a_silent_node_is_marked_and_tainted_but_keeps_its_pods_for_the_fencing_time():
    house = three_nodes()
    house.pod()
    house.settle()
    lost = spec_of(house.only_pod())["nodeName"]
    house.alive.discard(lost)
    house.wait(14 * SECOND)
    assert ready(house, lost) == "Unknown"
    assert spec_of(node(house, lost))["taints"][0]["key"] == "node.kubernetes.io/unreachable"
    assert status_of(house.only_pod())["phase"] == "Pending"
    house.wait(10 * SECOND)
    assert status_of(house.only_pod())["reason"] == "NodeLost"
    assert house.events("NodeLost")


def test_a_node_that_comes_back_is_ready_again_and_keeps_its_pods():
    house = three_nodes()
    house.pod()
    house.settle()
    lost = spec_of(house.only_pod())["nodeName"]
    house.alive.discard(lost)
    house.wait(15 * SECOND)
    house.alive.add(lost)
    house.wait(5 * SECOND)
    assert ready(house, lost) == "True"
    assert "taints" not in spec_of(node(house, lost))
    assert status_of(house.only_pod())["phase"] == "Pending"


def test_where_most_nodes_are_lost_at_once_nobody_is_evicted_and_an_alarm_is_raised():
    house = three_nodes()
    house.pod()
    house.settle()
    house.alive.clear()
    house.wait(5 * MINUTE)
    assert status_of(house.only_pod())["phase"] == "Pending"
    assert house.events("MassLoss")
    house.alive.update({"n1", "n2", "n3"})
    house.wait(15 * SECOND)
    assert ready(house) == "True"
    assert (condition(node(house), "EvictionsStopped") or {})["status"] == "False"


def test_silence_while_the_exchange_was_down_is_not_held_against_a_node():
    house = House()
    house.namespace()
    house.supply()
    house.pod()
    house.settle()
    house.exchange.stop()
    house.world.now += 10 * MINUTE
    house.exchange.start()
    house.exchange.work()
    assert ready(house) == "True"
    house.wait(5 * SECOND)
    assert status_of(house.only_pod())["phase"] == "Pending"


def test_a_removed_node_ends_its_pods_after_the_fencing_time():
    house = three_nodes()
    house.pod()
    house.settle()
    name = spec_of(house.only_pod())["nodeName"]
    house.alive.discard(name)
    house.door.delete(Key("", "nodes", "", name), house.now)
    house.settle()
    assert status_of(house.only_pod())["phase"] == "Pending"
    house.wait(25 * SECOND)
    assert status_of(house.only_pod())["reason"] == "NodeLost"
    assert house.door.get(lease_key(name)) is None


def test_a_renewal_from_the_future_counts_as_one_of_now():
    house = House()
    lease = {"spec": {"renewTime": house.at(MINUTE), "leaseDurationSeconds": 10}}
    assert read_lease(lease, house.now).renewed == house.now


def test_a_lease_that_asks_for_too_long_is_cut_and_one_that_cannot_be_read_is_none():
    house = House()
    lease = {"spec": {"renewTime": house.at(0), "leaseDurationSeconds": 10**6}}
    assert read_lease(lease, house.now).duration_ms == 5 * MINUTE
    assert read_lease({"spec": {"renewTime": "soon"}}, house.now) is None


def test_a_lease_of_another_namespace_wakes_no_node():
    house = three_nodes()
    spec = {"renewTime": "2026-11-23T12:00:00Z"}
    house.make("coordination.k8s.io", "leases", "xyz", "leader", spec=spec)
    house.settle()
    assert [name_of(n) for n in house.all("", "nodes")] == ["n1", "n2", "n3"]
