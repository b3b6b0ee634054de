"""Restart a container or not, and when: a pure decision.

Source: Kubernetes' Pod lifecycle (restartPolicy; back-off 10 s doubling to 5 min, reset after ten
good minutes). Next: `podstatus.py`.
"""

from __future__ import annotations

from typing import NamedTuple

BACKOFF_FIRST_MS = 10_000
BACKOFF_MAX_MS = 300_000
RESET_AFTER_MS = 600_000


class Run(NamedTuple):
    """One run of a container that has ended."""

    started_ms: int
    finished_ms: int
    exit_code: int


def was_good(run: Run) -> bool:
    """Say whether a run lasted long enough for earlier failures to be forgotten."""
    return run.finished_ms - run.started_ms >= RESET_AFTER_MS


def restart_at(policy: str, run: Run, restarts: int) -> int | None:
    """Say when (ms) to start again after a run, or None for never.

    `restarts` counts those already made in a row.
    """
    if policy == "Never" or (policy == "OnFailure" and run.exit_code == 0):
        return None
    if was_good(run):
        return run.finished_ms
    delay = min(BACKOFF_FIRST_MS * 2 ** max(0, restarts - 1), BACKOFF_MAX_MS)
    return run.finished_ms if restarts == 0 else run.finished_ms + delay
