"""Requests that fit: from what was seen, after enough was seen."""

from __future__ import annotations

from typing import Any

import pytest

from busbar.advice.board import Seen, SeenPod
from busbar.advice.histogram import BOUNDS, EMPTY, read_histogram, write_histogram
from busbar.advice.idle import idle
from busbar.advice.profile import KEPT_HOURS, Profile, fold, read_profile, write_profile
from busbar.advice.sizing import MIB, is_known_enough, size
from busbar.model.dtu import Resources
from busbar.model.time import HOUR, MINUTE

START = 497_000 * HOUR
SUBJECT = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
ASKED = {"main": Resources(2000, 4096 * MIB)}


def seen(
    at: int, cpu: list[int], memory: int = 500 * MIB, uid: str = "u", name: str = "main"
) -> SeenPod:
    pod = {"metadata": {"name": "p", "namespace": "xyz", "uid": uid}}
    return SeenPod(pod, at, {name: Seen(cpu, memory)})


def lived(hours: int, cpu: int = 300, memory: int = 500 * MIB, **more: Any) -> Profile:
    """A workload seen all the while, summed up every five minutes."""
    batches = (seen(START + n * 5 * MINUTE, [cpu] * 20, memory, **more) for n in range(hours * 12))
    return fold(None, SUBJECT, batches)


def test_requests_come_down_to_use_with_headroom():
    found = size(lived(30), ASKED)
    assert found is not None
    (better,) = found.better.values()
    bucket = min(bound for bound in BOUNDS if bound >= 300)
    assert better.cpu_milli == -(-bucket * 115 // 1000) * 10
    assert better.memory_bytes == 608 * MIB


@pytest.mark.parametrize(
    ("profile", "enough"),
    [
        (lived(20), False),
        (lived(25), True),
        (fold(None, SUBJECT, (seen(START, [1] * 100, uid=u) for u in "abc")), True),
        (fold(None, SUBJECT, (seen(START, [1] * 79, uid=u) for u in "abc")), False),
    ],
    ids=["less than a day", "a day", "three runs", "three short runs"],
)
def test_a_day_or_three_runs_and_an_hour_of_looks_are_enough(profile, enough):
    assert is_known_enough(profile) is enough
    assert (size(profile, ASKED) is not None) is enough


def test_a_peak_of_memory_counts_and_a_peak_of_cpu_does_not():
    profile = fold(lived(30), SUBJECT, [seen(START + 30 * HOUR, [1900], 3000 * MIB)])
    found = size(profile, ASKED)
    assert found is not None
    assert found.better["main"].memory_bytes == 3600 * MIB
    assert found.better["main"].cpu_milli < 500


def test_a_peak_near_to_the_limit_asks_for_more():
    found = size(lived(30, memory=990 * MIB), {"main": Resources(350, 1000 * MIB)})
    assert found is not None
    assert found.better["main"].memory_bytes == 1200 * MIB


def test_who_was_killed_for_memory_gets_half_as_much_again_and_loses_nothing():
    asked = {"main": Resources(2000, 1024 * MIB), "side": Resources(1000, 512 * MIB)}
    found = size(lived(1), asked, {"main"})
    assert found is not None
    assert found.better["main"] == Resources(2000, 1536 * MIB)
    assert found.better["side"] == asked["side"]


def test_a_container_of_which_nothing_is_known_keeps_everything_as_it_is():
    assert size(lived(30), {**ASKED, "new": Resources(100, MIB)}) is None


def test_what_fits_is_left_alone():
    fitting = size(lived(30), ASKED)
    assert fitting is not None
    assert size(lived(30), fitting.better) is None


def test_there_is_a_floor():
    found = size(lived(30, cpu=0, memory=0), ASKED)
    assert found is not None
    assert found.better["main"] == Resources(50, 64 * MIB)


def test_old_cpu_fades_within_days():
    busy = fold(None, SUBJECT, [seen(START + n * HOUR, [1500] * 240) for n in range(24)])
    calm = fold(busy, SUBJECT, [seen(START + n * HOUR, [100] * 240) for n in range(24, 24 * 8)])
    found = size(calm, ASKED)
    assert found is not None
    assert found.better["main"].cpu_milli < 200


def test_a_profile_is_the_same_after_it_was_stored():
    profile = lived(30)
    assert read_profile({"status": write_profile(profile)}) == profile
    assert read_histogram(write_histogram(EMPTY)) == EMPTY


@pytest.mark.parametrize("status", [{}, {"subject": 1}, {"subject": {}, "firstSeen": "x"}])
def test_a_profile_that_cannot_be_read_is_none(status):
    assert read_profile({"status": status}) is None


def test_a_profile_keeps_four_weeks_and_no_more():
    pods = (seen(START + n * HOUR, [5]) for n in range(KEPT_HOURS + 500))
    profile = fold(None, SUBJECT, pods)
    assert len(profile.hours) == KEPT_HOURS
    assert len(profile.containers["main"].memory) == 8 * 24


def test_containers_of_a_pod_are_added_up_and_pods_are_not():
    pod = {"metadata": {"name": "p", "namespace": "xyz", "uid": "u"}}
    both = SeenPod(pod, START, {"a": Seen([100, 200], 3), "b": Seen([10], 4)})
    other = SeenPod({"metadata": {"uid": "v"}}, START, {"a": Seen([50], 1)})
    (row,) = fold(None, SUBJECT, [both, other]).hours.values()
    assert (row.cpu_sum_milli, row.samples, row.cpu_peak_milli) == (360, 3, 210)
    assert row.memory_bytes == 7


def test_idle_is_six_hours_of_nothing():
    now = START + 12 * HOUR
    found = idle(lived(12, cpu=3), 2000, now)
    assert found is not None
    assert (found.hours, found.cpu_peak_milli, found.least_milli) == (12, 3, 20)
    assert idle(lived(12, cpu=30), 2000, now) is None
    assert idle(lived(5, cpu=3), 2000, START + 5 * HOUR) is None


def test_a_gap_is_not_idleness():
    gappy = fold(lived(9, cpu=3), SUBJECT, [seen(START + 11 * HOUR, [0] * 240)])
    assert idle(gappy, 2000, START + 12 * HOUR) is None
