"""Restart or not, and when."""

from __future__ import annotations

import pytest

from busbar.agent.restarts import Run, restart_at

MINUTE = 60_000


@pytest.mark.parametrize(
    ("policy", "code", "again"),
    [
        ("Never", 0, False),
        ("Never", 1, False),
        ("OnFailure", 0, False),
        ("OnFailure", 1, True),
        ("Always", 0, True),
        ("Always", 1, True),
    ],
)
def test_the_policy_decides(policy: str, code: int, again: bool) -> None:
    assert (restart_at(policy, Run(0, 1000, code), 0) is not None) is again


@pytest.mark.parametrize(
    ("restarts", "delay"),
    [(0, 0), (1, 10), (2, 20), (3, 40), (4, 80), (5, 160), (6, 300), (7, 300), (1000, 300)],
)
def test_pauses_double_up_to_five_minutes(restarts: int, delay: int) -> None:
    assert restart_at("Always", Run(0, 1000, 1), restarts) == 1000 + delay * 1000


@pytest.mark.parametrize(("minutes", "pause"), [(9, 300_000), (10, 0), (11, 0)])
def test_ten_good_minutes_forgive(minutes: int, pause: int) -> None:
    run = Run(5, 5 + minutes * MINUTE, 1)
    assert restart_at("Always", run, 9) == run.finished_ms + pause
