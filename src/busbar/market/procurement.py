"""What a standing order still has to buy: stretches of hours, each for one unit on one node.

Hours are counted, not contracts: whatever was bought before, in which pieces and on how many
nodes, an hour that has enough units is left alone and one that lacks some is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from busbar.market.axis import horizon_end
from busbar.model.standing_orders import StandingOrder
from busbar.model.time import HOUR, Instant, slot_of


class Stretch(NamedTuple):
    """Time [start, end) for which one unit is held, or missing."""

    start: Instant
    end: Instant


class Plan(NamedTuple):
    """What is missing now, one stretch a unit, and when the standing order is over (None: never).

    `begins` is its first instant.
    """

    missing: tuple[Stretch, ...]
    begins: Instant
    ends: Instant | None


def plan(wanted: StandingOrder, made: Instant, held: Sequence[Stretch], now: Instant) -> Plan:
    """Say what is missing of a standing order made at an instant, seen from `now`."""
    begins = slot_of(made if wanted.not_before is None else wanted.not_before).start
    ends = None if wanted.term is None else begins + wanted.term
    found = [
        stretch
        for block in _blocks(wanted, begins, ends, now)
        for stretch in _missing(wanted.units, block, held)
    ]
    return Plan(tuple(found), max(begins, made), ends)


def _blocks(
    wanted: StandingOrder, begins: Instant, ends: Instant | None, now: Instant
) -> Iterator[Stretch]:
    """Give the blocks inside the horizon, of the first what is left of it."""
    horizon = min(slot_of(now).end + wanted.horizon, horizon_end(now))
    number = max(0, (now - begins) // wanted.block)
    while True:
        start = begins + number * wanted.block
        whole = start + wanted.block
        end = whole if ends is None else min(whole, ends)
        if end > horizon or end <= start:
            return
        yield Stretch(max(start, now), end)
        number += 1


def _missing(units: int, block: Stretch, held: Sequence[Stretch]) -> Iterator[Stretch]:
    """Give, unit by unit, the runs of hours in which fewer than so many are held."""
    hours = list(_hours(block))
    counts = [sum(h.start <= start and end <= h.end for h in held) for start, end in hours]
    for unit in range(min(counts), units):
        run: Stretch | None = None
        for hour, count in zip(hours, counts, strict=True):
            if count > unit:
                if run is not None:
                    yield run
                run = None
            else:
                run = hour if run is None else Stretch(run.start, hour.end)
        if run is not None:
            yield run


def _hours(block: Stretch) -> Iterator[Stretch]:
    start = block.start
    while start < block.end:
        end = min(slot_of(start).end, block.end)
        yield Stretch(start, end)
        start = end


def unit_hours(stretches: Iterable[Stretch], now: Instant) -> int:
    """Count the hours, begun ones included, that stretches still cover."""
    left = (max(0, s.end - max(s.start, slot_of(now).start)) for s in stretches)
    return sum(-(-ms // HOUR) for ms in left)
