"""One Pod's life: from the cloud's word to a clean machine, through every fault."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.agent.conftest import START, UID, Node, deleting, pod

from busbar.agent.api import ApiRefused
from busbar.agent.refusals import PodRefused, Reason
from busbar.agent.runtimes.contract import Use
from busbar.agent.runtimes.fake import Behaviour
from busbar.model.objects import Object

PATH = "/api/v1/namespaces/xyz/pods/p"
TWO = [{"name": "main", "image": "i", "command": ["a"]}, {"name": "side", "image": "i"}]


def phases(node: Node) -> list[str]:
    """The phases that were reported, without repetitions."""
    seen: list[str] = []
    for status in node.api.statuses:
        if not seen or seen[-1] != status["phase"]:
            seen.append(status["phase"])
    return seen


def last(node: Node) -> Object:
    return node.api.statuses[-1]


def main_state(node: Node) -> Object:
    found: Object = last(node)["containerStatuses"][0]["state"]
    return found


# -- the ordinary life --------------------------------------------------------------------------


async def test_a_pod_runs_ends_and_leaves_a_clean_machine(node: Node) -> None:
    node.machine.default = Behaviour(exits_after_ms=5000)
    await node.run(pod())
    assert phases(node) == ["Running"]
    assert main_state(node)["running"]
    await node.passes(5)
    assert phases(node) == ["Running", "Succeeded"]
    assert main_state(node)["terminated"]["exitCode"] == 0
    assert last(node)["busbar"] == {
        "epoch": 1, "observedMs": START + 5000, "startedMs": START, "finishedMs": START + 5000
    }  # fmt: skip
    await node.turn()
    assert not node.machine.containers
    assert not node.machine.sandboxes
    assert UID in node.pods.workers  # Its object and its logs are still there.


async def test_a_failure_is_reported_with_its_code(node: Node) -> None:
    node.machine.default = Behaviour(exits_after_ms=0, exit_code=3)
    await node.run(pod())
    assert last(node)["phase"] == "Failed"
    assert last(node)["reason"] == "Error"
    assert "exit code 3" in last(node)["message"]


async def test_lack_of_memory_is_named(node: Node) -> None:
    node.machine.default = Behaviour(exits_after_ms=0, out_of_memory=True)
    await node.run(pod())
    assert last(node)["reason"] == "OOMKilled"
    assert main_state(node)["terminated"]["reason"] == "OOMKilled"


async def test_a_deleted_pod_is_stopped_confirmed_and_forgotten(node: Node) -> None:
    await node.run(pod())
    node.worker().update(deleting(pod()))
    await node.until(lambda: UID not in node.pods.workers)
    assert node.api.deleted == [PATH]
    assert not node.machine.containers
    assert not node.records.folder(UID).exists()
    assert node.api.told[-1][2]["preconditions"] == {"uid": UID}


async def test_a_pod_that_the_cloud_no_longer_knows_is_stopped_without_a_word(node: Node) -> None:
    await node.run(pod())
    told = len(node.api.told)
    node.worker().update(None)
    await node.until(lambda: UID not in node.pods.workers)
    assert not node.machine.containers
    assert len(node.api.told) == told


async def test_deletion_waits_for_the_grace(node: Node) -> None:
    node.machine.default = Behaviour(ignores_term=True)
    await node.run(pod())
    node.worker().update(deleting(pod(), grace=15))
    for _ in range(3):
        await asyncio.sleep(0.001)
    node.clock.advance(14)
    node.machine.settle()
    await asyncio.sleep(0.001)
    assert node.api.deleted == []
    node.clock.advance(1)
    node.machine.settle()
    await node.until(lambda: UID not in node.pods.workers)
    assert node.api.deleted == [PATH]


async def test_a_shorter_grace_hurries_a_deletion(node: Node) -> None:
    node.machine.default = Behaviour(ignores_term=True)
    await node.run(pod())
    node.worker().update(deleting(pod(), grace=3600))
    await asyncio.sleep(0.001)
    node.worker().update(deleting(pod(), grace=0))
    await node.until(lambda: UID not in node.pods.workers)


async def test_a_force_deletion_does_not_wait_for_the_grace(node: Node) -> None:
    node.machine.default = Behaviour(ignores_term=True)
    await node.run(pod())
    node.worker().update(deleting(pod(), grace=3600))
    await asyncio.sleep(0.001)
    node.worker().update(None)
    await node.until(lambda: UID not in node.pods.workers)
    assert not node.machine.containers


# -- reports ------------------------------------------------------------------------------------


async def test_nothing_is_reported_twice(node: Node) -> None:
    await node.run(pod())
    reported = len(node.api.statuses)
    for _ in range(5):
        await node.turn()
    node.clock.advance(2)
    await node.turn()
    assert len(node.api.statuses) == reported


async def test_use_is_reported_every_ten_seconds_while_it_runs(node: Node) -> None:
    node.machine.default = Behaviour(use=Use(1500, 4096))
    await node.run(pod())
    reported = len(node.api.statuses)
    await node.passes(9)
    assert len(node.api.statuses) == reported
    await node.passes(1)
    assert len(node.api.statuses) == reported + 1
    assert last(node)["busbar"]["cpuMs"] == 1500
    assert last(node)["busbar"]["memoryPeakBytes"] == 4096


async def test_what_has_ended_is_reported_once(node: Node) -> None:
    node.machine.default = Behaviour(exits_after_ms=0)
    await node.run(pod())
    await node.turn()
    reported = len(node.api.statuses)
    await node.passes(3600)
    assert len(node.api.statuses) == reported


async def test_conditions_keep_their_time(node: Node) -> None:
    await node.run(pod())
    first = {c["type"]: c["lastTransitionTime"] for c in last(node)["conditions"]}
    await node.passes(11)
    assert {c["type"]: c["lastTransitionTime"] for c in last(node)["conditions"]} == first


async def test_a_report_that_was_not_taken_is_repeated(node: Node) -> None:
    await node.lease.renew()
    node.api.is_reachable = False
    node.hear(pod())
    await node.until(lambda: node.worker().turns > 0)
    assert node.api.statuses == []
    node.api.is_reachable = True
    await node.passes(2)
    assert phases(node) == ["Running"]


async def test_a_status_of_a_vanished_pod_ends_it(node: Node) -> None:
    node.api.refused["/status"] = ApiRefused(404, "NotFound", "gone")
    await node.lease.renew()
    node.hear(pod())
    await node.until(lambda: UID not in node.pods.workers)
    assert not node.machine.containers


# -- refusals and faults ------------------------------------------------------------------------


async def test_a_refused_image_reaches_the_status(node: Node) -> None:
    node.images.refusal = PodRefused(Reason.IMAGE_NOT_FOUND, "image busybox: there is none")
    await node.run(pod())
    await node.turn()
    assert last(node)["phase"] == "Failed"
    assert last(node)["reason"] == "ImageNotFound"
    assert last(node)["message"] == "image busybox: there is none"
    assert "startedMs" not in last(node)["busbar"]
    assert not node.machine.sandboxes


async def test_a_passing_refusal_is_tried_again(node: Node) -> None:
    node.images.refusal = PodRefused(Reason.BUCKET_UNREACHABLE, "not now", retry=True)
    await node.run(pod())
    await node.turn()
    assert (last(node)["phase"], last(node)["reason"]) == ("Pending", "BucketUnreachable")
    node.images.refusal = None
    await node.passes(6)
    assert (last(node)["phase"], last(node)["reason"]) == ("Running", None)


async def test_a_sandbox_that_fails_is_tried_again(node: Node) -> None:
    node.machine.prepare_fails = "no addresses are left"
    await node.run(pod())
    await node.turn()
    assert (last(node)["phase"], last(node)["reason"]) == ("Pending", "RuntimeFailed")
    assert last(node)["message"] == "no addresses are left"
    node.machine.prepare_fails = ""
    await node.passes(6)
    assert phases(node)[-1] == "Running"


async def test_a_wrong_command_fails_the_pod_and_ends_its_siblings(node: Node) -> None:
    node.machine.behaviours["side"] = Behaviour(start_fails="nosuch", not_executable=True)
    await node.run(pod(containers=TWO))
    await node.turn()
    assert (last(node)["phase"], last(node)["reason"]) == ("Failed", "InvalidPod")
    assert "side" in last(node)["message"]
    assert main_state(node)["terminated"]
    assert last(node)["busbar"]["finishedMs"] == START
    assert not node.machine.containers


async def test_a_fault_of_the_agent_does_not_end_what_runs(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    await node.run(pod())

    def fault(_: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(node.runtime, "use", fault)
    for _ in range(10):
        await node.turn()
    assert len(node.machine.started) == 1
    assert len(node.machine.containers) == 1
    monkeypatch.undo()
    await node.passes(11)
    assert phases(node) == ["Running"]
    assert last(node)["reason"] is None


async def test_a_lasting_fault_before_the_start_fails_the_pod(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(node.runtime, "start", fault)
    await node.run(pod())
    await node.turn()
    assert (last(node)["phase"], last(node)["reason"]) == ("Pending", "DiskFull")
    for _ in range(5):
        await node.passes(6)
    assert (last(node)["phase"], last(node)["reason"]) == ("Failed", "DiskFull")


@pytest.mark.parametrize("note", ["busbar.dev/contract", "busbar.dev/epoch"])
async def test_a_pod_without_contract_is_not_run(node: Node, note: str) -> None:
    bound = pod()
    del bound["metadata"]["annotations"][note]
    await node.run(bound)
    await node.turn()
    assert last(node)["reason"] == "InvalidPod"
    assert node.machine.started == []


async def test_deletion_while_the_image_is_fetched_does_not_wait_for_it(node: Node) -> None:
    node.images.gate = asyncio.Event()
    await node.lease.renew()
    node.hear(pod())
    await asyncio.sleep(0.001)
    node.worker().update(deleting(pod()))
    await node.until(lambda: UID not in node.pods.workers)
    assert node.images.cancelled == 1
    assert node.machine.started == []
    assert not node.machine.sandboxes


async def test_a_refused_image_leaves_nothing_going_on(node: Node) -> None:
    node.images.gate = asyncio.Event()
    node.machine.prepare_fails = "no"
    await node.run(pod())
    assert node.images.cancelled == 1


# -- epochs -------------------------------------------------------------------------------------


async def test_a_late_word_of_an_ended_contract_does_nothing(node: Node) -> None:
    await node.run(pod(epoch=5))
    node.worker().update(pod(epoch=4))
    await node.turn()
    assert phases(node) == ["Running"]
    assert last(node)["busbar"]["epoch"] == 5


async def test_a_newer_epoch_is_reported(node: Node) -> None:
    await node.run(pod(epoch=5))
    node.worker().update(pod(epoch=6))
    await node.turn()
    assert last(node)["busbar"]["epoch"] == 6


async def test_an_epoch_seen_in_an_earlier_life_counts(node: Node) -> None:
    await node.run(pod(epoch=5))
    await node.die()
    await node.run(pod(epoch=4))
    await node.turn()
    assert last(node)["reason"] == "StaleEpoch"


# -- restarts and order of containers -----------------------------------------------------------


async def test_a_failing_container_is_started_again_with_growing_pauses(node: Node) -> None:
    node.machine.default = Behaviour(exits_after_ms=0, exit_code=1)
    await node.run(pod(restartPolicy="OnFailure"))
    await node.turn()  # The first time at once.
    assert len(node.machine.started) == 2
    for pause in (10, 20, 40):
        count = len(node.machine.started)
        await node.turn()
        await node.passes(pause - 1)
        assert len(node.machine.started) == count
        await node.passes(1)
        assert len(node.machine.started) == count + 1
    assert [spec.attempt for spec in node.machine.started] == [0, 1, 2, 3, 4]
    assert last(node)["containerStatuses"][0]["restartCount"] == 4
    assert phases(node) == ["Running"]


async def test_success_is_not_repeated_on_failure_only(node: Node) -> None:
    node.machine.default = Behaviour(exits_after_ms=0)
    await node.run(pod(restartPolicy="OnFailure"))
    await node.passes(60)
    assert len(node.machine.started) == 1
    assert phases(node)[-1] == "Succeeded"


async def test_always_means_after_success_too(node: Node) -> None:
    node.machine.default = Behaviour(exits_after_ms=0)
    await node.run(pod(restartPolicy="Always"))
    await node.turn()
    assert len(node.machine.started) == 2


async def test_a_good_run_forgives_earlier_failures(node: Node) -> None:
    node.machine.default = Behaviour(exits_after_ms=0, exit_code=1)
    await node.run(pod(restartPolicy="Always"))
    await node.turn()
    await node.turn()
    node.machine.default = Behaviour(exits_after_ms=700_000, exit_code=1)
    await node.passes(10)
    count = len(node.machine.started)
    node.machine.default = Behaviour(exits_after_ms=0, exit_code=1)
    await node.elapses(700)
    await node.turn()
    await node.turn()
    assert len(node.machine.started) == count + 1
    await node.turn()
    await node.passes(10)
    assert len(node.machine.started) == count + 2


async def test_init_containers_run_one_after_the_other_before_the_others(node: Node) -> None:
    inits = [{"name": n, "image": "i", "command": ["x"]} for n in ("one", "two")]
    for name in ("one", "two"):
        node.machine.behaviours[name] = Behaviour(exits_after_ms=1000)
    await node.run(pod(initContainers=inits))
    assert [spec.name for spec in node.machine.started] == ["one"]
    assert last(node)["phase"] == "Pending"
    await node.passes(1)
    await node.turn()
    assert [spec.name for spec in node.machine.started] == ["one", "two"]
    await node.passes(1)
    await node.turn()
    assert [spec.name for spec in node.machine.started] == ["one", "two", "main"]
    assert phases(node) == ["Pending", "Running"]
    names = [c["name"] for c in last(node)["initContainerStatuses"]]
    assert names == ["one", "two"]


async def test_a_failed_init_container_fails_the_pod(node: Node) -> None:
    node.machine.behaviours["one"] = Behaviour(exits_after_ms=0, exit_code=9)
    await node.run(pod(initContainers=[{"name": "one", "image": "i", "command": ["x"]}]))
    await node.turn()
    assert last(node)["phase"] == "Failed"
    assert [spec.name for spec in node.machine.started] == ["one"]


# -- sidecars -----------------------------------------------------------------------------------

PROXY = f"{UID[:13]}-proxy-0"
SIDE = {"name": "proxy", "image": "i", "command": ["p"], "restartPolicy": "Always"}


async def test_a_sidecar_comes_first_and_the_others_do_not_wait_for_its_end(node: Node) -> None:
    first = {"name": "first", "image": "i", "command": ["x"]}
    node.machine.behaviours["first"] = Behaviour(exits_after_ms=1000)
    await node.run(pod(initContainers=[SIDE, first]))
    assert [spec.name for spec in node.machine.started] == ["proxy", "first"]
    await node.passes(1)
    await node.turn()
    assert [spec.name for spec in node.machine.started] == ["proxy", "first", "main"]
    assert last(node)["phase"] == "Running"
    assert {c["type"]: c["status"] for c in last(node)["conditions"]} == {
        "Initialized": "True", "ContainersReady": "True", "Ready": "True"
    }  # fmt: skip


async def test_a_sidecar_ends_with_the_others_and_spoils_no_success(node: Node) -> None:
    node.machine.behaviours["main"] = Behaviour(exits_after_ms=5000)
    await node.run(pod(initContainers=[SIDE]))
    await node.passes(5)
    await node.turn()
    assert (last(node)["phase"], last(node)["reason"]) == ("Succeeded", None)
    (side,) = last(node)["initContainerStatuses"]
    assert side["state"]["terminated"]["exitCode"] == 143  # Asked politely.
    assert not node.machine.containers
    await node.passes(3600)
    assert len(node.machine.started) == 2


async def test_a_failure_is_told_by_who_failed(node: Node) -> None:
    node.machine.behaviours["main"] = Behaviour(exits_after_ms=5000, exit_code=3)
    await node.run(pod(initContainers=[SIDE]))
    await node.passes(5)
    await node.turn()
    assert last(node)["phase"] == "Failed"
    assert "container main ended with exit code 3" in last(node)["message"]


async def test_a_sidecar_is_started_again_whatever_the_pods_policy(node: Node) -> None:
    node.machine.behaviours["proxy"] = Behaviour(exits_after_ms=5000, exit_code=1)
    await node.run(pod(initContainers=[SIDE]))
    await node.passes(5)
    await node.turn()
    assert [spec.name for spec in node.machine.started] == ["proxy", "main", "proxy"]
    assert phases(node) == ["Running"]


async def test_others_wait_until_a_sidecar_has_come_up(node: Node) -> None:
    up = {"exec": {"command": ["up"]}, "periodSeconds": 1}
    node.machine.answers["proxy"] = 1
    await node.run(pod(initContainers=[{**SIDE, "startupProbe": up}]))
    await node.until(lambda: len(node.machine.executed) == 1)
    await node.turn()
    assert [spec.name for spec in node.machine.started] == ["proxy"]
    assert last(node)["phase"] == "Pending"
    node.machine.answers["proxy"] = 0
    await node.passes(1)
    await node.until(lambda: len(node.machine.started) == 2)
    await node.turn()
    assert last(node)["phase"] == "Running"


async def test_a_sidecar_that_ignores_the_end_has_the_grace(node: Node) -> None:
    node.machine.behaviours["main"] = Behaviour(exits_after_ms=0)
    node.machine.behaviours["proxy"] = Behaviour(ignores_term=True)
    await node.lease.renew()
    node.hear(pod(initContainers=[SIDE], terminationGracePeriodSeconds=15))
    await node.until(lambda: bool(node.machine._timers))
    node.clock.advance(14)
    node.machine.settle()
    await asyncio.sleep(0.001)
    assert node.machine.containers[PROXY].status.state == "running"
    node.clock.advance(1)
    node.machine.settle()
    await node.until(lambda: PROXY not in node.machine.containers)
    assert last(node)["phase"] == "Succeeded"


# -- lives of the agent -------------------------------------------------------------------------


async def test_another_life_takes_up_what_runs(node: Node) -> None:
    await node.run(pod())
    await node.die()
    for record in list(node.known.values()):
        await node.run(record.pod)
    assert len(node.machine.started) == 1
    assert phases(node) == ["Running"]
    assert last(node)["busbar"]["startedMs"] == START


async def test_another_life_reports_what_ended_meanwhile(node: Node) -> None:
    node.machine.default = Behaviour(exits_after_ms=4000, exit_code=2)
    await node.run(pod())
    await node.die()
    node.clock.advance(10)
    await node.run(next(iter(node.known.values())).pod)
    assert last(node)["phase"] == "Failed"
    assert last(node)["busbar"]["finishedMs"] == START + 4000


async def test_another_life_remembers_what_had_ended(node: Node) -> None:
    node.machine.default = Behaviour(exits_after_ms=0)
    await node.run(pod())
    await node.turn()
    await node.die()
    worker = await node.run(next(iter(node.known.values())).pod)
    assert last(node)["phase"] == "Succeeded"
    assert len(node.machine.started) == 1
    worker.update(deleting(pod()))
    await node.until(lambda: UID not in node.pods.workers)
    assert node.api.deleted == [PATH]


async def test_a_crash_between_record_and_start_is_made_good(node: Node) -> None:
    node.machine.default = Behaviour(start_takes_ms=1000)
    await node.lease.renew()
    node.hear(pod())
    await node.until(lambda: bool(node.records.load_all().get(UID, None)))
    await node.until(lambda: "main" in node.records.load_all()[UID].containers)
    await node.die()
    node.machine.default = Behaviour()
    await node.run(next(iter(node.known.values())).pod)
    await node.turn()
    assert len(node.machine.started) == 1
    assert phases(node)[-1] == "Running"


async def test_a_container_that_the_runtime_lost_has_ended(node: Node) -> None:
    await node.run(pod())
    await node.passes(30)
    await node.die()
    node.clock.advance(10)
    node.machine.lose(node.machine.started[0].id)
    await node.run(next(iter(node.known.values())).pod)
    assert last(node)["phase"] == "Failed"
    assert main_state(node)["terminated"]["reason"] == "ContainerStatusUnknown"
    assert last(node)["busbar"]["finishedMs"] == START + 30_000
    assert len(node.machine.started) == 1


@pytest.mark.parametrize(("ran", "known"), [(0, 0), (7, 7), (25, 25)])
async def test_after_a_reboot_it_ran_until_the_node_last_lived(
    node: Node, ran: int, known: int
) -> None:
    """The lease's last renewal before the power was lost; not nothing, and not until now."""
    await node.run(pod())
    await node.passes(ran)
    node.clock.advance(3)
    await node.die()
    node.machine.reboot()
    node.clock.advance(600)
    await node.run(next(iter(node.known.values())).pod)
    assert (last(node)["phase"], last(node)["reason"]) == ("Failed", "NodeRestarted")
    assert "last known to run" in last(node)["message"]
    assert last(node)["busbar"] == {
        "epoch": 1,
        "observedMs": node.clock.ms,
        "startedMs": START,
        "finishedMs": START + known * 1000,
    }


async def test_what_the_cloud_was_told_counts_where_the_disk_forgot(node: Node) -> None:
    await node.run(pod())
    await node.passes(12)
    seen = last(node)["busbar"]
    node.settings.lease_file.unlink()
    await node.die()
    node.machine.reboot()
    node.clock.advance(600)
    await node.run({**pod(), "status": {"busbar": seen}})
    assert last(node)["busbar"]["finishedMs"] == START + 12_000


async def test_a_clock_set_back_bills_no_time_that_did_not_pass(node: Node) -> None:
    await node.run(pod())
    await node.passes(100)
    await node.die()
    node.machine.reboot()
    node.clock.ms = START + 50_000
    await node.run(next(iter(node.known.values())).pod)
    assert last(node)["busbar"]["finishedMs"] == START + 50_000


async def test_a_container_lost_before_our_eyes_ran_until_it_was_last_seen(node: Node) -> None:
    await node.run(pod())
    await node.passes(30)
    node.clock.advance(4)
    node.machine.reboot()
    await node.turn()
    assert last(node)["busbar"]["finishedMs"] == START + 30_000


async def test_after_a_reboot_the_policy_decides(node: Node) -> None:
    await node.run(pod(restartPolicy="OnFailure"))
    await node.die()
    node.machine.reboot()
    await node.run(next(iter(node.known.values())).pod)
    await node.turn()
    assert [spec.attempt for spec in node.machine.started] == [0, 1]
    assert phases(node)[-1] == "Running"


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
async def test_a_pod_whose_records_were_lost_does_not_run_twice(node: Node, phase: str) -> None:
    ended = {**pod(), "status": {"phase": phase}}
    worker = await node.run(ended)
    assert node.machine.started == []
    assert node.api.statuses == []
    worker.update(deleting(ended))
    await node.until(lambda: UID not in node.pods.workers)
    assert node.api.deleted == [PATH]


async def test_a_pod_that_the_cloud_has_ended_is_stopped(node: Node) -> None:
    worker = await node.run(pod())
    worker.update({**pod(), "status": {"phase": "Failed", "reason": "NodeLost"}})
    await node.turn()
    assert not node.machine.containers
    assert last(node)["reason"] == "NodeLost"


async def test_draining_stops_and_says_so(node: Node) -> None:
    worker = await node.run(pod())
    worker.drain()
    await node.until(lambda: not worker.is_busy)
    assert (last(node)["phase"], last(node)["reason"]) == ("Failed", "NodeDrained")
    assert not node.machine.containers


# -- the lease ----------------------------------------------------------------------------------


async def test_without_lease_nothing_starts(node: Node) -> None:
    node.hear(pod())
    await node.until(lambda: node.worker().turns > 0)
    assert node.machine.started == []
    await node.lease.renew()
    await node.turn()
    assert node.machine.started == []  # Heard before the lease: hearsay.
    node.hear(pod())
    await node.turn()
    assert len(node.machine.started) == 1


async def test_a_lease_won_back_unnoticed_still_ended_what_ran(node: Node) -> None:
    """The agent slept through the whole of it, as on a machine that was suspended."""
    await node.run(pod(restartPolicy="Always"))
    node.clock.advance(3600)
    await node.lease.renew()
    await node.turn()
    assert all(c.status.state == "exited" for c in node.machine.containers.values())
    await node.turn()
    assert (last(node)["phase"], last(node)["reason"]) == ("Failed", "LeaseLost")


async def test_no_restart_comes_from_an_older_word(node: Node) -> None:
    node.machine.default = Behaviour(exits_after_ms=5000, exit_code=1)
    await node.run(pod(restartPolicy="OnFailure"))
    await node.die()
    await node.lease.renew()
    node.pods.adopt(next(iter(node.known.values())).pod)
    await node.passes(6)
    await node.turn()
    assert len(node.machine.started) == 1
    node.hear(pod(restartPolicy="OnFailure"))
    await node.turn()
    assert len(node.machine.started) == 2


async def test_a_lease_that_ends_between_two_starts_holds_back_the_second(node: Node) -> None:
    node.machine.behaviours["main"] = Behaviour(start_takes_ms=21_000)
    await node.lease.renew()
    node.hear(pod(containers=TWO))
    await node.until(lambda: bool(node.machine._timers))
    node.clock.advance(21)
    node.machine.settle()
    await node.until(lambda: node.worker().turns > 0)
    assert [spec.name for spec in node.machine.started] == ["main"]


async def test_a_lost_lease_kills_at_once_and_is_told_later(node: Node) -> None:
    node.machine.default = Behaviour(ignores_term=True)
    await node.run(pod())
    node.api.is_reachable = False
    await node.passes(20)
    assert all(c.status.state == "exited" for c in node.machine.containers.values())
    node.api.is_reachable = True
    await node.lease.renew()
    await node.passes(2)
    assert (last(node)["phase"], last(node)["reason"]) == ("Failed", "LeaseLost")
    assert last(node)["busbar"]["finishedMs"] == START + 20_000
    assert len(node.machine.started) == 1


async def test_what_ended_with_the_lease_is_not_started_again(node: Node) -> None:
    """The process beside a container may have killed it first."""
    await node.run(pod(restartPolicy="Always"))
    node.clock.advance(20)
    node.machine.end(node.machine.started[0].id, 137)
    await node.turn()
    await node.turn()
    await node.lease.renew()
    await node.passes(60)
    assert len(node.machine.started) == 1


async def test_a_lease_lost_during_the_grace_ends_it(node: Node) -> None:
    node.machine.default = Behaviour(ignores_term=True)
    await node.run(pod())
    node.worker().update(deleting(pod(), grace=3600))
    await asyncio.sleep(0.001)
    node.clock.advance(21)
    node.worker().lease_changed(False)
    await node.until(lambda: UID not in node.pods.workers)


# -- logs ---------------------------------------------------------------------------------------


async def test_a_log_is_the_present_runs_or_the_previous_ones(node: Node) -> None:
    node.machine.default = Behaviour(exits_after_ms=0, exit_code=1)
    worker = await node.run(pod(restartPolicy="OnFailure"))
    await node.turn()
    present, previous = worker.log_source("main", False), worker.log_source("main", True)
    assert not isinstance(present, str)
    assert not isinstance(previous, str)
    assert [path.name for path in present.files()] == ["1.log.1", "1.log"]
    assert [path.name for path in previous.files()] == ["0.log.1", "0.log"]
    assert present.is_running()
    assert not previous.is_running()


async def test_a_log_ends_with_its_container_though_others_run(node: Node) -> None:
    node.machine.behaviours["side"] = Behaviour(exits_after_ms=0)
    worker = await node.run(pod(containers=TWO))
    side, main = worker.log_source("side", False), worker.log_source("main", False)
    assert not isinstance(side, str)
    assert not isinstance(main, str)
    assert not side.is_running()
    assert main.is_running()


async def test_no_log_is_a_sentence(node: Node) -> None:
    worker = await node.run(pod())
    assert "not been started" in str(worker.log_source("other", False))
    assert "no previous run" in str(worker.log_source("main", True))
