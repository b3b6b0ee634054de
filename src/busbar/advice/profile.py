"""A workload's use over weeks, small enough to store: a row an hour, a histogram a container.

Samples are summed up here and forgotten. A row has the mean and the peak of cpu and the peak of
the working set of the hour, of one Pod: how many there are is not the workload's size. Rows are
kept for 28 days, as `unusual.py` wants them. Next: `histogram.py`, `sizing.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from busbar.advice.board import Seen, SeenPod
from busbar.advice.histogram import EMPTY, Histogram, read_histogram, write_histogram
from busbar.model.errors import InvalidField
from busbar.model.objects import Object, status_of, uid_of
from busbar.model.time import DAY, HOUR, Instant, format_instant, parse_instant

KEPT_HOURS = 28 * 24
MEMORY_HOURS = 8 * 24
"""How far back a peak of memory counts: eight days, as in the vertical autoscaler."""
RUNS_KEPT = 8
PERCENT = 95


class Row(NamedTuple):
    """One hour: the sum and number of cpu samples, their peak, the peak of memory."""

    cpu_sum_milli: int = 0
    samples: int = 0
    cpu_peak_milli: int = 0
    memory_bytes: int = 0

    @property
    def cpu_milli(self) -> int:
        """Give the mean."""
        return self.cpu_sum_milli // self.samples if self.samples else 0


@dataclass(frozen=True)
class Usage:
    """One container: its cpu as a histogram, its peak of memory by hour."""

    cpu: Histogram = EMPTY
    memory: Mapping[int, int] = field(default_factory=dict)

    @property
    def memory_peak_bytes(self) -> int:
        """Give the peak of what is kept."""
        return max(self.memory.values(), default=0)


@dataclass(frozen=True)
class Profile:
    """What is known of a workload."""

    subject: Mapping[str, str]
    first: Instant
    last: Instant
    samples: int = 0
    runs: int = 0
    """How many Pods of it were seen."""
    latest: tuple[str, ...] = ()
    """The uids of the latest of them."""
    containers: Mapping[str, Usage] = field(default_factory=dict)
    hours: Mapping[int, Row] = field(default_factory=dict)


def fold(known: Profile | None, subject: Mapping[str, str], pods: Iterable[SeenPod]) -> Profile:
    """Add what was seen of a workload's Pods."""
    found = known
    for seen in pods:
        if found is None:
            found = Profile(subject, seen.at, seen.at)
        found = _add(found, seen)
    assert found is not None, "a profile begins with something that was seen"
    return found


def _add(profile: Profile, seen: SeenPod) -> Profile:
    hour, uid = seen.at // HOUR, uid_of(seen.pod)
    is_new = uid not in profile.latest
    containers = dict(profile.containers)
    for name, one in seen.containers.items():
        before = containers.get(name, Usage())
        memory = {h: peak for h, peak in before.memory.items() if h > hour - MEMORY_HOURS}
        memory[hour] = max(memory.get(hour, 0), one.memory_bytes)
        containers[name] = Usage(before.cpu.take(hour, one.cpu_milli), memory)
    hours = {h: row for h, row in profile.hours.items() if h > hour - KEPT_HOURS}
    hours[hour] = _grown(hours.get(hour, Row()), seen)
    return replace(
        profile,
        last=max(profile.last, seen.at),
        samples=profile.samples + max(map(_count, seen.containers.values()), default=0),
        runs=profile.runs + is_new,
        latest=(*profile.latest, uid)[-RUNS_KEPT:] if is_new else profile.latest,
        containers=containers,
        hours=hours,
    )


def _count(one: Seen) -> int:
    return len(one.cpu_milli)


def _grown(row: Row, seen: SeenPod) -> Row:
    """Add a Pod's samples: those of its containers are of the same moments, the latest last."""
    series = [one.cpu_milli for one in seen.containers.values()]
    length = max(map(len, series), default=0)
    sums = [sum(s[-n] for s in series if len(s) >= n) for n in range(1, length + 1)]
    memory = sum(one.memory_bytes for one in seen.containers.values())
    return Row(
        row.cpu_sum_milli + sum(sums),
        row.samples + length,
        max(row.cpu_peak_milli, *sums, 0),
        max(row.memory_bytes, memory),
    )


def read_profile(obj: Object) -> Profile | None:
    """Read a UseProfile object; None where it cannot be read."""
    said = status_of(obj)
    try:
        return Profile(
            dict(said["subject"]),
            parse_instant(said["firstSeen"], "status.firstSeen"),
            parse_instant(said["lastSeen"], "status.lastSeen"),
            int(said["samples"]),
            int(said["runs"]),
            tuple(said.get("latest") or ()),
            {name: _usage(one) for name, one in (said.get("containers") or {}).items()},
            {int(hour): Row(*row) for hour, row in (said.get("hours") or {}).items()},
        )
    except (KeyError, TypeError, ValueError, InvalidField):
        return None


def _usage(said: Mapping[str, Any]) -> Usage:
    memory = {int(hour): int(peak) for hour, peak in (said.get("memory") or {}).items()}
    return Usage(read_histogram(said.get("cpu") or {}), memory)


def write_profile(profile: Profile) -> dict[str, Any]:
    """Give the status of a UseProfile object."""
    containers = {
        name: {
            "cpuMilli": one.cpu.quantile(PERCENT),
            "memoryBytes": one.memory_peak_bytes,
            "cpu": write_histogram(one.cpu),
            "memory": {str(hour): one.memory[hour] for hour in sorted(one.memory)},
        }
        for name, one in profile.containers.items()
    }
    return {
        "subject": dict(profile.subject),
        "firstSeen": format_instant(profile.first),
        "lastSeen": format_instant(profile.last),
        "samples": profile.samples,
        "runs": profile.runs,
        "latest": list(profile.latest),
        "containers": containers,
        "hours": {str(hour): list(profile.hours[hour]) for hour in sorted(profile.hours)},
    }


def span_ms(profile: Profile) -> int:
    """Give over how long it was seen."""
    return profile.last - profile.first


def is_forgotten(profile: Profile, now: Instant) -> bool:
    """Say whether a workload was not seen for so long that nothing of it is worth keeping."""
    return now - profile.last > KEPT_HOURS * HOUR + DAY
