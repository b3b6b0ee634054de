"""The rule on small markets, told as a story of orders and offers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.market.world import NODES, NOON, OFFERS, first_book, make_book, node, offer, order

from busbar.market.book import Book
from busbar.market.clearing import clear
from busbar.market.commitments import Commitment
from busbar.market.funds import Funds
from busbar.market.reasons import Reason
from busbar.model.dtu import Resources
from busbar.model.time import HOUR, MINUTE, parse_instant

GIB = 1024**3
CENT = 10_000_000
SLOT = NOON - NOON % HOUR


def matched(book, *orders, now=NOON, **more):
    clearing = clear(book, orders, now, **more)
    return {match.order: match for match in clearing.matches}


def refused(book, *orders, now=NOON, **more):
    return {refusal.order: refusal for refusal in clear(book, orders, now, **more).refusals}


# The first example.


def test_the_cheapest_eligible_offer_wins_and_is_paid_its_ask():
    terms = {"region": "Sweden", "vendor": "elastx,safespring", "max_euro_per_dtu": "50"}
    match = matched(first_book(), order("job", **terms))["job"]
    assert (match.vendor, match.node, match.zone) == ("elastx", "e1", "Sweden")
    assert match.price_nano == match.ask_nano == 5 * CENT
    assert match.draw_micro == 1_000_000
    assert 0 <= 5 * CENT - match.hold_nano < len(match.segments)


def test_at_night_the_other_vendor_is_cheaper():
    night = parse_instant("2027-03-10T23:10:00Z", "now")
    match = matched(first_book(), order("job", region="Sweden"), now=night)["job"]
    assert (match.vendor, match.price_nano) == ("safespring", 3 * CENT)


def test_a_match_says_why_cheaper_offers_were_not_eligible():
    clearing = clear(first_book(), [order("job", region="Sweden")], NOON)
    assert clearing.cheaper("job") == ("hansecloud at 0.02 €/DTU: outside region Sweden",)
    assert clearing.cheaper("nobody") == ()


def test_an_offer_that_is_cheaper_only_at_first_is_said_to_be_dearer_later():
    before_dawn = parse_instant("2027-03-11T04:50:00Z", "now")
    clearing = clear(first_book(), [order("job", region="Sweden")], before_dawn)
    assert clearing.matches[0].vendor == "elastx"
    assert clearing.cheaper("job") == (
        "hansecloud at 0.02 €/DTU: outside region Sweden",
        "safespring at 0.03 €/DTU: dearer over the whole term (0.06 €/DTU later)",
    )


def test_for_a_later_start_cheaper_means_cheaper_then():
    job = order("job", region="Sweden", may_wait="true", not_after="2027-03-11T08:00:00Z")
    clearing = clear(first_book(), [job], NOON)
    assert clearing.cheaper("job") == ("hansecloud at 0.02 €/DTU: outside region Sweden",)


def test_the_term_is_an_hour_where_nobody_says_and_is_cut_at_slots():
    match = matched(first_book(), order("job"))["job"]
    assert [(s.start, s.end) for s in match.segments] == [
        (NOON, SLOT + HOUR),
        (SLOT + HOUR, NOON + HOUR),
    ]


def test_a_faster_node_draws_and_earns_more_per_hour_and_the_same_per_unit_of_work():
    fast = node("fast", "elastx", "Sweden")
    fast["metadata"]["annotations"]["busbar.dev/speed-rating-micro"] = "1500000"
    match = matched(make_book([fast], [offer("o", "elastx", "0.05")]), order("job"))["job"]
    assert (match.draw_micro, match.price_nano) == (1_500_000, 5 * CENT)
    assert 0 <= 5 * CENT * 3 // 2 - match.hold_nano < len(match.segments)


# Uniform price.


def test_orders_of_one_class_and_zone_pay_the_highest_accepted_ask():
    found = matched(first_book(), *(order(name, "4", region="Sweden") for name in ("a", "b")))
    assert {m.node for m in found.values()} == {"e1", "s1"}
    assert {m.price_nano for m in found.values()} == {6 * CENT}


def test_another_class_does_not_pay_their_price():
    big = order("big", "4", region="Sweden", vendor="safespring")
    found = matched(first_book(), big, order("small", region="Sweden"))
    assert found["big"].price_nano == 6 * CENT
    assert found["small"].price_nano == 5 * CENT


def test_another_zone_does_not_pay_their_price():
    found = matched(first_book(), *(order(name, "4") for name in "abc"))
    prices = {m.zone: m.price_nano for m in found.values()}
    assert prices == {"Germany": 2 * CENT, "Sweden": 6 * CENT}


def test_who_cannot_bear_the_classes_price_waits_for_the_next_batch():
    nodes = [node("small", "elastx", "Sweden", cpu="1"), node("big", "safespring", "Sweden")]
    book = make_book(nodes, [offer("a", "elastx", "0.02"), offer("b", "safespring", "0.06")])
    large = order("large", "2")
    thrifty = order("thrifty", "500m", "1Gi", max_euro_per_dtu="0.03")
    assert matched(book, large, thrifty).keys() == {"large"}
    refusal = refused(book, large, thrifty)["thrifty"]
    assert refusal.reason is Reason.CLEARING_PRICE_ABOVE_CAP
    assert "1 where this batch's clearing price is above 0.03 €/DTU" in refusal.message
    assert matched(book, thrifty)["thrifty"].price_nano == 2 * CENT


def test_a_cap_equal_to_the_ask_is_enough():
    assert matched(first_book(), order("job", max_euro_per_dtu="0.02"))["job"].zone == "Germany"


def test_free_capacity_is_sold_for_nothing():
    book = make_book([node("n", "elastx", "Sweden")], [offer("o", "elastx", "0")])
    match = matched(book, order("job", max_euro_per_dtu="0"))["job"]
    assert (match.price_nano, match.hold_nano) == (0, 0)


def test_a_price_of_a_billion_euro_neither_wraps_nor_wins():
    nodes = [node("dear", "elastx", "Sweden"), node("fair", "safespring", "Sweden")]
    book = make_book(nodes, [offer("a", "elastx", "1000000000"), offer("b", "safespring", "1")])
    found = matched(book, *(order(n, "4", max_euro_per_dtu="1000000000") for n in "ab"))
    assert {m.price_nano for m in found.values()} == {10**18}
    assert matched(book, order("a", "4"))["a"].node == "fair"


# Turns and ties.


def test_the_higher_cap_goes_first():
    book = make_book([node("n", "elastx", "Sweden")], [offer("o", "elastx", "0.01")])
    orders = [order("low", "4", max_euro_per_dtu="1"), order("high", "4", max_euro_per_dtu="2")]
    assert matched(book, *orders).keys() == {"high"}


def test_then_the_class_with_fewer_nodes():
    orders = [order("free", "4"), order("bound", "4", region="Germany")]
    found = matched(first_book(), *orders)
    assert found["bound"].zone == "Germany"
    assert found["free"].zone == "Sweden"


def test_then_the_larger_draw():
    book = make_book([node("n", "elastx", "Sweden")], [offer("o", "elastx", "0.01")])
    found = matched(book, order("small", "1"), order("large", "4"))
    assert found.keys() == {"large"}


def test_then_a_lot_that_the_seed_decides():
    book = make_book([node("n", "elastx", "Sweden")], [offer("o", "elastx", "0.01")])
    orders = [order(f"job-{i}", "4") for i in range(5)]
    winners = {next(iter(matched(book, *orders, seed=seed))) for seed in range(40)}
    assert len(winners) == 5


def test_the_same_batch_has_the_same_winners():
    orders = [order(f"job-{i}") for i in range(12)]
    assert clear(first_book(), orders, NOON) == clear(first_book(), orders[::-1], NOON)


def test_equal_offers_share_the_business_by_lot():
    nodes = [node(f"n{i}", "elastx", "Sweden") for i in range(4)]
    book = make_book(nodes, [offer("o", "elastx", "0.01")])
    winners = {matched(book, order("job"), seed=seed)["job"].node for seed in range(60)}
    assert winners == {"n0", "n1", "n2", "n3"}


def test_of_equal_offers_the_fuller_node_is_taken_first():
    nodes = [node(f"n{i}", "elastx", "Sweden") for i in range(4)]
    used = Commitment("n2", Resources(1000, GIB), 0, None)
    book = make_book(nodes, [offer("o", "elastx", "0.01")], used)
    winners = {matched(book, order("job"), seed=seed)["job"].node for seed in range(20)}
    assert winners == {"n2"}


def test_a_node_avoided_by_one_order_is_not_passed_over_by_the_next_of_its_size():
    nodes = [node(f"n{i}", "elastx", "Sweden") for i in range(2)]
    used = Commitment("n0", Resources(1000, GIB), 0, None)
    book = make_book(nodes, [offer("o", "elastx", "0.01")], used)
    wary, bold = (
        order("wary", avoid_nodes="n0", max_euro_per_dtu="9"),
        order("bold", vendor="elastx"),
    )
    bold = replace(bold, eligibility=wary.eligibility, cap_nano=wary.cap_nano - 1)
    found = matched(book, wary, bold)
    assert (found["wary"].node, found["bold"].node) == ("n1", "n0")


def test_orders_change_places_where_that_saves_money():
    """Turns give the wide order the cheap node first, for its cap is higher."""
    wide = order("wide", "4", max_euro_per_dtu="90")
    bound = order("bound", "4", vendor="hansecloud,safespring", max_euro_per_dtu="80")
    found = matched(first_book(), wide, bound)
    assert {name: m.node for name, m in found.items()} == {"wide": "e1", "bound": "h1"}


def test_an_order_makes_room_for_one_that_could_go_nowhere_else():
    wide = order("wide", "4", max_euro_per_dtu="90")
    bound = order("bound", "4", vendor="hansecloud", max_euro_per_dtu="80")
    found = matched(first_book(), wide, bound)
    assert {name: m.node for name, m in found.items()} == {"wide": "e1", "bound": "h1"}


# Two offers for one node.


def test_a_node_under_two_offers_sells_under_the_cheaper_and_only_once():
    offers = [offer("dear", "elastx", "0.05"), offer("cheap", "elastx", "0.04")]
    book = make_book([node("n", "elastx", "Sweden")], offers)
    found = matched(book, order("a", "3"), order("b", "3"))
    assert [m.offer for m in found.values()] == ["cheap"]


# Waiting.


def test_who_may_wait_takes_the_cheapest_hours_before_the_deadline():
    job = order("job", region="Sweden", may_wait="true", not_after="2027-03-11T08:00:00Z")
    match = matched(first_book(), job)["job"]
    assert (match.vendor, match.price_nano) == ("safespring", 3 * CENT)
    assert match.start == parse_instant("2027-03-10T21:00:00Z", "x")


def test_of_equally_cheap_hours_the_earliest_is_taken():
    match = matched(first_book(), order("job", region="Germany", may_wait="true"))["job"]
    assert match.start == NOON


def test_who_may_wait_but_has_no_time_runs_now():
    job = order("job", region="Sweden", may_wait="true", not_after="2027-03-10T15:00:00Z")
    assert matched(first_book(), job)["job"].start == NOON


def test_the_whole_duration_must_fit_before_the_deadline():
    job = order(
        "job",
        region="Sweden",
        may_wait="true",
        expected_duration="3h",
        not_after="2027-03-10T23:30:00Z",
    )
    match = matched(first_book(), job)["job"]
    assert match.end <= parse_instant("2027-03-10T23:30:00Z", "x")
    assert match.start < parse_instant("2027-03-10T21:00:00Z", "x")


def test_an_order_over_a_change_of_price_pays_each_slots_price():
    evening = parse_instant("2027-03-10T20:30:00Z", "now")
    job = order("job", vendor="safespring", expected_duration="1h")
    match = matched(first_book(), job, now=evening)["job"]
    assert [s.price_nano for s in match.segments] == [6 * CENT, 3 * CENT]


def test_the_cap_holds_in_every_slot_of_the_term():
    morning = parse_instant("2027-03-11T04:30:00Z", "now")
    job = order("job", vendor="safespring", max_euro_per_dtu="0.04")
    assert refused(first_book(), job, now=morning)["job"].reason is Reason.PRICE_ABOVE_CAP
    brief = order("job", vendor="safespring", max_euro_per_dtu="0.04", expected_duration="30m")
    assert matched(first_book(), brief, now=morning)["job"].price_nano == 3 * CENT


def test_two_that_wait_do_not_get_the_same_room():
    jobs = [
        order(f"job-{i}", "3", vendor="safespring", may_wait="true", max_euro_per_dtu="0.04")
        for i in range(2)
    ]
    found = matched(first_book(), *jobs)
    starts = sorted(match.start for match in found.values())
    assert starts == [SLOT + 10 * HOUR, SLOT + 11 * HOUR]


def test_what_is_reserved_for_later_is_not_sold_now_for_that_long():
    later = Commitment("h1", Resources(4000, 8 * GIB), SLOT + HOUR, SLOT + 2 * HOUR)
    book = make_book(NODES, OFFERS, later)
    assert matched(book, order("long", "1"))["long"].zone == "Sweden"
    assert matched(book, order("brief", "1", expected_duration="30m"))["brief"].zone == "Germany"


def test_an_order_for_later_starts_at_the_next_slot():
    job = order("job", not_before="2027-03-10T12:00:00Z")
    assert matched(first_book(), job)["job"].start == SLOT + HOUR


def test_who_may_wait_takes_the_cheapest_hour_of_its_window():
    window = {"not_before": "2027-03-10T22:30:00Z", "not_after": "2027-03-11T08:00:00Z"}
    match = matched(first_book(), order("job", region="Sweden", may_wait="true", **window))["job"]
    assert match.price_nano == 3 * CENT
    assert match.start == parse_instant("2027-03-10T23:00:00Z", "x")


def test_a_window_that_is_too_small_is_no_match():
    window = {"not_before": "2027-03-10T22:30:00Z", "not_after": "2027-03-10T23:00:00Z"}
    assert refused(first_book(), order("job", **window))["job"].reason is Reason.DEADLINE_TOO_CLOSE


# Deadlines.


def test_a_deadline_in_the_past_is_expired_and_says_so():
    refusal = refused(first_book(), order("job", not_after="2025-03-25T08:25:58Z"))["job"]
    assert refusal.reason is Reason.EXPIRED
    assert "notAfter 2025-03-25T08:25:58Z has passed" in refusal.sentence


def test_a_stated_duration_that_cannot_fit_is_refused():
    job = order("job", not_after="2027-03-10T12:00:00Z", expected_duration="2h")
    refusal = refused(first_book(), job)["job"]
    assert refusal.reason is Reason.DEADLINE_TOO_CLOSE
    assert "2h" in refusal.message
    assert "2027-03-10T12:00:00Z" in refusal.message


def test_an_unstated_duration_is_cut_at_the_deadline():
    match = matched(first_book(), order("job", not_after="2027-03-10T11:50:00Z"))["job"]
    assert match.end == NOON + 30 * MINUTE


# Minimum terms.


def test_a_vendors_minimum_term_is_not_undercut():
    offers = [offer("o", "elastx", "0.01", minimumTerm="2h")]
    book = make_book([node("n", "elastx", "Sweden")], offers)
    refusal = refused(book, order("job"))["job"]
    assert refusal.reason is Reason.MINIMUM_TERM_TOO_LONG
    assert "1 with a minimum term longer than 1h" in refusal.message
    assert matched(book, order("job", expected_duration="2h"))


# Money.


def test_who_cannot_pay_is_refused_and_takes_no_room():
    book = make_book([node("n", "elastx", "Sweden")], [offer("o", "elastx", "1")])
    poor, rich = order("poor", "4", max_euro_per_dtu="200"), order("rich", "4")
    poor, rich = _in(poor, "poor"), _in(rich, "rich")
    funds = {"poor": Funds(10**9), "rich": Funds(10**10)}
    assert matched(book, poor, rich, funds=funds).keys() == {"rich"}
    refusal = refused(book, poor, rich, funds=funds)["poor"]
    assert refusal.reason is Reason.INSUFFICIENT_FUNDS
    assert "the term costs 4 € and 1 € of the balance is left" in refusal.message
    assert "Top up" in refusal.sentence


def test_a_budget_binds_before_the_balance():
    funds = {"xyz": Funds(10**10, 10**6)}
    refusal = refused(first_book(), order("job"), funds=funds)["job"]
    assert refusal.reason is Reason.BUDGET_EXCEEDED


def test_orders_of_one_namespace_share_its_balance():
    funds = {"xyz": Funds(5 * CENT)}
    orders = [order(f"job-{i}", region="Germany") for i in range(4)]
    assert len(matched(first_book(), *orders, funds=funds)) == 2


def test_a_namespace_without_an_account_has_nothing():
    assert refused(first_book(), order("job"), funds={})["job"].reason is Reason.INSUFFICIENT_FUNDS


def test_who_could_pay_the_ask_but_not_the_uniform_price_leaves_and_the_price_falls():
    poor = _in(order("poor", "4", region="Sweden"), "poor")
    rich = _in(order("rich", "4", region="Sweden"), "rich")
    funds = {"poor": Funds(23 * CENT), "rich": Funds(10**12)}
    found = matched(first_book(), poor, rich, funds=funds)
    assert found.keys() == {"rich"}
    assert found["rich"].price_nano == 5 * CENT


def _in(found, namespace):
    return replace(found, namespace=namespace)


# An empty world.


def test_an_empty_book_says_that_there_are_no_nodes():
    refusal = refused(Book.build(()), order("job"))["job"]
    assert refusal.reason is Reason.NO_NODES
    assert refusal.message == "0 of 0 nodes match"


def test_no_orders_make_an_empty_clearing():
    clearing = clear(first_book(), (), NOON)
    assert (clearing.matches, clearing.refusals, clearing.prices) == ((), (), ())


@pytest.mark.parametrize("now", [0, 1, NOON, SLOT, SLOT + HOUR - 1])
def test_it_clears_at_any_instant(now):
    assert matched(first_book(), order("job"), now=now)["job"].start == now


def test_the_published_prices_are_those_of_the_contracts():
    clearing = clear(first_book(), [order("a", "4", region="Sweden"), order("b")], NOON)
    assert clearing.zone_prices() == {"Sweden": 5 * CENT, "Germany": 2 * CENT}
    assert {(p.zone, p.price_nano) for p in clearing.prices} == {
        ("Sweden", 5 * CENT),
        ("Germany", 2 * CENT),
    }
