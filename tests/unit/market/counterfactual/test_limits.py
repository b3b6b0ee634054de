"""What would have matched for more money, or with more time."""

from __future__ import annotations

from tests.unit.market.world import NODES, NOON, OFFERS, first_book, make_book, order, told

from busbar.market.clearing import clear
from busbar.market.counterfactual import Change


def test_the_lowest_cap_that_would_do_and_what_waiting_would_bring():
    job = order("job", region="Sweden", max_euro_per_dtu="0.04")
    assert told(job) == {
        Change.CAP: "a cap of 0.05 €/DTU: elastx in Sweden at 0.05 €/DTU",
        Change.WAIT: "mayWait, to start 2027-03-10T21:00:00Z: safespring in Sweden at 0.03 €/DTU",
        Change.REGION: "region Germany as well: hansecloud in Germany at 0.02 €/DTU",
    }


def test_the_cap_it_names_is_the_least_one_that_matches():
    job = order("job", region="Sweden", vendor="safespring", max_euro_per_dtu="0.04")
    assert told(job)[Change.CAP].startswith("a cap of 0.06 €/DTU")
    assert not clear(
        first_book(),
        [order("job", region="Sweden", vendor="safespring", max_euro_per_dtu="0.059999999")],
        NOON,
    ).matches


def test_a_deadline_that_is_too_close():
    job = order("job", not_after="2027-03-10T12:00:00Z", expected_duration="2h")
    assert told(job)[Change.DEADLINE] == (
        "notAfter 2027-03-10T13:20:00Z: hansecloud in Germany at 0.02 €/DTU"
    )


def test_orders_beside_it_count():
    """One with a higher cap takes the only node: outbidding it is what would help."""
    book = make_book([NODES[0]], [OFFERS[0]])
    rich = order("rich", "4", max_euro_per_dtu="0.07")
    poor = order("poor", "4", max_euro_per_dtu="0.06")
    found = told(poor, [rich], book)
    assert found[Change.CAP] == "a cap of 0.070000001 €/DTU: elastx in Sweden at 0.05 €/DTU"
    assert told(poor, [], book) == {}
