"""Cheaper places, hours and deadlines: what the clearing itself would make of a changed order."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.market.world import NIGHTS, NODES, NOON, OFFERS, first_book, make_book, offer, order

from busbar.advice.places import (
    Change,
    cheaper_hour,
    cheaper_place,
    later_deadline,
    worthwhile,
)
from busbar.advice.unsold import Traded, traded, unsold
from busbar.market.clearing import clear
from busbar.market.commitments import Commitment
from busbar.model.dtu import Resources, amount
from busbar.model.money import parse_euro
from busbar.model.time import DAY, HOUR

FIVE_CENT = parse_euro("0.05", "")
DRAW = 1_000_000


def test_another_region_is_named_with_what_it_saves():
    found = cheaper_place(first_book(), order("p", region="Sweden"), FIVE_CENT, DRAW, NOON)
    assert found is not None
    assert (found.change, found.match.vendor) == (Change.REGION, "hansecloud")
    assert found.saving_nano_per_hour == amount(parse_euro("0.03", ""), DRAW, HOUR)


def test_the_saving_is_what_the_clearing_then_gives():
    asked = order("p", region="Sweden")
    found = cheaper_place(first_book(), asked, FIVE_CENT, DRAW, NOON)
    assert found is not None
    free = replace(asked, eligibility=asked.eligibility._replace(regions=()))
    (match,) = clear(first_book(), [free], NOON).matches
    assert (match.node, match.price_nano) == (found.match.node, found.match.price_nano)


def test_a_restart_is_named_where_it_is_enough():
    found = cheaper_place(first_book(), order("p"), FIVE_CENT, DRAW, NOON)
    assert found is not None
    assert found.change is Change.NOTHING


def test_both_restrictions_only_where_one_does_not_do():
    asked = order("p", region="Sweden", vendor="elastx")
    found = cheaper_place(first_book(), asked, FIVE_CENT, DRAW, NOON)
    assert found is not None
    assert found.change is Change.BOTH


def test_little_is_not_worth_a_sentence():
    almost = parse_euro("0.022", "")
    assert cheaper_place(first_book(), order("p"), almost, DRAW, NOON) is None


def test_a_place_without_room_is_no_place():
    full = Commitment("h1", Resources(4000, 8 << 30), NOON - HOUR, NOON + DAY)
    book = make_book(NODES, OFFERS, full)
    assert cheaper_place(book, order("p", region="Sweden"), FIVE_CENT, DRAW, NOON) is None


def nights_only() -> object:
    return make_book(NODES[1:2], [offer("safespring", "safespring", "0.06", calendar=NIGHTS)])


def test_the_cheapest_hour_of_a_day():
    cost = amount(parse_euro("0.06", ""), DRAW, HOUR)
    found = cheaper_hour(nights_only(), order("p"), cost, HOUR, NOON)  # type: ignore[arg-type]
    assert found is not None
    assert found.match.start == NOON - NOON % HOUR + 10 * HOUR  # 22:00 in Stockholm
    assert found.saving_nano * 2 == cost


def test_a_later_deadline_that_reaches_the_night():
    waits = order("p", may_wait="true", not_after="2027-03-10T20:00:00Z", expected_duration="1h")
    cost = amount(parse_euro("0.06", ""), DRAW, HOUR)
    found = later_deadline(nights_only(), waits, cost, NOON)  # type: ignore[arg-type]
    best = worthwhile(found)
    assert best is not None
    assert best.hours == 2  # 22:00 UTC: the first whole hour of the night ends there.
    assert best.saving_nano * 2 == cost


def test_who_does_not_wait_or_has_no_deadline_is_not_asked_to_wait_longer():
    assert later_deadline(nights_only(), order("p"), 10**9, NOON) == ()  # type: ignore[arg-type]
    assert worthwhile(()) is None


# -- what nobody buys ---------------------------------------------------------------------------

PAID = {"Sweden": Traded(parse_euro("0.04", ""), parse_euro("0.3", ""), 10_000_000)}
JOINED = dict.fromkeys(("e1", "s1", "h1"), NOON - 2 * DAY)


def test_an_offer_above_what_was_paid_is_told_what_was():
    found = unsold(first_book().supplies, {}, JOINED, PAID, NOON)
    assert [(one.offer, one.nodes) for one in found] == [
        ("elastx", ("e1",)),
        ("safespring", ("s1",)),
    ]
    assert found[0].traded.mean_nano == parse_euro("0.03", "")


def test_an_offer_that_sold_or_is_new_or_asks_no_more_is_left_alone():
    sold = {"e1": NOON - HOUR}
    fresh = {**JOINED, "s1": NOON - HOUR}
    assert unsold(first_book().supplies, sold, fresh, PAID, NOON) == []
    dear = {"Sweden": Traded(parse_euro("0.07", ""), 1, 1)}
    assert unsold(first_book().supplies, {}, JOINED, dear, NOON) == []
    assert unsold(first_book().supplies, {}, JOINED, {}, NOON) == []


def test_only_recent_trades_count():
    row = {"startMs": NOON, "highNano": 5, "turnoverNano": 7, "volumeMicro": 9}
    rows = [row, {**row, "startMs": NOON - 8 * DAY, "highNano": 99}]
    assert traded(rows, NOON - 7 * DAY) == Traded(5, 7, 9)
