"""Every contract ends for one of the listed reasons, and it is known whose doing that was."""

from __future__ import annotations

import pytest
from tests.unit.controllers.house import House

from busbar.controllers.close import DOING, SENTENCES, CloseReason
from busbar.controllers.jobs.outcome import LOST_REASONS
from busbar.model.objects import Key, annotations_of, name_of, spec_of, status_of
from busbar.model.time import HOUR, MINUTE, SECOND
from busbar.model.wellknown import LABEL_ZONE


def cloud(nodes: int = 1, **settings) -> House:
    house = House(**settings)
    house.namespace()
    for number in range(1, nodes + 1):
        house.supply(f"n{number}")
    house.settle()
    return house


def works(house: House) -> str:
    """Give the node on which the only pod runs from now on."""
    house.pod()
    house.settle()
    house.runs(house.only_pod())
    return str(spec_of(house.only_pod())["nodeName"])


def reason(house: House) -> str:
    status = status_of(house.only_contract())
    assert status["phase"] == "Closed"
    assert status["message"]
    return str(status["reason"])


def test_every_reason_has_a_sentence_and_somebody_whose_doing_it_was():
    assert set(SENTENCES) == set(DOING) == set(CloseReason)


@pytest.mark.parametrize(
    ("said", "closed"),
    [
        ("RuntimeFailed", "NodeFault"),
        ("DiskFull", "NodeFault"),
        ("AgentFault", "NodeFault"),
        ("NodeRestarted", "NodeLost"),
        ("LeaseLost", "NodeLost"),
        ("NodeDrained", "WithdrawnEarly"),
        ("StaleEpoch", "OutOfReach"),
        ("OOMKilled", "Failed"),
        ("Evicted", "Failed"),
        ("Error", "Failed"),
        ("ImageNotFound", "Failed"),
    ],
)
def test_what_a_node_says_of_a_workload_is_the_contracts_reason(said, closed):
    house = cloud()
    works(house)
    house.wait(MINUTE)
    house.ends(house.only_pod(), code=1, reason=said, message="it ended")
    assert reason(house) == closed
    assert (said in LOST_REASONS) == (closed != "Failed")


def test_what_was_delivered_before_a_loss_is_billed_and_no_more():
    house = cloud()
    works(house)
    house.wait(15 * MINUTE)
    house.ends(house.only_pod(), code=1, reason="NodeRestarted", message="it restarted")
    assert status_of(house.only_contract())["billedNano"] == 10_000_000
    assert house.held() == 0


@pytest.mark.parametrize("silent_ms", [5 * SECOND, 9 * SECOND])
def test_a_contract_outlives_a_silence_of_all_nodes_shorter_than_their_lease(silent_ms):
    house = cloud(nodes=2)
    works(house)
    lost = set(house.alive)
    house.alive.clear()
    house.wait(silent_ms)
    house.alive.update(lost)
    house.wait(2 * MINUTE)
    assert status_of(house.only_contract())["phase"] == "Running"
    assert not house.events("NodeLost")


def test_nobody_is_to_blame_where_most_nodes_were_out_of_reach_even_briefly():
    house = cloud(nodes=3)
    works(house)
    house.wait(MINUTE)
    lost = set(house.alive)
    house.alive.clear()
    house.wait(14 * SECOND)
    ended = house.now - 4 * SECOND
    house.alive.update(lost)
    house.wait(5 * SECOND)
    house.report(
        house.only_pod(), "Failed", reason="LeaseLost", message="m", meter={"finishedMs": ended}
    )
    house.settle()
    assert reason(house) == "OutOfReach"


def test_one_silent_node_of_three_is_its_vendors_affair():
    house = cloud(nodes=3)
    lost = works(house)
    house.alive.discard(lost)
    house.wait(30 * SECOND)
    assert reason(house) == "NodeLost"


def test_what_ended_while_the_exchange_was_away_is_the_exchanges():
    house = cloud()
    works(house)
    house.exchange.stop()
    ended = house.now + 10 * SECOND
    house.world.now += 10 * MINUTE
    house.exchange.start()
    house.renew()
    house.report(
        house.only_pod(), "Failed", reason="LeaseLost", message="m", meter={"finishedMs": ended}
    )
    house.settle()
    assert reason(house) == "OutOfReach"


def test_a_restarted_exchange_gives_a_late_start_its_time_again():
    house = cloud()
    house.pod()
    house.settle()
    house.exchange.stop()
    house.world.now += HOUR // 3
    house.exchange.start()
    house.settle()
    assert "deletionTimestamp" not in house.only_pod()["metadata"]
    house.runs(house.only_pod())
    assert status_of(house.only_contract())["phase"] == "Running"


def test_a_node_that_tried_and_could_not_start_it_is_not_to_blame():
    house = cloud()
    house.pod()
    house.settle()
    waiting = {"waiting": {"reason": "ImageUnreachable"}}
    told = [{"name": "main", "state": waiting}]
    house.report(house.only_pod(), "Pending", containerStatuses=told)
    house.wait(16 * MINUTE)
    house.ends(house.only_pod(), reason="Deleted", message="the Pod was deleted")
    assert reason(house) == "NeverStarted"


def reserved_for_three(house: House) -> None:
    rules = [{"from": "15:00", "until": "16:00", "pricePerDTU": "0.01"}]
    house.supply(cpu="1", calendar={"timeZone": "UTC", "rules": rules})
    waits = {"busbar.dev/may-wait": "true", "busbar.dev/not-after": house.at(8 * HOUR)}
    house.pod(**waits)
    house.settle()
    assert status_of(house.only_contract())["phase"] == "Reserved"


def test_a_reserved_slot_outlives_a_silence_at_its_very_start():
    house = House()
    house.namespace()
    reserved_for_three(house)
    house.wait(2 * HOUR + 39 * MINUTE + 40 * SECOND)
    house.alive.clear()
    house.wait(24 * SECOND)
    assert status_of(house.only_contract())["phase"] == "Reserved"
    house.alive.add("n1")
    house.wait(10 * SECOND)
    assert status_of(house.only_contract())["phase"] == "Bound"


def test_a_reserved_slot_whose_node_stays_silent_is_given_up():
    house = House()
    house.namespace()
    reserved_for_three(house)
    house.wait(2 * HOUR + 39 * MINUTE)
    house.alive.clear()
    house.wait(2 * MINUTE)
    assert reason(house) == "NodeLost"


def test_a_node_that_an_operator_removed_costs_its_vendor_nothing():
    house = cloud()
    name = works(house)
    house.alive.clear()
    house.door.delete(Key("", "nodes", "", name), house.now)
    house.wait(30 * SECOND)
    assert reason(house) == "OutOfReach"


# Away from the node, and from what fails with it.


def zoned(*zones: str) -> House:
    house = House()
    house.namespace()
    for number, zone in enumerate(zones, 1):
        house.supply(f"n{number}", cpu="1")
        key = Key("", "nodes", "", f"n{number}")
        labels = {LABEL_ZONE: zone} if zone else {}
        house.door.change(key, lambda obj, new=labels: _labelled(obj, new))
    house.settle()
    return house


def _labelled(obj, labels):
    meta = obj["metadata"]
    return {**obj, "metadata": {**meta, "labels": {**meta["labels"], **labels}}}


def lost_from(house: House) -> tuple[str, dict[str, str]]:
    """Lose the node of a job; give its name and the annotations of the pod that follows."""
    before = {name_of(p) for p in house.pods()}
    house.job()
    house.settle()
    (pod,) = (p for p in house.pods() if name_of(p) not in before)
    house.runs(pod)
    node = str(spec_of(pod)["nodeName"])
    house.ends(pod, code=1, reason="NodeRestarted", message="it restarted")
    before.add(name_of(pod))
    (after,) = (p for p in house.pods() if name_of(p) not in before)
    return node, annotations_of(after)


def test_a_lost_job_keeps_away_from_the_node_and_for_a_while_from_its_zone():
    house = zoned("a", "a", "b")
    node, notes = lost_from(house)
    zone = "b" if node == "n3" else "a"
    assert notes["busbar.dev/avoid-nodes"] == f"{node},{LABEL_ZONE}={zone}"
    bound = [p for p in house.pods() if status_of(p).get("phase") == "Pending"]
    assert all(spec_of(p)["nodeName"] in {"n3"} - {node} for p in bound if zone == "a")


def waiting_pod(house: House):
    (pod,) = (p for p in house.pods() if status_of(p).get("phase") == "Pending")
    return pod


def test_the_zone_is_avoided_for_less_time_than_the_node():
    house = zoned("a", "a", "b")
    house.pod("filler", **{"busbar.dev/avoid-nodes": "n1,n2"})
    house.settle()
    house.runs(house.only_pod())
    node, _ = lost_from(house)
    other = {"n1": "n2", "n2": "n1"}[node]
    assert "nodeName" not in spec_of(waiting_pod(house))
    told = status_of(waiting_pod(house))["conditions"][0]["message"]
    assert "avoided for a while" in told
    house.wait(2 * MINUTE + 5 * SECOND)
    assert spec_of(waiting_pod(house))["nodeName"] == other


def test_a_zone_that_holds_all_that_is_ready_is_not_avoided():
    house = zoned("a", "a")
    node, notes = lost_from(house)
    assert notes["busbar.dev/avoid-nodes"] == node
    assert spec_of(waiting_pod(house))["nodeName"] != node


def test_a_node_may_be_used_again_in_the_end():
    house = zoned("a")
    node, _ = lost_from(house)
    assert "nodeName" not in spec_of(waiting_pod(house))
    house.wait(5 * MINUTE + 5 * SECOND)
    assert spec_of(waiting_pod(house))["nodeName"] == node
