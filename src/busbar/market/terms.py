"""When an order may run: its term now, and the later starts of one that can wait.

Next: `lanes.py`, which puts rows and starts in merit order.
"""

from __future__ import annotations

from typing import NamedTuple

from busbar.market.axis import horizon_end
from busbar.market.orders import DEFAULT_DURATION, Order
from busbar.market.reasons import Reason
from busbar.model.time import HOUR, Instant, format_duration, format_instant, slot_of


class Window(NamedTuple):
    """The terms an order may take: any [s, s + length) with s in a first start and hours after it.

    `first` is the earliest start; `forward` whether later slots are allowed, up to `latest_end`.
    """

    first: Instant
    length: int
    forward: bool
    latest_end: Instant

    def terms(self) -> list[tuple[Instant, Instant]]:
        """Give every term, earliest first."""
        found = [(self.first, self.first + self.length)]
        start = slot_of(self.first).end
        while self.forward and start + self.length <= self.latest_end:
            found.append((start, start + self.length))
            start += HOUR
        return found


class Untimely(NamedTuple):
    """No term fits: the reason and one clause."""

    reason: Reason
    message: str


def window_of(order: Order, now: Instant) -> Window | Untimely:
    """Give when an order may run, seen from `now`.

    A stated duration must fit before the deadline. An unstated one is taken as an hour and cut at
    the deadline where that is nearer: nobody promised that the work would take that long.
    """
    end, deadline = horizon_end(now), order.deadline
    first = now if order.earliest <= now else -(-order.earliest // HOUR) * HOUR
    length = order.duration or DEFAULT_DURATION
    if deadline is not None and deadline <= now:
        return Untimely(Reason.EXPIRED, f"notAfter {format_instant(deadline)} has passed")
    if first >= end:
        return Untimely(
            Reason.DEADLINE_TOO_CLOSE, "the earliest start lies beyond the 48 hours that are traded"
        )
    if deadline is not None and first + length > deadline:
        if order.duration is not None or deadline <= first:
            need = f"{format_duration(length)} from {format_instant(first)}"
            until = format_instant(deadline)
            return Untimely(Reason.DEADLINE_TOO_CLOSE, f"{need} would end after notAfter {until}")
        return Window(first, deadline - first, False, deadline)
    latest = end if deadline is None else min(end, deadline)
    forward = order.may_wait and first + length <= latest
    return Window(first, min(length, end - first), forward, latest)
