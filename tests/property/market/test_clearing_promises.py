"""What every clearing promises, checked from the outside, whatever the market."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.property.market.strategies import (
    NOW,
    batches,
    books,
    busy_market,
    divisible_market,
    driving_market,
    ganging_market,
    ganging_markets,
    laden_market,
    laden_markets,
)

from busbar.market.burden import NO_BURDEN, moving
from busbar.market.clearing import clear
from busbar.market.commitments import Commitment
from busbar.market.funds import Funds
from busbar.market.publish import clearing_to_json, recompute
from busbar.market.reasons import Reason
from busbar.model.dtu import Resources
from busbar.model.time import HOUR

BUSY = range(40)


def laden():
    return st.one_of(laden_markets(), st.builds(laden_market, st.integers(0, 10**6)))


def markets():
    busy = st.builds(busy_market, st.integers(0, 10**6))
    return st.one_of(st.tuples(books(), batches()), busy, laden())


def row_of(book, match):
    return next(r for r in book.supplies if (r.node, r.offer) == (match.node, match.offer))


@settings(max_examples=25, deadline=None)
@given(markets())
def test_nobody_pays_above_their_cap_and_nobody_is_paid_below_their_ask(market):
    book, orders = market
    caps = {order.id: order.cap_nano for order in orders}
    for match in clear(book, orders, NOW).matches:
        calendar = row_of(book, match).calendar
        for start, end, price in match.segments:
            asks = [piece.ask for piece in calendar.pieces(start, end)]
            assert None not in asks
            assert max(asks) <= price <= caps[match.order]


@settings(max_examples=40, deadline=None)
@given(laden())
def test_moving_its_data_costs_nobody_more_than_they_allow_and_is_held_as_asked(market):
    book, orders = market
    known = {order.id: order for order in orders}
    for match in clear(book, orders, NOW).matches:
        data, _, cap = known[match.order].burden
        row = row_of(book, match)
        asked = moving(data, row.rates, row.zone, row.vendor)
        assert match.moving_nano == asked
        assert cap is None or asked <= cap
        assert match.hold_nano == match.compute_nano + asked


@settings(max_examples=25, deadline=None)
@given(markets())
def test_no_node_is_promised_beyond_its_capacity_in_any_slot(market):
    book, orders = market
    needs = {order.id: order.requests for order in orders}
    clearing = clear(book, orders, NOW)
    used: dict[tuple[str, int], Resources] = defaultdict(Resources)
    for match in clearing.matches:
        for hour in range(match.start - match.start % HOUR, match.end, HOUR):
            used[match.node, hour] = used[match.node, hour].plus(needs[match.order])
    for node, resources, start, end in book.commitments:
        for hour in {h for n, h in used if n == node}:
            if start < hour + HOUR and (end is None or end > hour):
                used[node, hour] = used[node, hour].plus(resources)
    capacity = {row.node: row.capacity for row in book.supplies}
    matched = {match.node for match in clearing.matches}
    assert all(sum_.fits_in(capacity[node]) for (node, _), sum_ in used.items() if node in matched)


@settings(max_examples=25, deadline=None)
@given(markets())
def test_a_contract_is_in_time_and_its_segments_follow_each_other_within_hours(market):
    book, orders = market
    known = {order.id: order for order in orders}
    for match in clear(book, orders, NOW).matches:
        order = known[match.order]
        assert max(NOW, order.earliest) <= match.start
        assert order.deadline is None or match.end <= order.deadline
        assert order.may_wait or order.earliest > NOW or match.start == NOW
        ends = [match.start, *(segment.end for segment in match.segments)]
        assert [segment.start for segment in match.segments] == ends[:-1]
        assert all(s.start // HOUR == (s.end - 1) // HOUR for s in match.segments)


@settings(max_examples=25, deadline=None)
@given(markets())
def test_every_order_is_answered_once(market):
    book, orders = market
    clearing = clear(book, orders, NOW)
    answered = [match.order for match in clearing.matches]
    answered += [refusal.order for refusal in clearing.refusals]
    assert sorted(answered) == sorted(order.id for order in orders)


@settings(max_examples=20, deadline=None)
@given(markets())
def test_all_of_one_zone_class_and_instant_pay_the_same(market):
    book, orders = market
    classes = {order.id: order.eligibility for order in orders}
    paid: dict[tuple[object, ...], set[int]] = defaultdict(set)
    clearing = clear(book, orders, NOW)
    edges = sorted({s.start for match in clearing.matches for s in match.segments})
    for match in clearing.matches:
        for start, end, price in match.segments:
            for edge in edges:
                if start <= edge < end:
                    paid[match.zone, classes[match.order], edge].add(price)
    # A cell's price also counts who leaves inside it, so only what runs together is compared.
    assert all(len(prices) == 1 for prices in paid.values())


@settings(max_examples=25, deadline=None)
@given(markets())
def test_an_order_alone_pays_what_its_supplier_asks(market):
    book, orders = market
    for order in orders:
        for match in clear(book, [order], NOW).matches:
            asked = row_of(book, match).calendar.segments(match.start, match.end)
            assert [(s.start, s.end, s.price_nano) for s in match.segments] == [
                (s.start, s.end, s.price_nano) for s in _merged(asked)
            ]


def _merged(segments):
    found = []
    for segment in segments:
        if found and found[-1].price_nano == segment.price_nano and segment.start % HOUR:
            found[-1] = found[-1]._replace(end=segment.end)
        else:
            found.append(segment)
    return found


@settings(max_examples=25, deadline=None)
@given(markets())
def test_who_found_no_room_finds_none_either_once_the_others_have_their_contracts(market):
    book, orders = market
    clearing = clear(book, orders, NOW)
    needs = {order.id: order.requests for order in orders}
    taken = [Commitment(m.node, needs[m.order], m.start, m.end) for m in clearing.matches]
    later = type(book).build(book.supplies, [*book.commitments, *taken], book.vendors)
    refused = {r.order for r in clearing.refusals if r.reason is Reason.NO_FREE_CAPACITY}
    for order in orders:
        if order.id in refused:
            again = clear(later, [order], NOW)
            served = {(m.zone, order.eligibility) for m in again.matches}
            # Room that is left must be where the batch's price was above the order's cap.
            dear = {
                (p.zone, p.eligibility) for p in clearing.prices if p.price_nano > order.cap_nano
            }
            assert served <= dear


@settings(max_examples=20, deadline=None)
@given(markets(), st.integers(0, 100_000_000), st.integers(0, 100_000_000))
def test_a_namespace_never_holds_more_than_it_has(market, balance, budget):
    book, orders = market
    funds = {"alpha": Funds(balance, budget), "beta": Funds(balance)}
    clearing = clear(book, orders, NOW, funds=funds)
    held: dict[str, int] = defaultdict(int)
    for match in clearing.matches:
        held[match.namespace] += match.hold_nano
    assert held["alpha"] <= min(balance, budget)
    assert held["beta"] <= balance


@settings(max_examples=20, deadline=None)
@given(markets(), st.integers(0, 100_000_000))
def test_a_clearing_limited_by_money_is_computed_again_without_knowing_the_money(market, balance):
    book, orders = market
    funds = {name: Funds(balance) for name in ("alpha", "beta")}
    status = clearing_to_json(book, orders, clear(book, orders, NOW, funds=funds))
    assert recompute(status) == status


@settings(max_examples=20, deadline=None)
@given(markets())
def test_a_funnel_counts_each_node_once(market):
    book, orders = market
    nodes = len({row.node for row in book.supplies})
    for refusal in clear(book, orders, NOW).refusals:
        if refusal.funnel is not None:
            assert sum(count.nodes for count in refusal.funnel.counts) == nodes


_UNTIMELY = (Reason.EXPIRED, Reason.DEADLINE_TOO_CLOSE)


def gangs():
    made = (st.builds(make, st.integers(0, 10**6)) for make in (ganging_market, driving_market))
    return st.one_of(ganging_markets(), *made)


@settings(max_examples=150, deadline=None)
@given(gangs(), st.one_of(st.none(), st.integers(0, 300_000_000)))
def test_a_gang_starts_whole_in_one_zone_at_one_time_or_not_at_all(market, balance):
    book, orders = market
    funds = None if balance is None else {n: Funds(balance) for n in ("alpha", "beta")}
    clearing = clear(book, orders, NOW, funds=funds)
    found = {match.order: match for match in clearing.matches}
    late = {r.order for r in clearing.refusals if r.reason in _UNTIMELY}
    gangs = {order.gang.name for order in orders if order.gang is not None}
    for gang in gangs:
        members = [o for o in orders if o.gang is not None and o.gang.name == gang]
        places = [found[order.id] for order in members if order.id in found]
        assert len({match.start for match in places}) <= 1
        assert len({match.zone for match in places}) <= 1
        timely = [order.gang for order in members if order.id not in late]
        assert len(places) in (0, len(timely))
        if places:
            there = max(gang.there for gang in timely)
            assert len(places) + there >= max(gang.size for gang in timely)


@pytest.mark.parametrize("seed", range(120))
def test_pieces_do_the_whole_work_in_time_apart_from_each_other_and_within_the_cap(seed):
    book, orders = divisible_market(seed)
    known = {order.id: order for order in orders}
    room: dict[tuple[str, int], Resources] = defaultdict(Resources)
    for match in clear(book, orders, NOW).matches:
        order = known[match.order]
        slots = [hour for p in match.pieces for hour in _hours(p.start, p.end)]
        for piece in match.pieces:
            for hour in _hours(piece.start, piece.end):
                room[piece.node, hour] = room[piece.node, hour].plus(order.requests)
            assert all(s.price_nano <= order.cap_nano for s in piece.segments)
            assert order.deadline is None or piece.end <= order.deadline
        assert len(slots) == len(set(slots))
        if match.later:
            assert order.split is not None
            assert len(match.pieces) <= order.split.pieces_max
            assert min(p.end - p.start for p in match.pieces) >= order.split.minimum_ms
            work = sum(piece.end - piece.start for piece in match.pieces)
            assert order.duration <= work < order.duration + order.split.pieces_max
    capacity = {row.node: row.capacity for row in book.supplies}
    assert all(used.fits_in(capacity[node]) for (node, _), used in room.items())


def _hours(start, end):
    return range(start - start % HOUR, end, HOUR)


@pytest.mark.parametrize("seed", range(40))
def test_work_that_may_be_interrupted_never_costs_more_than_in_one_piece(seed):
    book, orders = divisible_market(seed)
    for order in orders:
        if order.split is None or order.gang is not None or not order.is_free:
            continue
        whole = clear(book, [replace(order, split=None)], NOW).matches
        pieces = clear(book, [order], NOW).matches
        assert len(pieces) >= len(whole)
        if whole and order.burden == NO_BURDEN:
            rated = (whole[0].draw_micro, *(p.draw_micro for p in pieces[0].pieces))
            if len(set(rated)) == 1:
                cost = sum(piece.hold_nano for piece in pieces[0].pieces)
                assert cost <= whole[0].hold_nano + 12


@pytest.mark.parametrize("seed", BUSY)
def test_cheaper_offers_are_explained_by_a_reason_that_rules_them_out(seed):
    book, orders = busy_market(seed)
    clearing = clear(book, orders, NOW)
    for match in clearing.matches:
        for clause in clearing.cheaper(match.order):
            assert " €/DTU: " in clause or clause.startswith("and ")
