"""What a place costs beyond its price: data that must come there, images that must be fetched."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.market.world import NODES, NOON, make_book, offer, order

from busbar.market.burden import (
    GIB,
    NO_BURDEN,
    Burden,
    Data,
    Delay,
    Loss,
    Lost,
    Rates,
    Relations,
    moving,
    tolls,
)
from busbar.market.clearing import clear
from busbar.market.counterfactual import outlook
from busbar.market.funds import Funds
from busbar.market.outcome import cost_of
from busbar.market.quote import quote
from busbar.market.reasons import Reason
from busbar.model.time import MINUTE, SECOND

RATES = Rates(Relations(1, 2, 3), Relations(10, 20, 5))
ABROAD = {"ingress": {"otherRegion": "0.0005"}}
"""Half a tenth of a cent for each GiB that comes from another region."""


@pytest.mark.parametrize(
    ("region", "keeper", "found"),
    [
        ("Sweden", "elastx", (1, 10)),
        ("Germany", "elastx", (2, 20)),
        ("Sweden", "hansecloud", (3, 10)),
        ("Germany", "hansecloud", (3, 20)),
        ("", "", (3, 20)),
    ],
)
def test_the_dearest_of_the_relations_that_apply_counts(region, keeper, found):
    assert tolls(region, keeper, RATES, "Sweden", "elastx") == found


def test_a_node_without_a_region_is_in_another_one():
    assert tolls("", "elastx", RATES, "", "elastx") == (2, 20)


def test_what_is_read_comes_in_and_what_is_written_goes_out_rounded_down_once():
    data = Data("Sweden", "elastx", GIB // 2, GIB // 20)
    assert moving(data, RATES, "Sweden", "elastx") == 0
    data = Data("Sweden", "elastx", GIB + GIB // 2, GIB // 20)
    assert moving(data, RATES, "Sweden", "elastx") == 1


def book(german="0.049", **transfer):
    offers = [
        offer("elastx", "elastx", "0.05"),
        offer("safespring", "safespring", "0.06"),
        offer("hansecloud", "hansecloud", german, transfer=transfer or ABROAD),
    ]
    return make_book(NODES, offers)


def laden(gib: int, cap: int | None = None, **terms: str):
    data = Data("Sweden", "", gib * GIB)
    return replace(order("job", **terms), burden=Burden(data, (), cap))


def test_work_stays_where_its_data_is_once_bringing_it_costs_more_than_it_saves():
    (near,) = clear(book(), [laden(12)], NOON).matches
    (far,) = clear(book(), [laden(1)], NOON).matches
    assert (near.node, near.moving_nano) == ("e1", 0)
    assert (far.node, far.moving_nano) == ("h1", 500_000)
    assert far.hold_nano == cost_of(far.segments, far.draw_micro) + 500_000


def test_the_sentence_says_what_bringing_the_data_would_cost():
    clearing = clear(book(), [laden(12)], NOON)
    said = "hansecloud at 0.049 €/DTU: dearer with 0.006 € to bring 12 GiB from Sweden"
    assert clearing.cheaper("job") == (said,)


def test_the_uniform_price_is_of_compute_alone():
    clearing = clear(book(), [laden(1), order("other", region="Germany")], NOON)
    assert {match.price_nano for match in clearing.matches} == {49_000_000}


def test_egress_is_outside_the_cap_on_the_price_and_within_its_own():
    tight = laden(1, 500_000, max_euro_per_dtu="0.049")
    (match,) = clear(book(), [tight], NOON).matches
    assert match.node == "h1"
    (refusal,) = clear(book(), [laden(1, 499_999, max_euro_per_dtu="0.049")], NOON).refusals
    assert refusal.reason is Reason.EGRESS_ABOVE_CAP
    assert "1 to which moving its data costs more than 0.0005 €" in refusal.message


def test_the_counterfactual_names_the_cap_on_egress_that_would_do():
    waiting = laden(1, 0, region="Germany")
    found = outlook(book(), waiting, [], NOON).alternatives
    assert [a.advice for a in found if a.change == "maxEgressEuro"] == ["maxEgressEuro 0.0005 €"]


def test_a_namespace_must_hold_what_moving_its_data_costs():
    dear = laden(1, region="Germany")
    (match,) = clear(book(), [dear], NOON, funds={"xyz": Funds(10**9)}).matches
    assert clear(book(), [dear], NOON, funds={"xyz": Funds(match.hold_nano)}).matches == (match,)
    (refusal,) = clear(book(), [dear], NOON, funds={"xyz": Funds(match.hold_nano - 1)}).refusals
    assert refusal.reason is Reason.INSUFFICIENT_FUNDS


def pulling(ms: int, *holders: str, why: Delay = Delay.PULL):
    return replace(order("job"), burden=Burden(None, (Lost(why, ms, frozenset(holders)),)))


def test_a_node_that_holds_the_image_is_preferred_while_fetching_it_costs_more():
    (match,) = clear(book(), [pulling(3 * MINUTE, "e1")], NOON).matches
    assert (match.node, match.moving_nano) == ("e1", 0)
    (match,) = clear(book(), [pulling(MINUTE, "e1")], NOON).matches
    assert match.node == "h1"


@pytest.mark.parametrize(
    ("why", "words"),
    [
        (Delay.PULL, "dearer with 3m to fetch its image"),
        (Delay.RESTART, "dearer with 3m to start anew where it was not before"),
    ],
)
def test_the_sentence_says_what_time_is_lost_by(why, words):
    clearing = clear(book(), [pulling(3 * MINUTE, "e1", why=why)], NOON)
    assert clearing.cheaper("job") == (f"hansecloud at 0.049 €/DTU: {words}",)


def test_time_lost_decides_and_is_not_held():
    (match,) = clear(book(), [pulling(MINUTE)], NOON).matches
    assert match.hold_nano == cost_of(match.segments, match.draw_micro)


def test_a_burden_that_weighs_nothing_changes_nothing():
    weightless = Burden(Data("Sweden", "", 0), (Lost(Delay.PULL, 30 * SECOND, frozenset()),))
    plain, other = (
        clear(book(), [replace(order("job"), burden=b)], NOON) for b in (NO_BURDEN, weightless)
    )
    bare = tuple(match._replace(lost=()) for match in other.matches)
    assert plain == replace(other, matches=bare)


def test_a_match_says_what_time_was_weighed_of_its_place_and_as_what():
    lost = (
        Lost(Delay.PULL, 3 * SECOND, frozenset({"h1"})),
        Lost(Delay.RESTART, 36 * SECOND, frozenset()),
    )
    asked = replace(order("job", max_euro_per_dtu="0.049"), burden=Burden(None, lost))
    (match,) = clear(book(), [asked], NOON).matches
    # A hundredth of an hour of one DTU an hour at 0.049; the node holds the image.
    assert (match.node, match.lost) == ("h1", (Loss(Delay.RESTART, 36 * SECOND, 490_000),))


def test_a_quote_shows_compute_and_egress_apart():
    found = quote(book(), [laden(1, region="Germany")], NOON, NOON)
    (plain,) = clear(book(), [order("job", region="Germany")], NOON).matches
    assert (found.cost_nano, found.moving_nano) == (plain.hold_nano + 500_000, 500_000)
