"""Why not: the funnel of an order, and why cheaper offers were passed over.

Each row gets the first test that it fails, in the published order; a node counts for the row that
came furthest. Nodes that no test of a class can tell apart are counted as one kind, so a funnel
over a hundred thousand nodes is a table of a few hundred rows. Next: `clearing.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from busbar.market.attested import When
from busbar.market.burden import NO_BURDEN
from busbar.market.columns import CLOSED, Bools, Columns, Ints
from busbar.market.company import ALONE
from busbar.market.eligibility import static_tests
from busbar.market.matching import Matching, Placement
from busbar.market.orders import Eligibility, Order, place_wanted
from busbar.market.prices import NO_CAP
from busbar.market.reasons import Count, Funnel, Reason
from busbar.market.restrictions import asked, divided, first_unmet, is_signed
from busbar.market.terms import Window
from busbar.market.words import (
    clause,
    empty_regions,
    lacking,
    price,
    unknown_vendors,
    weight,
)
from busbar.model.dtu import MICRO
from busbar.model.expressions import conjuncts, of_text
from busbar.model.time import HOUR, Instant

_ALL = tuple(Reason)
STAGES = _ALL[_ALL.index(Reason.REGION_NOT_ALLOWED) : _ALL.index(Reason.NO_FREE_CAPACITY) + 1]
"""The reasons about nodes, in the order in which they are asked."""
_STAGE = {reason: i for i, reason in enumerate(STAGES)}
_PASSED = len(STAGES)
_RESTRICTED = _STAGE[Reason.RESTRICTION_NOT_MET], _STAGE[Reason.NOT_ATTESTED]
_MOST_SHOWN = 5


class Kinds(NamedTuple):
    """Rows that stand for all: `rows` of representative nodes, and how many nodes each stands for.

    `node` numbers the representatives 0, 1, …; `stage` is the first static test a row fails.
    """

    rows: Ints
    node: Ints
    weights: Ints
    stage: Ints


class Explainer:
    """Answers why-not about a placed batch."""

    def __init__(self, matching: Matching, known_vendors: frozenset[str]) -> None:
        self._matching, self._known = matching, known_vendors
        self._columns = matching.columns
        self._kinds: dict[Eligibility, Kinds] = {}
        self._timings: dict[tuple[object, ...], Timing] = {}
        self._funnels: dict[tuple[object, ...], tuple[Reason, Funnel]] = {}
        self._passed_over: dict[tuple[object, ...], tuple[str, ...]] = {}

    def refusal(self, order: Order, window: Window) -> tuple[Reason, Funnel]:
        """Give the headline and the funnel of an order that was not placed.

        The headline is the reason of the nodes that came furthest: the nearest thing to change.
        """
        key = (*place_wanted(order), window)
        if key not in self._funnels:
            self._funnels[key] = self._refusal(order, window)
        return self._funnels[key]

    def gang_refusal(self, gang: str) -> tuple[Reason, str, Funnel]:
        """Give reason, sentence and funnel of a gang: those of the first member left out."""
        found, size, zone, blocked = self._matching.missed[gang]
        reason, funnel = self.refusal(blocked.order, blocked.window)
        if zone is None or reason is Reason.UNKNOWN_VENDOR:
            return reason, funnel.sentence, funnel
        where = zone or "no region"
        said = f"{found} of {size} members of the gang find a place in {where}, one of the others"
        return Reason.GANG_NOT_PLACED, f"{said} does not: {funnel.sentence}", funnel

    def _refusal(self, order: Order, window: Window) -> tuple[Reason, Funnel]:
        kinds = self._kinds_for(order)
        zone = None if order.gang is None else self._matching.missed[order.gang.name].zone
        stages = self._stages(kinds, order, window, zone)
        reached = np.zeros(len(kinds.weights), dtype=np.int64)
        np.maximum.at(reached, kinds.node, stages)
        # Whatever passed every test can only have lacked room: see `clearing.py`, step 2.
        reached[reached == _PASSED] = _STAGE[Reason.NO_FREE_CAPACITY]
        nodes = np.bincount(reached, weights=kinds.weights, minlength=_PASSED).astype(np.int64)
        counts = [(STAGES[i], int(n)) for i, n in enumerate(nodes) if n]
        notes = unknown_vendors(order, self._known)
        unknown = len(notes) == len(order.eligibility.vendors) > 0
        notes += empty_regions(order, self._columns.zones.values)
        cheapest = self._cheapest(kinds, stages, order, window)
        clauses = tuple(
            Count(reason, n, f"{n} {said}")
            for reason, number in counts
            for said, n in (
                self._unmet(kinds, stages, reached, order, window, reason)
                if reason in (Reason.RESTRICTION_NOT_MET, Reason.NOT_ATTESTED)
                else ((clause(reason, order, window, cheapest), number),)
            )
        )
        reason = counts[-1][0] if counts else Reason.NO_NODES
        funnel = Funnel(self._columns.node_count, 0, clauses, tuple(notes))
        return (Reason.UNKNOWN_VENDOR if unknown else reason), funnel

    def _unmet(
        self,
        kinds: Kinds,
        stages: Ints,
        reached: Ints,
        order: Order,
        window: Window,
        reason: Reason,
    ) -> Iterator[tuple[str, int]]:
        """Say, part by part of the restrictions, how many nodes it is the first to rule out."""
        where, stage = divided(order.eligibility.where)[0], _STAGE[reason]
        last = (stages == stage) & (reached[kinds.node] == stage)
        furthest = np.full(len(reached), -1, dtype=np.int64)
        unmet = self._first_unmet(where, kinds.rows[last], window, reason)
        np.maximum.at(furthest, kinds.node[last], unmet)
        whole = of_text(where)
        for number, part in enumerate((*conjuncts(whole), whole)):
            nodes = int(kinds.weights[furthest == number].sum())
            if nodes:
                yield lacking(part, reason), nodes

    def _first_unmet(self, where: str, rows: Ints, window: Window, reason: Reason) -> Ints:
        """Give the part that each row does not meet, now or, where it does now, for the term."""
        now = self._matching.axis.now
        said = reason is Reason.RESTRICTION_NOT_MET
        found = first_unmet(self._columns, where, rows, When(now, now + 1), said=said)
        if said:
            return found
        term = When(now, window.first + window.length)
        return np.minimum(found, first_unmet(self._columns, where, rows, term))

    def cheaper(self, placement: Placement) -> tuple[str, ...]:
        """Give, for offers that ask less when the term starts, why the order is not there."""
        order, _, row, span, _ = placement
        tariff = int(self._columns.tariffs.codes[row])
        asks = self._matching.asks[:, span.c0]
        if not ((asks < asks[tariff]) & (asks != CLOSED)).any():
            return ()
        key = (*place_wanted(order), span, tariff)
        if key not in self._passed_over:
            self._passed_over[key] = self._cheaper(placement)
        return self._passed_over[key]

    def _cheaper(self, placement: Placement) -> tuple[str, ...]:
        order, window, row, span, _ = placement
        kinds = self._kinds_for(order)
        zone = None if order.gang is None else self._columns.rows[row].zone
        stages = self._stages(kinds, order, window, zone)
        tariffs = self._columns.tariffs.codes
        ask = self._matching.asks[tariffs[row], span.c0]
        asks = self._matching.asks[tariffs[kinds.rows], span.c0]
        best: dict[tuple[int, str, str], tuple[int, str]] = {}
        for at in np.flatnonzero((asks < ask) & (asks != CLOSED)).tolist():
            supply = self._columns.rows[int(kinds.rows[at])]
            key = (int(asks[at]), supply.vendor, supply.offer)
            stage = int(stages[at])
            why = clause(STAGES[min(stage, _PASSED - 1)], order, window)
            if stage in _RESTRICTED:
                rows, reason = kinds.rows[at : at + 1], STAGES[stage]
                where = divided(order.eligibility.where)[0]
                part = int(self._first_unmet(where, rows, window, reason)[0])
                whole = of_text(where)
                why = lacking((*conjuncts(whole), whole)[part], reason)
            if stage == _PASSED:
                why = self._dearer(placement, int(kinds.rows[at])) or why
            best[key] = max(best.get(key, (0, "")), (stage, why))
        found = [
            f"{vendor} at {price(nano)}: {why}"
            for (nano, vendor, _), (_, why) in sorted(best.items())
        ]
        more = len(found) - _MOST_SHOWN
        return (*found[:_MOST_SHOWN], *((f"and {more} more",) if more > 0 else ()))

    def _dearer(self, placement: Placement, row: int) -> str:
        """Say that a row that begins lower costs more in all; "" where it does not."""
        span, asks = placement.span, self._matching.asks
        tariffs = self._columns.tariffs.codes
        lengths = np.array(self._matching.axis.lengths(span))
        theirs, ours = (asks[tariffs[at], span.c0 : span.c1] for at in (row, placement.row))
        if CLOSED in theirs:
            return ""
        more = int((theirs - ours) @ lengths)
        if more >= 0:
            return f"dearer over the whole term ({price(int(theirs.max()))} later)"
        order = placement.order
        if order.burden is NO_BURDEN:
            return ""
        loaded = self._matching.loaded(order.burden)
        lost = int(theirs[0]) * loaded.lost_ms(row) - int(ours[0]) * loaded.lost_ms(placement.row)
        moved = loaded.moving(row) - loaded.moving(placement.row)
        beyond = (more + lost) * self._matching.base_draw(order) + moved * MICRO * HOUR
        return weight(order.burden, loaded, row, placement.row) if beyond >= 0 else ""

    def _stages(
        self, kinds: Kinds, order: Order, window: Window, gang_zone: str | None = None
    ) -> Ints:
        """Give the first test that each row fails, `_PASSED` where it fails none."""
        columns = self._columns
        stage = kinds.stage.copy()
        nodes = columns.node_of_row[kinds.rows]
        if order.avoid:
            avoided = np.isin(nodes, columns.nodes_named(order.avoid))
            _fail(stage, avoided, Reason.AVOIDED_NODE)
        if order.dealings.declined:
            _fail(stage, self._matching.declined(order)[kinds.rows], Reason.DECLINED_BY_VENDOR)
        if order.dealings.consumer:
            _fail(stage, self._used_up(order, window)[kinds.rows], Reason.VENDOR_LIMIT)
        if is_signed(order.eligibility.where):
            _fail(stage, ~self._lasting(order.eligibility, window)[kinds.rows], Reason.NOT_ATTESTED)
        tariffs, zones = columns.tariffs.codes[kinds.rows], columns.zones.codes[kinds.rows]
        timing = self._timing(order, window)
        _fail(stage, timing.closed[tariffs], Reason.OFFER_UNAVAILABLE)
        _fail(stage, timing.dear[tariffs], Reason.PRICE_ABOVE_CAP)
        if order.burden.cap_nano is not None:
            within = self._matching.loaded(order.burden).within
            if within is not None:
                _fail(stage, ~within[kinds.rows], Reason.EGRESS_ABOVE_CAP)
        for have, need, reason in zip(columns.capacity, order.requests, _SHORT, strict=True):
            _fail(stage, have[nodes] < need, reason)
        _fail(stage, columns.minimum_terms[tariffs] > window.length, Reason.MINIMUM_TERM_TOO_LONG)
        if order.company != ALONE:
            eligible = self._matching.eligible(order.eligibility)
            for rule in self._matching.neighbours.allowed(order.company, eligible):
                _fail(stage, ~rule.domains[rule.codes[kinds.rows]], rule.reason)
        if gang_zone is not None:
            outside = columns.zones.where([zone != gang_zone for zone in columns.zones.values])
            _fail(stage, outside[kinds.rows], Reason.OUTSIDE_GANG_ZONE)
        _fail(stage, timing.unbearable[zones, tariffs], Reason.CLEARING_PRICE_ABOVE_CAP)
        return stage

    def _used_up(self, order: Order, window: Window) -> Bools:
        """Give the rows whose vendor sells no more of them to the consumer in any term."""
        shares, axis = self._matching.shares, self._matching.axis
        spans = [axis.span(start, end) for start, end in window.terms()]
        allowed = np.array([shares.allowed(order, span) for span in spans]).any(axis=0)
        return np.asarray(~np.append(allowed, True)[shares.offer_of_row])

    def _lasting(self, wanted: Eligibility, window: Window) -> Bools:
        """Give the rows whose signatures last for one term of the window at least."""
        wanted = wanted._replace(where=divided(wanted.where)[0])
        found = np.zeros(self._columns.row_count, dtype=bool)
        for _, end in window.terms():
            lasting = self._matching.lasting(wanted, end)
            found |= True if lasting is None else lasting
        return found

    def _timing(self, order: Order, window: Window) -> Timing:
        """Judge each tariff over all terms of the window: one good term is enough."""
        key = order.eligibility, order.cap_nano, window
        if key not in self._timings:
            self._timings[key] = self._judged(order, window)
        return self._timings[key]

    def _judged(self, order: Order, window: Window) -> Timing:
        asks, cap = self._matching.asks, order.cap_nano
        prices = self._matching.prices(order.eligibility)
        tariffs, zones = len(asks), len(self._columns.zones.values)
        closed, dear = np.ones(tariffs, dtype=bool), np.ones(tariffs, dtype=bool)
        unbearable = np.ones((zones, tariffs), dtype=bool)
        lowest = np.full(tariffs, NO_CAP, dtype=asks.dtype)
        for start, end in window.terms():
            span = self._matching.axis.span(start, end)
            cells = asks[:, span.c0 : span.c1]
            is_open, top = np.asarray((cells != CLOSED).all(axis=1)), cells.max(axis=1)
            closed &= ~is_open
            dear &= ~(is_open & (top <= cap))
            lowest = np.where(is_open, np.minimum(lowest, top), lowest)
            unbearable &= ~(prices.bearable(span, cap) & is_open)
        return Timing(closed, dear, unbearable, lowest)

    def _cheapest(self, kinds: Kinds, stages: Ints, order: Order, window: Window) -> int | None:
        """Give what the cheapest row above the cap asks, of those large enough if there are any."""
        columns = self._columns
        dear = stages == _STAGE[Reason.PRICE_ABOVE_CAP]
        if not dear.any():
            return None
        capacity = columns.capacity[:, columns.node_of_row[kinds.rows]]
        large = (capacity >= np.array(order.requests).reshape(-1, 1)).all(axis=0)
        rows = kinds.rows[dear & large] if (dear & large).any() else kinds.rows[dear]
        return int(min(self._timing(order, window).lowest[columns.tariffs.codes[rows]]))

    def _kinds_for(self, order: Order) -> Kinds:
        """Give the rows to look at: all of them where the order avoids nodes by name."""
        wanted = order.eligibility
        if order.avoid or order.company != ALONE:
            return self._sorted(wanted, merged=False)
        if wanted not in self._kinds:
            self._kinds[wanted] = self._sorted(wanted, merged=True)
        return self._kinds[wanted]

    def _sorted(self, wanted: Eligibility, *, merged: bool) -> Kinds:
        return _kinds(self._columns, wanted, self._matching.axis.now, merged=merged)


_SHORT = (
    Reason.NOT_ENOUGH_CPU,
    Reason.NOT_ENOUGH_MEMORY,
    Reason.NOT_ENOUGH_GPU,
    Reason.NOT_ENOUGH_EPHEMERAL_STORAGE,
)
"""Why not, by dimension: in the order of the fields of `Resources`."""


class Timing(NamedTuple):
    """Of each tariff: closed in every term; above the cap in every open one; unbearable (by zone)
    in every term; and the lowest price at which some term could be had."""

    closed: Bools
    dear: Bools
    unbearable: Bools
    lowest: npt.NDArray[Any]


def _fail(stage: Ints, failed: Bools, reason: Reason) -> None:
    """Note a failed test where no earlier one has failed."""
    number = _STAGE[reason]
    stage[failed & (stage > number)] = number


def _kinds(columns: Columns, wanted: Eligibility, now: Instant, *, merged: bool) -> Kinds:
    rows, node = np.arange(columns.row_count), columns.node_of_row
    weights = np.ones(columns.node_count, dtype=np.int64)
    if merged:
        labels = tuple(key for key, _ in wanted.selector)
        rows, node, weights = columns.kinds(labels, asked(wanted.where))
    stage = np.full(len(rows), _PASSED, dtype=np.int64)
    for reason, passed in static_tests(columns, wanted, now):
        _fail(stage, ~passed[rows], reason)
    return Kinds(rows, node, weights, stage)
