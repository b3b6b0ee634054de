"""Which fee a new contract has: the most specific schedule, then the latest, then the first name.

A contract keeps the fee of its making, so that a schedule may change without touching what was
agreed. Next: `settlement.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from busbar.model.fees import Schedule
from busbar.model.time import Instant


class Fee(NamedTuple):
    """The fee of a contract, and the schedule (`name/version`) it follows; "" for the default."""

    ppm: int
    schedule: str = ""


def fee_for(
    schedules: Iterable[Schedule],
    namespace: str,
    vendor: str,
    volume_nano: int,
    now: Instant,
    default_ppm: int,
) -> Fee:
    """Give the fee of a contract between a namespace and a vendor, made now."""
    fit = [one for one in schedules if one.holds(namespace, vendor, now)]
    if not fit:
        return Fee(default_ppm)
    best = min(fit, key=_rank)
    return Fee(best.ppm(volume_nano), f"{best.name}/{best.version}")


def _rank(schedule: Schedule) -> tuple[object, ...]:
    return not schedule.namespaces, not schedule.vendors, -schedule.start, schedule.name
