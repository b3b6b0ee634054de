"""Probes in a Pod's life: readiness in its status, ends and restarts, what is told."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.agent.conftest import UID, Node, deleting, pod

from busbar.agent.runtimes.fake import Behaviour
from busbar.model.objects import Object

ASK = {"exec": {"command": ["ask"]}}
QUICK = {**ASK, "periodSeconds": 1, "failureThreshold": 2}


def probed(policy: str = "Always", **probes: Any) -> Object:
    container = {"name": "main", "image": "i", "command": ["work"], **probes}
    return pod(containers=[container], restartPolicy=policy)


def last(node: Node) -> Object:
    return node.api.statuses[-1]


def main(node: Node) -> Object:
    found: Object = last(node)["containerStatuses"][0]
    return found


def ready(node: Node) -> str:
    found: str = next(c["status"] for c in last(node)["conditions"] if c["type"] == "Ready")
    return found


def told(node: Node) -> list[str]:
    return [body["message"] for verb, path, body in node.api.told if path.endswith("/events")]


async def asked(node: Node, times: int) -> None:
    """Wait until so many checks were made and their answers taken in."""
    await node.until(lambda: len(node.machine.executed) >= times)
    await node.turn()
    await node.turn()


async def test_a_pod_is_ready_when_it_says_so(node: Node) -> None:
    node.machine.answers["main"] = 1
    await node.run(probed(readinessProbe=QUICK))
    await asked(node, 1)
    assert (ready(node), main(node)["ready"], main(node)["started"]) == ("False", False, True)
    condition = next(c for c in last(node)["conditions"] if c["type"] == "ContainersReady")
    assert condition["reason"] == "ContainersNotReady"
    assert condition["message"] == "containers with unready status: [main]"
    node.machine.answers["main"] = 0
    await node.passes(1)
    await asked(node, 2)
    assert (ready(node), main(node)["ready"]) == ("True", True)
    node.machine.answers["main"] = 1
    await node.passes(1)
    await asked(node, 3)
    assert ready(node) == "True"  # One failure is none.
    await node.passes(1)
    await asked(node, 4)
    assert ready(node) == "False"
    assert len(node.machine.started) == 1
    assert told(node) == [
        "container main: readiness probe failed: the command ended with exit code 1"
    ]


async def test_who_is_not_alive_is_started_again(node: Node) -> None:
    await node.run(probed(livenessProbe=QUICK))
    await asked(node, 1)
    node.machine.answers["main"] = None
    for check in (2, 3):
        await node.passes(1)
        await asked(node, check)
    await node.until(lambda: len(node.machine.started) == 2)
    await node.until(lambda: bool(told(node)))
    assert told(node) == [
        "container main: liveness probe failed: the command did not end within 1 s"
    ]
    await node.turn()
    assert (last(node)["phase"], main(node)["restartCount"]) == ("Running", 1)
    assert last(node)["busbar"].get("finishedMs") is None


async def test_a_new_run_begins_anew(node: Node) -> None:
    node.machine.answers["main"] = 1
    await node.run(probed(livenessProbe=QUICK))
    await asked(node, 1)
    await node.passes(1)
    await asked(node, 2)
    await node.until(lambda: len(node.machine.started) == 2)
    await asked(node, 3)
    assert len(node.machine.started) == 2  # One failure of the new run.
    node.machine.answers["main"] = 0
    await node.passes(1)
    await asked(node, 4)
    assert len(node.machine.started) == 2


async def test_one_that_is_never_started_again_fails(node: Node) -> None:
    node.machine.answers["main"] = 1
    await node.run(probed("Never", livenessProbe={**QUICK, "failureThreshold": 1}))
    await asked(node, 1)
    await node.until(lambda: last(node)["phase"] == "Failed")
    assert last(node)["message"].startswith("container main was ended: liveness probe failed")
    assert last(node)["busbar"]["finishedMs"] is not None
    assert len(node.machine.started) == 1


async def test_on_failure_a_failed_probe_is_a_failure_whatever_the_exit_code(node: Node) -> None:
    node.machine.answers["main"] = 1
    await node.run(probed("OnFailure", livenessProbe={**QUICK, "failureThreshold": 1}))
    node.machine.end(node.machine.started[0].id, 0)
    node.worker()._record.containers["main"].unhealthy = "liveness probe failed: x"
    await node.turn()
    await node.turn()
    assert len(node.machine.started) == 2


async def test_until_it_has_started_it_is_asked_that_alone(node: Node) -> None:
    start = {"exec": {"command": ["up"]}, "periodSeconds": 1, "failureThreshold": 30}
    node.machine.answers["main"] = 1
    await node.run(probed(startupProbe=start, livenessProbe=QUICK, readinessProbe=ASK))
    await asked(node, 1)
    await node.passes(1)
    await asked(node, 2)
    assert set(node.machine.executed) == {("main", ("up",))}
    assert (main(node)["started"], ready(node)) == (False, "False")
    node.machine.answers["main"] = 0
    await node.passes(1)
    await asked(node, 5)
    assert node.machine.executed.count(("main", ("up",))) == 3
    assert (main(node)["started"], ready(node)) == (True, "True")


async def test_the_grace_of_a_probe_wins_and_a_deletion_does_not_wait(node: Node) -> None:
    node.machine.default = Behaviour(ignores_term=True)
    node.machine.answers["main"] = 1
    probe = {**QUICK, "failureThreshold": 1, "terminationGracePeriodSeconds": 3600}
    await node.run(probed(livenessProbe=probe))
    await asked(node, 1)
    await node.until(lambda: bool(told(node)))
    assert len(node.machine.started) == 1  # It is still being asked to end.
    node.worker().update(deleting(probed(livenessProbe=probe), grace=0))
    await node.until(lambda: UID not in node.pods.workers)
    assert not node.machine.containers


async def test_another_life_of_the_agent_asks_again(node: Node) -> None:
    await node.run(probed(readinessProbe=ASK))
    await asked(node, 1)
    assert ready(node) == "True"
    await node.die()
    await node.run(next(iter(node.known.values())).pod)
    await asked(node, 2)
    assert ready(node) == "True"
    assert len(node.machine.started) == 1


async def test_a_pod_that_is_deleted_is_asked_no_more(node: Node) -> None:
    node.machine.default = Behaviour(ignores_term=True)
    await node.run(probed(livenessProbe=QUICK))
    await asked(node, 1)
    node.worker().update(deleting(probed(livenessProbe=QUICK), grace=15))
    node.machine.answers["main"] = 1
    node.clock.advance(5)
    await node.until(lambda: node.worker().caretaker.due_in() is None)
    assert len(node.machine.executed) == 1


async def test_a_probe_that_is_not_offered_is_refused(node: Node) -> None:
    await node.run(probed(livenessProbe={"grpc": {"port": 1}}))
    await node.turn()
    assert (last(node)["phase"], last(node)["reason"]) == ("Failed", "InvalidPod")
    assert "livenessProbe" in last(node)["message"]
    assert node.machine.started == []


async def test_nobody_is_asked_while_a_container_waits_to_be_started_again(node: Node) -> None:
    node.machine.default = Behaviour(exits_after_ms=5000, exit_code=1)
    await node.run(probed(livenessProbe=QUICK))
    await asked(node, 1)
    await node.passes(5)
    await node.turn()  # Started again at once, the first time.
    await asked(node, 2)
    await node.passes(5)
    await node.turn()
    assert node.worker().caretaker.due_in() is None
    assert main(node)["state"]["waiting"]["reason"] == "CrashLoopBackOff"


async def test_a_full_disk_does_not_keep_alive_what_is_not(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    await node.run(probed("Never", livenessProbe=QUICK))
    await asked(node, 1)

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(node.records, "save", full)
    node.machine.answers["main"] = 1
    for check in (2, 3):
        await node.passes(1)
        await node.until(lambda check=check: len(node.machine.executed) >= check)  # type: ignore[misc]
        await node.turn()
    await node.until(
        lambda: all(c.status.state == "exited" for c in node.machine.containers.values())
    )
