"""Rolling: whatever the calendar, no second is sold above the cap, closed, or twice."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.property.market.strategies import NOW, PRICES, calendars

from busbar.market.offers import Offer
from busbar.market.reasons import Reason
from busbar.market.rolling import NotRolled, Rolled, roll
from busbar.model.time import HOUR, MINUTE

CLOSED_REASONS = {Reason.EXPIRED, Reason.OFFER_UNAVAILABLE, Reason.PRICE_ABOVE_CAP}


@settings(max_examples=80, deadline=None)
@given(
    calendars,
    st.sampled_from(PRICES),
    st.integers(0, 20 * 60),
    st.one_of(st.none(), st.integers(-60, 24 * 60)),
)
def test_a_contract_rolled_to_its_end_is_whole_and_within_its_cap(calendar, cap, start, minutes):
    offer = Offer("o", "v", 1, calendar)
    end = NOW + start * MINUTE
    deadline = None if minutes is None else NOW + minutes * MINUTE
    for _ in range(40):
        found = roll(offer, cap, end, deadline)
        if isinstance(found, NotRolled):
            assert found.reason in CLOSED_REASONS
            assert found.message
            return
        assert isinstance(found, Rolled)
        assert found.segments[0].start == end
        for left, right, price in found.segments:
            assert left == end < right
            assert left // HOUR == (right - 1) // HOUR
            assert calendar.ask_at(left) == calendar.ask_at(right - 1) == price <= cap
            assert deadline is None or right <= deadline
            end = right
