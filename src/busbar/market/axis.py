"""The time axis of a clearing: slots, and the cells that prices are made for.

A slot is a UTC hour; capacity is sold by the slot. A cell is a slot, or a part of one where some
offer of the book changes its ask inside the hour; there is one price a cell. The axis starts at
the clearing's `now` and ends 48 slots after the present one. Next: `columns.py`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from busbar.market.calendar import Calendar, Segment
from busbar.model.time import HOUR, Instant, slot_of

FORWARD_SLOTS = 48


class Span(NamedTuple):
    """A term [start, end) on the axis: its slots [k0, k1) and its cells [c0, c1)."""

    start: Instant
    end: Instant
    k0: int
    k1: int
    c0: int
    c1: int


class Axis(NamedTuple):
    """Cell edges from `now` on: cell c is [edges[c], edges[c + 1])."""

    now: Instant
    edges: tuple[Instant, ...]

    @property
    def cells(self) -> int:
        """Give how many cells there are."""
        return len(self.edges) - 1

    @property
    def slots(self) -> int:
        """Give how many slots there are, the present one included."""
        return slot_index(self.now, self.edges[-1] - 1) + 1

    def span(self, start: Instant, end: Instant) -> Span:
        """Place a term on the axis."""
        return Span(
            start,
            end,
            slot_index(self.now, start),
            slot_index(self.now, end - 1) + 1,
            bisect_right(self.edges, start) - 1,
            bisect_left(self.edges, end),
        )

    def lengths(self, span: Span) -> list[int]:
        """Give how much of each of its cells a term takes, in ms."""
        inner = self.edges[span.c0 + 1 : span.c1]
        cuts = (span.start, *inner, span.end)
        return [right - left for left, right in pairwise(cuts)]

    def segments(self, span: Span, prices: Iterable[int]) -> tuple[Segment, ...]:
        """Give a contract's segments from the prices of its cells: equal neighbours in one slot."""
        found: list[Segment] = []
        for cell, price in zip(range(span.c0, span.c1), prices, strict=True):
            left = max(span.start, self.edges[cell])
            right = min(span.end, self.edges[cell + 1])
            last = found[-1] if found else None
            if last and last.price_nano == price and left % HOUR:
                found[-1] = last._replace(end=right)
            else:
                found.append(Segment(left, right, price))
        return tuple(found)


def slot_index(now: Instant, at: Instant) -> int:
    """Give which slot an instant is in: 0 is the present one."""
    return (at - slot_of(now).start) // HOUR


def horizon_end(now: Instant) -> Instant:
    """Give the end of the last slot that is traded."""
    return slot_of(now).end + FORWARD_SLOTS * HOUR


def make_axis(calendars: Iterable[Calendar], now: Instant, until: Instant) -> Axis:
    """Make the axis from `now` to the end of the slot that holds the instant before `until`."""
    end = slot_of(until - 1).end
    edges = {now, end, *range(slot_of(now).end, end, HOUR)}
    for calendar in calendars:
        if calendar.rules or calendar.exceptions:
            edges.update(piece.start for piece in calendar.pieces(now, end))
    return Axis(now, tuple(sorted(edges)))
