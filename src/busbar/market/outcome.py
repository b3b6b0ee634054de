"""What a clearing says: matches, refusals, prices. Next: `clearing.py`, which finds them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from busbar.market.burden import Loss
from busbar.market.calendar import Segment
from busbar.market.orders import Eligibility
from busbar.market.reasons import ADVICE, Funnel, Reason
from busbar.model.dtu import amount
from busbar.model.time import Instant


def cost_of(segments: Iterable[Segment], draw: int) -> int:
    """Give what a draw over segments costs; each segment is rounded down alone, as it is billed."""
    return sum(amount(price, draw, end - start) for start, end, price in segments)


class Match(NamedTuple):
    """An order met a node under an offer, for [segments[0].start, segments[-1].end).

    `price_nano` is the price of the first segment; `ask_nano` what the offer asked in it.
    `moving_nano` is what the data that it is expected to move costs: a line of its own.
    `lost` is the time that was weighed of the place, which nobody is billed for.
    """

    order: str
    namespace: str
    node: str
    vendor: str
    zone: str
    offer: str
    offer_version: int
    draw_micro: int
    price_nano: int
    ask_nano: int
    segments: tuple[Segment, ...]
    moving_nano: int = 0
    lost: tuple[Loss, ...] = ()
    later: tuple[Match, ...] = ()
    """The pieces in which it goes on, for work that is interrupted."""

    @property
    def pieces(self) -> tuple[Match, ...]:
        """Give all pieces, the first one included."""
        return (self, *self.later)

    @property
    def start(self) -> Instant:
        """Give when the contract starts; later than the clearing's time for an order that waits."""
        return self.segments[0].start

    @property
    def end(self) -> Instant:
        """Give when the reserved term ends; a running contract rolls from there."""
        return self.segments[-1].end

    @property
    def highest_nano(self) -> int:
        """Give the highest price of the term."""
        return max(segment.price_nano for segment in self.segments)

    @property
    def compute_nano(self) -> int:
        """Give the most that the term can cost, its data aside."""
        return cost_of(self.segments, self.draw_micro)

    @property
    def hold_nano(self) -> int:
        """Give what is held for it: the most that the term can cost, and its data."""
        return self.compute_nano + self.moving_nano


class Refusal(NamedTuple):
    """An order that was not matched in this batch, why, and where the nodes went."""

    order: str
    namespace: str
    reason: Reason
    message: str
    funnel: Funnel | None = None

    @property
    def sentence(self) -> str:
        """Give what is wrong and what to do next."""
        return f"{self.message}. {ADVICE[self.reason]}"


class ClassPrice(NamedTuple):
    """The uniform price of a zone and an eligibility class in a part of a slot."""

    zone: str
    eligibility: Eligibility
    start: Instant
    end: Instant
    price_nano: int


Explain = Callable[[str], tuple[str, ...]]
"""Says of an order why cheaper offers were not eligible."""


def _unexplained(_: str) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Clearing:
    """The outcome of one batch. Matches and refusals are sorted by order id."""

    at: Instant
    seed: int
    rule: str
    matches: tuple[Match, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    prices: tuple[ClassPrice, ...] = ()
    explain: Explain = field(default=_unexplained, compare=False, repr=False)

    def cheaper(self, order: str) -> tuple[str, ...]:
        """Say of a matched order why cheaper offers were not eligible, one clause each.

        Such as `hansecloud at 0.02 €/DTU: outside region Sweden`. Worked out when asked for.
        """
        return self.explain(order)

    def zone_prices(self) -> dict[str, int]:
        """Give each zone's highest price of a contract that starts now, nano-euro per DTU."""
        found: dict[str, int] = {}
        for match in self.matches:
            if match.start == self.at:
                found[match.zone] = max(match.price_nano, found.get(match.zone, 0))
        return found
