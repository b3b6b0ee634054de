"""Idle workloads: they ran for hours, were looked at all the while, and did nothing.

Next: `places.py`.
"""

from __future__ import annotations

from typing import NamedTuple

from busbar.advice.profile import Profile
from busbar.model.time import HOUR, Instant

HOURS = 6
SAMPLES_AN_HOUR_MIN = 100
"""Of the 240 that there are: a node that was cut off for half the time says too little."""
CPU_PERCENT, CPU_MILLI = 1, 10


class Idle(NamedTuple):
    """For how many hours it has been, and the most cpu it used in one of them."""

    hours: int
    cpu_peak_milli: int
    least_milli: int


def idle(profile: Profile, requested_milli: int, now: Instant) -> Idle | None:
    """Say whether a workload did nothing in the last six whole hours; None: it did, or who knows.

    Nothing is less than 1 % of what it requests, or less than 10m where that is more.
    """
    least = max(CPU_MILLI, requested_milli * CPU_PERCENT // 100)
    latest = now // HOUR - 1
    rows = [profile.hours.get(hour) for hour in range(latest - HOURS + 1, latest + 1)]
    if any(row is None or row.samples < SAMPLES_AN_HOUR_MIN for row in rows):
        return None
    peak = max(row.cpu_peak_milli for row in rows if row is not None)
    if peak >= least:
        return None
    hours = HOURS
    while (row := profile.hours.get(latest - hours)) and row.cpu_peak_milli < least:
        hours += 1
    return Idle(hours, peak, least)
