"""The rule, busbar-merit-1: a batch of orders against the book.

1. Orders that run now come first, then those that may wait for a later slot. Within each: the
   higher cap, then the larger draw, then the smaller lot.
2. Each takes the first row of its merit order (cost of its term per DTU; then the start; then the
   fuller node; then the smaller lot) that has room for it in every slot of the term and whose
   price its class can bear (`prices.py`).
3. The price of a zone, class and cell is the highest ask accepted in it; everybody in it pays it.
4. Money: an order whose namespace cannot hold the term's cost is refused, in the same sequence.

No input order, clock or chance takes part: the same book, orders, `now` and seed give the same
clearing. docs/market.md has the rule in words and why each part is so. Next: `funnel.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from busbar.market.axis import make_axis
from busbar.market.book import Book
from busbar.market.calendar import Segment
from busbar.market.funds import Funds, Purse
from busbar.market.funnel import Explainer
from busbar.market.lots import lot
from busbar.market.matching import Matching, Placement
from busbar.market.orders import Order
from busbar.market.outcome import ClassPrice, Clearing, Match, Refusal, cost_of
from busbar.market.terms import Untimely, Window, window_of
from busbar.model.dtu import REFERENCE_RATING, draw_micro
from busbar.model.time import Instant

RULE = "busbar-merit-1"

Timely = list[tuple[Order, Window]]


def clear(
    book: Book,
    orders: Iterable[Order],
    now: Instant,
    *,
    seed: int | None = None,
    funds: Mapping[str, Funds] | None = None,
) -> Clearing:
    """Clear a batch. `seed` breaks ties (default: `now`); without `funds` money is no limit."""
    seed = now if seed is None else seed
    timely, refused = _split(orders, now)
    timely.sort(key=lambda pair: _turn(pair[0], pair[1], now, seed))
    tariffs = book.columns.tariffs.values
    axis = make_axis((calendar for calendar, _ in tariffs), now, _until(timely, now))
    while True:
        matching = Matching(book.columns, book.commitments, axis, seed)
        placed, unplaced, poor = _place(matching, timely, Purse(funds))
        poor += _unable(matching, placed, Purse(funds))
        refused += poor
        if len(placed) + len(unplaced) + len(poor) == len(timely):
            break
        out = {refusal.order for refusal in poor}
        timely = [pair for pair in timely if pair[0].id not in out]
    explainer = Explainer(matching, book.vendors)
    refused += [_refusal(explainer, order, window) for order, window in unplaced]
    return Clearing(
        now,
        seed,
        RULE,
        tuple(sorted(_matches(matching, placed))),
        tuple(sorted(refused)),
        tuple(_class_prices(matching, placed)),
        partial(_cheaper, explainer, matching, {p.order.id: p for p in placed}),
    )


def _split(orders: Iterable[Order], now: Instant) -> tuple[Timely, list[Refusal]]:
    """Part the orders that can still run in time from those that cannot."""
    timely: Timely = []
    untimely: list[Refusal] = []
    for order in orders:
        window = window_of(order, now)
        if isinstance(window, Untimely):
            untimely.append(Refusal(order.id, order.namespace, window.reason, window.message))
        else:
            timely.append((order, window))
    return timely, untimely


def _until(timely: Timely, now: Instant) -> Instant:
    ends = (w.latest_end if w.forward else w.first + w.length for _, w in timely)
    return max(ends, default=now + 1)


def _turn(order: Order, window: Window, now: Instant, seed: int) -> tuple[bool, int, int, int]:
    """Give the key by which orders take their turns."""
    waits = window.forward or window.first > now
    draw = draw_micro(order.requests, REFERENCE_RATING)
    return waits, -order.cap_nano, -draw, lot(order.id, seed)


def _place(
    matching: Matching, timely: Timely, purse: Purse
) -> tuple[list[Placement], Timely, list[Refusal]]:
    """Let each order in turn take its place; gives those placed, those that found none, the poor.

    Who cannot pay even what the offer asks is refused before taking any room.
    """
    placed: list[Placement] = []
    unplaced: Timely = []
    poor: list[Refusal] = []
    for order, window in timely:
        placement = matching.find(order, window)
        if placement is None:
            unplaced.append((order, window))
            continue
        segments = matching.axis.segments(placement.span, matching.asked(placement))
        short = purse.hold(order.namespace, cost_of(segments, matching.draw(placement)))
        if short is None:
            matching.take(placement)
            placed.append(placement)
        else:
            poor.append(Refusal(order.id, order.namespace, *short))
    return placed, unplaced, poor


def _unable(matching: Matching, placed: list[Placement], purse: Purse) -> list[Refusal]:
    """Give those placed who cannot hold the uniform price, in turn.

    They could pay the ask but not the price, so they took room: the batch is placed again without
    them, and what is published can be computed again by who does not know their balance.
    """
    found = []
    for placement in placed:
        order = placement.order
        segments = _segments(matching, placement)
        short = purse.hold(order.namespace, cost_of(segments, matching.draw(placement)))
        if short is not None:
            found.append(Refusal(order.id, order.namespace, *short))
    return found


def _segments(matching: Matching, placement: Placement) -> tuple[Segment, ...]:
    zone = int(matching.columns.zones.codes[placement.row])
    prices = matching.prices(placement.order.eligibility).of(zone, placement.span)
    return matching.axis.segments(placement.span, prices)


def _matches(matching: Matching, placed: list[Placement]) -> Iterator[Match]:
    for placement in placed:
        order, supply = placement.order, matching.columns.rows[placement.row]
        segments = _segments(matching, placement)
        yield Match(
            order=order.id,
            namespace=order.namespace,
            node=supply.node,
            vendor=supply.vendor,
            zone=supply.zone,
            offer=supply.offer,
            offer_version=supply.offer_version,
            draw_micro=matching.draw(placement),
            price_nano=segments[0].price_nano,
            ask_nano=matching.asked(placement)[0],
            segments=segments,
        )


def _refusal(explainer: Explainer, order: Order, window: Window) -> Refusal:
    reason, funnel = explainer.refusal(order, window)
    return Refusal(order.id, order.namespace, reason, funnel.sentence, funnel)


def _class_prices(matching: Matching, placed: list[Placement]) -> list[ClassPrice]:
    """Give the published prices: of every zone and class, each cell in which somebody pays."""
    found = set()
    edges = matching.axis.edges
    for wanted in {placement.order.eligibility for placement in placed}:
        paid = matching.prices(wanted).paid
        for code, zone in enumerate(matching.columns.zones.values):
            for cell, price in enumerate(paid[code].tolist()):
                if price >= 0:
                    found.add(ClassPrice(zone, wanted, edges[cell], edges[cell + 1], price))
    return sorted(found)


def _cheaper(
    explainer: Explainer, matching: Matching, placed: Mapping[str, Placement], order: str
) -> tuple[str, ...]:
    placement = placed.get(order)
    if placement is None:
        return ()
    return explainer.cheaper(placement.order, placement.window, matching.asked(placement)[0])
