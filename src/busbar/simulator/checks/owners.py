"""I5: an exclusive workload runs in one place at a time, and an old epoch never after a newer one.

Next: `history.py`.
"""

from __future__ import annotations

from busbar.simulator.checks.base import insist
from busbar.simulator.machine import Run


class OwnerCheck:
    """Looks at every start of a workload, as the machines know it."""

    def __init__(self) -> None:
        self._latest: dict[str, Run] = {}
        self._epochs: dict[str, int] = {}

    def started(self, run: Run) -> None:
        """Check a start."""
        before = self._latest.get(run.owner)
        alone = before is None or before.end is not None
        where = "" if before is None else f"{before.node} (epoch {before.epoch})"
        sentence = f"{run.owner} starts on {run.node} (epoch {run.epoch}) and runs on {where}"
        insist(alone, "I5", sentence)
        newest = self._epochs.get(run.pod_uid, 0)
        sentence = f"pod {run.pod_uid} starts under epoch {run.epoch} after epoch {newest}"
        insist(run.epoch >= newest, "I5", sentence)
        self._latest[run.owner] = run
        self._epochs[run.pod_uid] = run.epoch
