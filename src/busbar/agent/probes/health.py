"""From answers to health: is a container started, ready, to be ended? Pure; time is an argument.

Source: the kubelet's prober. Until the startup probe has succeeded the others wait; a verdict
changes when as many answers in a row agree as the threshold says; a container that failed its
startup or liveness probe is asked no more: it is to be ended. Times are milliseconds of a clock
that cannot be set. Next: `prober.py`.
"""

from __future__ import annotations

from typing import NamedTuple

from busbar.agent.probes.spec import Kind, Probe


class Tracker(NamedTuple):
    """One probe of one run of a container."""

    probe: Probe
    due_ms: int
    verdict: bool | None = None
    """What counts; None as long as no threshold was reached."""
    last: bool | None = None
    in_row: int = 0
    message: str = ""
    """Of the last failure."""

    def after(self, success: bool | None, message: str, now: int) -> Tracker:
        """Take in an answer; None: there was none, through no fault of the workload's."""
        # By the clock, not by the answer: a slow one does not make the next one late.
        due = max(now, self.due_ms + self.probe.period_ms)
        if success is None:
            return self._replace(due_ms=due)
        in_row = self.in_row + 1 if success == self.last else 1
        needed = self.probe.successes if success else self.probe.failures
        return self._replace(
            due_ms=due,
            verdict=success if in_row >= needed else self.verdict,
            last=success,
            in_row=in_row,
            message=self.message if success else message,
        )

    @property
    def has_failed(self) -> bool:
        """Say whether the container is to be ended for it."""
        return self.verdict is False and self.probe.kind is not Kind.READINESS


class Health(NamedTuple):
    """All probes of one run of a container."""

    trackers: tuple[Tracker, ...] = ()

    @property
    def is_started(self) -> bool:
        """Say whether it has come up, as far as anybody asks."""
        tracker = self.find(Kind.STARTUP)
        return tracker is None or tracker.verdict is True

    @property
    def is_ready(self) -> bool:
        """Say whether it does its work."""
        tracker = self.find(Kind.READINESS)
        return self.is_started and (tracker is None or tracker.verdict is True)

    @property
    def failed(self) -> Tracker | None:
        """Give the probe for which the container is to be ended, if any."""
        return next((tracker for tracker in self.trackers if tracker.has_failed), None)

    def find(self, kind: Kind) -> Tracker | None:
        """Give the tracker of a probe, if the container has it."""
        return next((t for t in self.trackers if t.probe.kind is kind), None)

    def asks(self) -> tuple[Tracker, ...]:
        """Give the probes that are asked now or later, as things are."""
        if self.failed is not None:
            return ()
        if not self.is_started:
            return tuple(t for t in self.trackers if t.probe.kind is Kind.STARTUP)
        return tuple(t for t in self.trackers if t.probe.kind is not Kind.STARTUP)

    def after(self, kind: Kind, success: bool | None, message: str, now: int) -> Health:
        """Take in an answer."""
        return Health(
            tuple(
                t.after(success, message, now) if t.probe.kind is kind else t for t in self.trackers
            )
        )


def begin(probes: tuple[Probe, ...], started_ms: int) -> Health:
    """Give the health of a container that has just been started."""
    return Health(tuple(Tracker(probe, started_ms + probe.delay_ms) for probe in probes))
