"""From placements to the outcome: matches with their prices, refusals with their funnels.

Next: `funnel.py`, then `publish.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from operator import attrgetter
from typing import Any

from busbar.market.axis import Span
from busbar.market.book import Book
from busbar.market.burden import Loss, losses
from busbar.market.calendar import Segment
from busbar.market.funnel import Explainer
from busbar.market.matching import Matching, Placement
from busbar.market.orders import Eligibility
from busbar.market.outcome import ClassPrice, Explain, Match, Refusal, cost_of
from busbar.market.turns import Turn
from busbar.model.dtu import amount

Results = tuple[tuple[Match, ...], tuple[Refusal, ...], tuple[ClassPrice, ...], Explain]

_ORDER = attrgetter("order")


def results(
    book: Book, matching: Matching, turns: list[Turn], refused: Iterable[Refusal]
) -> Results:
    """Give matches and refusals by order id, the prices, and what explains a match."""
    explainer = Explainer(matching, book.vendors)
    placed = {turn.order.id: turn.placement for turn in turns if turn.placement is not None}
    return (
        tuple(sorted(_matches(matching, turns), key=_ORDER)),
        tuple(sorted([*refused, *_refusals(explainer, turns)], key=_ORDER)),
        tuple(_class_prices(matching, placed.values())),
        partial(_cheaper, explainer, matching, placed),
    )


class PriceList:
    """The segments of placements at the uniform prices; equal ones are made once."""

    def __init__(self, matching: Matching) -> None:
        self._matching = matching
        self._known: dict[tuple[int, Eligibility, Span], tuple[Segment, ...]] = {}

    def segments(self, placement: Placement) -> tuple[Segment, ...]:
        """Give the uniform prices over a placement's term."""
        matching, span = self._matching, placement.span
        wanted = placement.order.eligibility
        zone = int(matching.columns.zones.codes[placement.row])
        key = zone, wanted, span
        if key not in self._known:
            prices = matching.prices(wanted).of(zone, span)
            self._known[key] = matching.axis.segments(span, prices)
        return self._known[key]

    def cost(self, placement: Placement) -> int:
        """Give what the term and its data cost: the hold."""
        term = cost_of(self.segments(placement), self._matching.draw(placement))
        later = sum(self.cost(part) for part in placement.later)
        return term + self._matching.moving(placement) + later


def _matches(matching: Matching, turns: Iterable[Turn]) -> Iterator[Match]:
    prices = PriceList(matching)
    last: Placement | None = None
    for order, _, _, placement in turns:
        if placement is None:
            continue
        if placement is not last:
            terms, last = _terms(matching, prices, placement), placement
        match = Match(order.id, order.namespace, *terms)
        later = placement.later and _later(matching, prices, placement)
        yield match._replace(later=later) if later else match


def _later(matching: Matching, prices: PriceList, placement: Placement) -> tuple[Match, ...]:
    order = placement.order
    return tuple(
        Match(order.id, order.namespace, *_terms(matching, prices, part))
        for part in placement.later
    )


def _terms(matching: Matching, prices: PriceList, placement: Placement) -> tuple[Any, ...]:
    """Give what all that share a place have in common: a match from its node on."""
    supply, segments = matching.columns.rows[placement.row], prices.segments(placement)
    return (
        supply.node,
        supply.vendor,
        supply.zone,
        supply.offer,
        supply.offer_version,
        matching.draw(placement),
        segments[0].price_nano,
        matching.asked(placement)[0].price_nano,
        segments,
        matching.moving(placement),
        _lost(matching, placement),
    )


def _lost(matching: Matching, placement: Placement) -> tuple[Loss, ...]:
    """Give the time that was weighed of a place, and what it counted as."""
    order = placement.order
    if not order.burden.lost:
        return ()
    found = losses(order.burden.lost, matching.columns.rows[placement.row].node)
    ask, draw = matching.asked(placement)[0].price_nano, matching.base_draw(order)
    return tuple(Loss(why, ms, amount(ask, draw, ms)) for why, ms in found)


def _refusals(explainer: Explainer, turns: Iterable[Turn]) -> Iterator[Refusal]:
    """Give the refusals; those of one kind are told the same."""
    told: dict[int, tuple[Any, ...]] = {}
    for order, window, kind, placement in turns:
        if placement is not None:
            continue
        if kind not in told and order.gang is not None:
            told[kind] = explainer.gang_refusal(order.gang.name)
        elif kind not in told:
            reason, funnel = explainer.refusal(order, window)
            told[kind] = reason, funnel.sentence, funnel
        yield Refusal(order.id, order.namespace, *told[kind])


def _class_prices(matching: Matching, placed: Iterable[Placement]) -> list[ClassPrice]:
    """Give the published prices: of every zone and class, each cell in which somebody pays."""
    found = []
    edges = matching.axis.edges
    for wanted in {placement.order.eligibility for placement in placed}:
        paid = matching.prices(wanted).paid
        for code, zone in enumerate(matching.columns.zones.values):
            for cell, price in enumerate(paid[code].tolist()):
                if price >= 0:
                    found.append(ClassPrice(zone, wanted, edges[cell], edges[cell + 1], price))
    return sorted(found)


def _cheaper(
    explainer: Explainer, matching: Matching, placed: Mapping[str, Placement], order: str
) -> tuple[str, ...]:
    placement = placed.get(order)
    if placement is None:
        return ()
    return explainer.cheaper(placement)
