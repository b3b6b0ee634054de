"""What a failed delivery costs: the dearer replacement, and a tenth of what was not finished."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busbar.ledger.damages import Undelivered, damages
from busbar.model.time import HOUR

DTU = 1_000_000
"""A draw of one DTU per hour."""


@pytest.mark.parametrize(
    ("ask", "owed"),
    [
        (40, 4),  # As cheap as it was: the tenth alone.
        (30, 4),  # Cheaper: nothing is gained by it.
        (55, 4 + 15),
        (80, 4 + 40),
        (1000, 4 + 40),  # At most twice the price.
        (None, 4 + 40),  # Nothing to replace it with.
    ],
)
def test_a_whole_hour_that_was_not_delivered(ask, owed):
    assert damages([Undelivered(HOUR, 40, ask)], DTU, 40) == owed


def test_of_half_an_hour_the_replacement_is_half_and_the_tenth_of_the_whole_slot():
    assert damages([Undelivered(HOUR // 2, 4000, 6000)], DTU, 4000) == 1000 + 400


def test_nothing_undelivered_costs_the_tenth_of_what_was_unfinished():
    assert damages([], DTU, 999) == 99


parts = st.builds(
    Undelivered,
    st.integers(0, HOUR),
    st.integers(0, 10**9),
    st.none() | st.integers(0, 10**12),
)


@given(st.lists(parts, max_size=6), st.integers(1, 64 * DTU))
def test_never_more_than_what_it_cost_and_a_tenth(some, draw):
    cost = sum(part.price_nano * draw * part.ms // (DTU * HOUR) for part in some)
    owed = damages(some, draw, cost)
    assert cost // 10 <= owed <= cost + cost // 10 + len(some)
