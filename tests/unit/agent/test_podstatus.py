"""From what the containers are to what `kubectl get pod` shows."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.agent.conftest import pod

from busbar.agent.podstatus import Observed, PodView, grace_seconds, phase_of, status_patch
from busbar.agent.refusals import PodRefused, Reason


def ended(code: int, *, init: bool = False, again: bool = False, reason: str = "") -> Observed:
    return Observed("a", init, "exited", 10, 20, code, reason, will_restart=again)


RUNNING = Observed("b", False, "running", 15)
WAITING = Observed("c", False, "waiting")
INIT = Observed("i", True, "running", 5)


def view(*containers: Observed, **more: Any) -> PodView:
    return PodView(pod(), containers, 3, **more)


@pytest.mark.parametrize(
    ("containers", "phase"),
    [
        ((), "Pending"),
        ((WAITING,), "Pending"),
        ((INIT, WAITING), "Pending"),
        ((ended(0, init=True), WAITING), "Pending"),
        ((ended(1, init=True), WAITING), "Failed"),
        ((ended(1, init=True, again=True), WAITING), "Pending"),
        ((RUNNING,), "Running"),
        ((RUNNING, WAITING), "Running"),
        ((RUNNING, ended(1)), "Running"),
        ((ended(0), ended(0)), "Succeeded"),
        ((ended(0), ended(1)), "Failed"),
        ((ended(1, again=True),), "Running"),
        ((WAITING._replace(restarts=2),), "Running"),
    ],
)
def test_the_phase_follows_from_the_containers(
    containers: tuple[Observed, ...], phase: str
) -> None:
    assert phase_of(view(*containers)) == phase


@pytest.mark.parametrize(("retry", "phase"), [(True, "Pending"), (False, "Failed")])
def test_a_refusal_decides_the_phase_and_is_named_everywhere(retry: bool, phase: str) -> None:
    refusal = PodRefused(Reason.IMAGE_NOT_FOUND, "there is none", retry=retry)
    status = status_patch(view(WAITING, refusal=refusal), 100)["status"]
    assert (status["phase"], status["reason"]) == (phase, "ImageNotFound")
    waiting = status["containerStatuses"][0]["state"]["waiting"]
    assert waiting == {"reason": "ImageNotFound", "message": "there is none"}


def test_what_was_stopped_has_failed_whatever_its_code() -> None:
    stopped = view(ended(0), stop_reason="NodeDrained", stop_message="taken down")
    status = status_patch(stopped, 100)["status"]
    assert (status["phase"], status["reason"], status["message"]) == (
        "Failed", "NodeDrained", "taken down"
    )  # fmt: skip


def test_the_meter_reads_the_first_start_and_the_last_end() -> None:
    two = (ended(0), ended(0)._replace(started_ms=8, finished_ms=30))
    assert status_patch(view(*two), 100)["status"]["busbar"] == {
        "epoch": 3, "observedMs": 100, "startedMs": 8, "finishedMs": 30
    }  # fmt: skip


def test_the_meter_has_no_end_while_something_runs() -> None:
    assert "finishedMs" not in status_patch(view(RUNNING, ended(0)), 100)["status"]["busbar"]


def test_what_was_reported_before_a_restart_still_counts() -> None:
    earlier = {**pod(), "status": {"busbar": {"epoch": 3, "startedMs": 4}}}
    again = view(RUNNING)._replace(pod=earlier)
    assert status_patch(again, 100)["status"]["busbar"]["startedMs"] == 4


def test_what_another_contract_delivered_does_not() -> None:
    earlier = {**pod(), "status": {"busbar": {"epoch": 2, "startedMs": 4}}}
    again = view(RUNNING)._replace(pod=earlier)
    assert status_patch(again, 100)["status"]["busbar"]["startedMs"] == 15


def test_init_containers_are_shown_apart() -> None:
    status = status_patch(view(ended(0, init=True), RUNNING), 100)["status"]
    assert [c["name"] for c in status["initContainerStatuses"]] == ["a"]
    assert [c["name"] for c in status["containerStatuses"]] == ["b"]
    assert status["initContainerStatuses"][0]["ready"]


def test_conditions_keep_their_time_until_they_change() -> None:
    first = status_patch(view(RUNNING), 1000)["status"]
    kept = view(RUNNING)._replace(pod={**pod(), "status": first})
    assert status_patch(kept, 90_000)["status"]["conditions"] == first["conditions"]
    changed = view(ended(0))._replace(pod={**pod(), "status": first})
    times = {
        c["type"]: c["lastTransitionTime"]
        for c in status_patch(changed, 90_000)["status"]["conditions"]
    }
    assert times["Ready"] == "1970-01-01T00:01:30Z"
    assert times["Initialized"] == "1970-01-01T00:00:01Z"


def test_a_container_that_waits_to_restart_says_so() -> None:
    state = status_patch(view(ended(1, again=True)), 1)["status"]["containerStatuses"][0]["state"]
    assert state["waiting"]["reason"] == "CrashLoopBackOff"


@pytest.mark.parametrize(
    ("marks", "spec", "seconds"),
    [
        ({}, {}, 30),
        ({}, {"terminationGracePeriodSeconds": 5}, 5),
        ({"deletionGracePeriodSeconds": 0}, {"terminationGracePeriodSeconds": 5}, 0),
    ],
)
def test_the_shorter_word_on_grace_is_the_deletions(
    marks: dict[str, int], spec: dict[str, int], seconds: int
) -> None:
    assert grace_seconds({"metadata": marks, "spec": spec}) == seconds
