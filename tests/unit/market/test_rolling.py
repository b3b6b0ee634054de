"""The next slot of a running contract: its price, or why there is none."""

from __future__ import annotations

import pytest
from tests.unit.market.world import NIGHTS, offer

from busbar.market.calendar import Segment
from busbar.market.offers import Offer, parse_offer
from busbar.market.reasons import Reason
from busbar.market.rolling import NotRolled, Rolled, roll
from busbar.model.time import HOUR, MINUTE, parse_instant

CENT = 10_000_000
NINE_PM = parse_instant("2027-03-10T20:00:00Z", "x")
"""21:00 in Stockholm, an hour before the cheaper night begins."""


def safespring(**spec) -> Offer:
    return parse_offer(offer("safespring", "safespring", "0.06", **{"calendar": NIGHTS, **spec}))


def rolled(*args) -> tuple[Segment, ...]:
    found = roll(*args)
    assert isinstance(found, Rolled), found
    return found.segments


def stopped(*args) -> NotRolled:
    found = roll(*args)
    assert isinstance(found, NotRolled), found
    return found


def test_a_contract_rolls_to_the_end_of_its_slot_at_the_price_of_that_slot():
    assert rolled(safespring(), 9 * CENT, NINE_PM, None) == (
        Segment(NINE_PM, NINE_PM + HOUR, 6 * CENT),
    )
    assert rolled(safespring(), 9 * CENT, NINE_PM + HOUR, None) == (
        Segment(NINE_PM + HOUR, NINE_PM + 2 * HOUR, 3 * CENT),
    )


def test_a_term_that_ended_inside_a_slot_rolls_over_the_rest_of_it():
    middle = NINE_PM + 20 * MINUTE
    assert rolled(safespring(), 9 * CENT, middle, None) == (
        Segment(middle, NINE_PM + HOUR, 6 * CENT),
    )


def test_it_rolls_no_further_than_the_deadline():
    deadline = NINE_PM + 10 * MINUTE
    assert rolled(safespring(), 9 * CENT, NINE_PM, deadline)[-1].end == deadline


def test_at_the_deadline_it_ends():
    found = stopped(safespring(), 9 * CENT, NINE_PM, NINE_PM)
    assert found.reason is Reason.EXPIRED
    assert "2027-03-10T20:00:00Z" in found.message


def test_a_price_above_the_cap_is_not_billed_but_ends_it():
    found = stopped(safespring(), 5 * CENT, NINE_PM, None)
    assert found == NotRolled(
        Reason.PRICE_ABOVE_CAP,
        "offer 'safespring' asks 0.06 €/DTU from 2027-03-10T20:00:00Z, above the cap of 0.05 €/DTU",
    )


def test_a_price_equal_to_the_cap_is_fine():
    assert rolled(safespring(), 6 * CENT, NINE_PM, None)


def test_a_withdrawn_offer_ends_it():
    assert stopped(None, 9 * CENT, NINE_PM, None).reason is Reason.NOT_OFFERED


def test_a_paused_offer_sells_nothing_new_but_rolls_what_runs():
    assert rolled(safespring(paused=True), 9 * CENT, NINE_PM, None)


def test_closed_hours_end_it():
    closed = {"rules": [{"from": "20:00", "until": "21:00", "available": False}]}
    found = stopped(safespring(calendar=closed), 9 * CENT, NINE_PM, None)
    assert found.reason is Reason.OFFER_UNAVAILABLE
    assert "no capacity from 2027-03-10T20:00:00Z" in found.message


@pytest.mark.parametrize("rule", [{"available": False}, {"pricePerDTU": "50"}])
def test_where_it_closes_or_grows_too_dear_inside_the_slot_it_rolls_until_then(rule):
    calendar = {"rules": [{"from": "20:30", "until": "23:00", **rule}]}
    found = rolled(safespring(calendar=calendar), 9 * CENT, NINE_PM, None)
    assert found == (Segment(NINE_PM, NINE_PM + 30 * MINUTE, 6 * CENT),)
    again = roll(safespring(calendar=calendar), 9 * CENT, found[-1].end, None)
    assert isinstance(again, NotRolled)
