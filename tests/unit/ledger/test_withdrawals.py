"""What withdrawing a reservation late costs, and how it is entered."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busbar.ledger.corrections import Direction, correct
from busbar.ledger.entries import Entry, Sealed
from busbar.ledger.usage import usage_of
from busbar.ledger.withdrawals import WINDOW_MS, Withdrawn, kept_ms, owed, withdrawal, withdrawn_by
from busbar.model.kinds.contract import ContractSlot
from busbar.model.time import HOUR, MINUTE

START = 100 * HOUR
ONE = [ContractSlot(START, START + HOUR, 40_000_000)]
MICRO = 1_000_000


@pytest.mark.parametrize(
    ("reserved", "at", "cost"),
    [
        (START - 40 * HOUR, START - 3 * HOUR, 0),
        (START - 40 * HOUR, START - 2 * HOUR, 0),
        (START - 40 * HOUR, START - HOUR, 10_000_000),
        (START - 40 * HOUR, START, 20_000_000),
        (START - 40 * HOUR, START + HOUR, 20_000_000),
        (START - 12 * MINUTE, START, 2_000_000),
        (START - MINUTE, START - MINUTE, 0),
    ],
    ids=["far ahead", "two hours", "an hour", "at the start", "later", "short", "at once"],
)
def test_a_slot_owes_half_its_price_for_the_part_of_two_hours_in_which_it_stood(reserved, at, cost):
    assert owed(ONE, MICRO, reserved, at) == cost


def test_of_several_slots_each_owes_for_its_own_two_hours():
    three = [ContractSlot(START + n * HOUR, START + (n + 1) * HOUR, 40_000_000) for n in range(3)]
    assert owed(three, MICRO, 0, START) == 20_000_000 + 10_000_000


@given(st.lists(st.integers(0, 4 * HOUR), min_size=2, max_size=6).map(sorted))
def test_withdrawing_and_reserving_anew_costs_what_standing_would_have(times):
    """Nobody saves by rotating reservations: time is counted, not withdrawals."""
    moments = [START - 4 * HOUR + ms for ms in times]
    parts = sum(kept_ms(START, a, b) for a, b in pairwise(moments))
    assert parts == kept_ms(START, moments[0], moments[-1])


@given(st.integers(0, 6 * HOUR), st.integers(0, 6 * HOUR))
def test_it_rises_as_the_start_comes_near_and_is_never_more_than_half(earlier, more):
    at = START - 4 * HOUR + earlier
    first, second = (owed(ONE, MICRO, 0, moment) for moment in (at, at + more))
    assert 0 <= first <= second <= 20_000_000


def entry() -> Entry:
    memo = Withdrawn(START, START + HOUR, START - 9 * HOUR, START - MINUTE, 20_000)
    found = withdrawal("u1", "team-a", "elastx", 10_000_001, memo, START - MINUTE, 20_000).entry
    assert found is not None
    return found


def test_the_vendor_gets_it_less_the_fee():
    made = entry()
    assert dict(made.postings) == {
        "ns/team-a/available": -10_000_001,
        "vendor/elastx": 9_800_000,
        "exchange/fee": 200_000,
        "exchange/rounding": 1,
    }
    assert made.id == "withdraw/u1"
    said = withdrawn_by(made)
    assert said is not None
    assert said.from_ms - said.withdrawn_ms == MINUTE < WINDOW_MS


def test_it_is_a_charge_like_others():
    row = usage_of(7, entry())
    assert row is not None
    assert (row.debit, row.vendor, row.vendor_credit, row.fee) == (
        10_000_001,
        "elastx",
        9_800_000,
        200_000,
    )
    assert row.ran.start == row.ran.end == START - MINUTE


def test_it_can_be_given_back():
    sealed = Sealed(7, entry(), "")
    back = correct(sealed, [], Direction.REFUND, None, START, "a slip", "k")
    assert isinstance(back, Entry)
    assert dict(back.postings)["ns/team-a/available"] == 10_000_001
