"""When a running service moves to a cheaper place, and when it stays: a published rule.

What both places ask over the coming day is compared, per DTU and at the draw that the service has;
the saving must be a multiple of what moving costs. That multiple doubles with each move of the last
day, so a service cannot go back and forth, whatever vendors do to their prices; and the new
contract is made for as long as it takes to pay the move back, at prices that are then fixed.
The words of it are in docs/market.md. Next: `publish.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from busbar.market.calendar import Calendar, Segment
from busbar.model.dtu import amount
from busbar.model.time import DAY, HOUR, MINUTE, Instant


class Rule(NamedTuple):
    """The numbers of the rule."""

    horizon_ms: int = DAY
    """How far both places are compared."""
    unrest_ms: int = HOUR
    """What being moved is worth to a service: so much of its own running time."""
    threshold: int = 2
    """How often the saving must pay for the move, where there was none in the last day."""
    stay_ms: int = HOUR
    """The least time at a place."""
    window_ms: int = DAY
    """How long a move raises the threshold."""
    leave_ms: int = 15 * MINUTE
    """How long before its place ends a service looks for another, whatever it costs."""


RULE = Rule()
START_MS = 2 * MINUTE
"""How long a start takes where nobody has seen one."""
START_MS_MAX = 30 * MINUTE
WEIGHT = 1000
"""The weight of an ordinary Pod, in thousandths."""
WEIGHT_MIN, WEIGHT_MAX = 100, 10_000


class Why(StrEnum):
    """Why a service moves: a closed list."""

    CHEAPER = "Cheaper"
    PLACE_ENDS = "PlaceEnds"


class Stays(StrEnum):
    """Why a service stays: a closed list."""

    MINIMUM_STAY = "MinimumStay"
    NOT_CHEAPER = "NotCheaper"
    BELOW_THRESHOLD = "BelowThreshold"


class Tenancy(NamedTuple):
    """The place that a service has.

    `paid` are the slots of its contract, `calendar` what its offer asks after them (None: it was
    withdrawn). `moved` are the times of its moves. `start_ms` is how long its start took.
    """

    draw_micro: int
    cap_nano: int
    paid: tuple[Segment, ...]
    calendar: Calendar | None
    since: Instant
    moved: tuple[Instant, ...] = ()
    start_ms: int = START_MS
    weight: int = WEIGHT


class Move(NamedTuple):
    """It moves. `term_ms` is how long the new contract is made for at least."""

    why: Why
    saving_nano: int
    disruption_nano: int
    threshold: int
    term_ms: int

    @property
    def is_worth_it(self) -> bool:
        """Say whether the saving covers what the move costs at all."""
        return self.why is Why.PLACE_ENDS or self.saving_nano >= self.disruption_nano


class Stay(NamedTuple):
    """It stays where it is."""

    why: Stays
    saving_nano: int = 0
    disruption_nano: int = 0
    threshold: int = 0


def weight_of(deletion_cost: int, priority: int) -> int:
    """Give the weight of a Pod: one and a part for what its author says, as Karpenter has it."""
    more = deletion_cost * WEIGHT // 2**27 + priority * WEIGHT // 2**25
    return max(WEIGHT_MIN, min(WEIGHT + more, WEIGHT_MAX))


def threshold_after(moved: Iterable[Instant], now: Instant, rule: Rule = RULE) -> int:
    """Give the threshold: it doubles with each move of the last day."""
    recent = sum(1 for at in moved if now - at < rule.window_ms)
    return rule.threshold << min(recent, 30)


def consider(
    here: Tenancy,
    there: Calendar,
    now: Instant,
    rule: Rule = RULE,
    *,
    paid: tuple[Segment, ...] = (),
    data_nano: int = 0,
) -> Move | Stay:
    """Decide between the place it has and another; `paid` are slots bought there already.

    `data_nano` is what reading its data again costs there.
    """
    end = now + rule.horizon_ms
    ours = _asks(here.paid, here.calendar, here.cap_nano, now, end)
    theirs = _asks(paid, there, here.cap_nano, now, end)
    if _ends(ours, now) - now <= rule.leave_ms and _ends(theirs, now) > _ends(ours, now):
        return Move(Why.PLACE_ENDS, 0, 0, 0, 0)
    if now - here.since < rule.stay_ms:
        return Stay(Stays.MINIMUM_STAY)
    steps = list(_steps(ours, theirs, here.draw_micro))
    saving = sum(step.saving for step in steps)
    if saving <= 0:
        return Stay(Stays.NOT_CHEAPER, saving)
    disruption = _disruption(here, steps, rule) + data_nano
    if _ends(theirs, now) < min(end, _ends(ours, now)):
        # It closes before this one does: another move will follow.
        disruption *= 2
    threshold = threshold_after(here.moved, now, rule)
    if saving < threshold * disruption:
        return Stay(Stays.BELOW_THRESHOLD, saving, disruption, threshold)
    term = _paid_back(steps, threshold * disruption) - now
    return Move(Why.CHEAPER, saving, disruption, threshold, term)


def tenancy_cost(here: Tenancy, start: Instant, end: Instant) -> int:
    """Give what a place costs over some time, as far as it is open."""
    asks = _asks(here.paid, here.calendar, here.cap_nano, start, end)
    return sum(amount(price, here.draw_micro, right - left) for left, right, price in asks)


class _Step(NamedTuple):
    end: Instant
    ms: int
    ours: int
    saving: int


def _asks(
    paid: tuple[Segment, ...], calendar: Calendar | None, cap: int, start: Instant, end: Instant
) -> list[Segment]:
    """Give what a place asks from `start` until it closes, passes the cap, or `end`."""
    found = [
        Segment(max(left, start), min(right, end), price)
        for left, right, price in paid
        if right > start and left < end
    ]
    at = max([start, *(segment.end for segment in found)])
    for left, right, ask in calendar.pieces(at, end) if calendar is not None and at < end else ():
        if ask is None or ask > cap:
            break
        found.append(Segment(left, right, ask))
    return found


def _ends(asks: list[Segment], now: Instant) -> Instant:
    return asks[-1].end if asks else now


def _steps(ours: list[Segment], theirs: list[Segment], draw: int) -> Iterator[_Step]:
    """Give the time that both places are open, cut wherever one changes its price."""
    one, other = 0, 0
    while one < len(ours) and other < len(theirs):
        mine, its = ours[one], theirs[other]
        left, right = max(mine.start, its.start), min(mine.end, its.end)
        if left < right:
            cost = amount(mine.price_nano, draw, right - left)
            yield _Step(
                right, right - left, cost, cost - amount(its.price_nano, draw, right - left)
            )
        if mine.end <= right:
            one += 1
        if its.end <= right:
            other += 1


def _disruption(here: Tenancy, steps: list[_Step], rule: Rule) -> int:
    """Give what moving costs: unrest at the price of the place it has, and a start paid twice."""
    span = sum(step.ms for step in steps)
    ours = sum(step.ours for step in steps)
    saving = sum(step.saving for step in steps)
    unrest = ours * rule.unrest_ms * here.weight // (span * WEIGHT)
    twice = (ours - saving) * min(here.start_ms, START_MS_MAX) // span
    return max(1, unrest + twice)


def _paid_back(steps: list[_Step], wanted: int) -> Instant:
    """Give when the saving has come to what is wanted."""
    saved = 0
    for step in steps:
        if saved + step.saving >= wanted:
            rest, part = wanted - saved, max(1, step.saving)
            return step.end - step.ms + -(-step.ms * rest // part)
        saved += step.saving
    return steps[-1].end
