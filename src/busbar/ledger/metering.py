"""How much of a contract was delivered: never more than reported, reserved and leased.

Next: `checks.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from busbar.model.time import Instant


class Interval(NamedTuple):
    """Time [start, end); empty where end ≤ start."""

    start: Instant
    end: Instant

    @property
    def ms(self) -> int:
        """Give its length."""
        return max(0, self.end - self.start)

    def meet(self, other: Interval) -> Interval:
        """Give what both cover."""
        return Interval(max(self.start, other.start), min(self.end, other.end))


class Reserved(NamedTuple):
    """A reserved interval of a contract and its price."""

    interval: Interval
    price_nano: int


def delivered(
    started_ms: Instant | None,
    finished_ms: Instant | None,
    *,
    now: Instant,
    leased_until: Instant | None = None,
) -> Interval:
    """Give what a node delivered, as far as it may be believed.

    From its reported start to its reported finish, or to `now`; not beyond `leased_until`, the
    last moment at which a lost node was known to live; never in the future. A node that reports
    a finish before its start, or no start, delivered nothing.
    """
    if started_ms is None:
        return Interval(now, now)
    bounds = (finished_ms, leased_until, now)
    end = min(bound for bound in bounds if bound is not None)
    return Interval(started_ms, max(started_ms, end))


def billable(
    observed: Interval, slots: Iterable[Reserved], settled_until: Instant | None = None
) -> tuple[Reserved, ...]:
    """Give the parts of an observed interval that are reserved and not yet settled, in time order.

    What lies outside every slot was not sold and is not billed; what lies before `settled_until`
    has been.
    """
    if settled_until is not None:
        observed = observed._replace(start=max(observed.start, settled_until))
    parts = []
    for slot in sorted(slots):
        part = slot.interval.meet(observed)
        if part.ms:
            parts.append(Reserved(part, slot.price_nano))
            observed = observed._replace(start=part.end)
    return tuple(parts)


def without(interval: Interval, holes: Iterable[Interval]) -> list[Interval]:
    """Give what is left of an interval outside of some holes, in time order."""
    left, start = [], interval.start
    for hole in sorted(holes):
        if hole.start > start:
            left.append(Interval(start, min(hole.start, interval.end)))
        start = max(start, hole.end)
    left.append(Interval(start, interval.end))
    return [part for part in left if part.ms]
