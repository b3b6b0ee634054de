"""From answers to health, as the kubelet does it."""

from __future__ import annotations

from typing import Any

from busbar.agent.probes.health import Health, begin
from busbar.agent.probes.spec import Kind, Probe, TcpSocket

START = 100_000


def asked(*kinds: Kind, **more: Any) -> Health:
    return begin(tuple(Probe(kind, TcpSocket(1), **more) for kind in kinds), START)


def answers(health: Health, kind: Kind, *told: bool | None) -> Health:
    for index, success in enumerate(told):
        health = health.after(kind, success, f"no {index}", START + 1000 * index)
    return health


def kinds(health: Health) -> list[Kind]:
    return [tracker.probe.kind for tracker in health.asks()]


def test_who_is_asked_nothing_is_well() -> None:
    health = Health()
    assert (health.is_started, health.is_ready, health.failed) == (True, True, None)


def test_nobody_is_ready_before_an_answer() -> None:
    health = asked(Kind.READINESS)
    assert health.is_started
    assert not health.is_ready
    assert answers(health, Kind.READINESS, True).is_ready


def test_readiness_comes_and_goes_and_ends_nobody() -> None:
    health = answers(asked(Kind.READINESS), Kind.READINESS, True, False, False)
    assert health.is_ready  # Three in a row count.
    health = answers(health, Kind.READINESS, False)
    assert not health.is_ready
    assert health.failed is None
    assert answers(health, Kind.READINESS, True).is_ready


def test_successes_in_a_row_may_be_asked_for() -> None:
    health = answers(asked(Kind.READINESS, successes=2), Kind.READINESS, True, False, True)
    assert not health.is_ready
    assert answers(health, Kind.READINESS, True).is_ready


def test_who_is_alive_until_three_answers_in_a_row_say_otherwise() -> None:
    health = answers(asked(Kind.LIVENESS), Kind.LIVENESS, False, False, True, False, False)
    assert health.failed is None
    health = answers(health, Kind.LIVENESS, False)
    assert health.failed is not None
    assert health.failed.message == "no 0"
    assert kinds(health) == []  # It is to be ended: nobody asks any more.


def test_until_it_has_started_nothing_else_is_asked() -> None:
    health = asked(*Kind)
    assert kinds(health) == [Kind.STARTUP]
    assert (health.is_started, health.is_ready) == (False, False)
    health = answers(health, Kind.STARTUP, False, True)
    assert kinds(health) == [Kind.LIVENESS, Kind.READINESS]
    assert (health.is_started, health.is_ready) == (True, False)


def test_who_does_not_come_up_is_ended() -> None:
    health = answers(asked(Kind.STARTUP, failures=2), Kind.STARTUP, False, False)
    assert health.failed is not None
    assert health.failed.probe.kind is Kind.STARTUP
    assert not health.is_started


def test_no_answer_through_a_fault_of_ours_counts_for_nothing() -> None:
    health = answers(asked(Kind.LIVENESS, failures=1), Kind.LIVENESS, None, None)
    assert health.failed is None
    health = answers(asked(Kind.LIVENESS, failures=2), Kind.LIVENESS, False, None, False)
    assert health.failed is not None


def test_the_first_check_waits_and_the_next_keep_the_beat() -> None:
    health = asked(Kind.LIVENESS, delay_ms=5000, period_ms=10_000)
    assert health.trackers[0].due_ms == START + 5000
    health = health.after(Kind.LIVENESS, True, "", START + 7000)
    assert health.trackers[0].due_ms == START + 15_000
    late = health.after(Kind.LIVENESS, True, "", START + 60_000)
    assert late.trackers[0].due_ms == START + 60_000
