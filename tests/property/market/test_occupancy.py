"""What is promised of every node: kept up to date, it says what counting anew would say."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.property.market.strategies import NOW

from busbar.market.axis import make_axis
from busbar.market.book import Book
from busbar.market.calendar import Calendar
from busbar.market.commitments import Commitment
from busbar.market.occupancy import Occupancy
from busbar.market.offers import Supply
from busbar.model.dtu import Resources
from busbar.model.time import HOUR, MINUTE, slot_of

NODES = ("n0", "n1", "n2")
HOURS = st.integers(-3, 6)
CAPACITY = Resources(4000, 1000, 4, 500)


def book(occupancy, nodes=NODES):
    rows = [Supply(n, "v", "z", "o", 1, Calendar(1), CAPACITY) for n in nodes]
    return Book.build(rows, occupancy)


@st.composite
def commitments(draw):
    start = draw(st.sampled_from([0, NOW + draw(HOURS) * HOUR + 7 * MINUTE]))
    end = draw(st.sampled_from([None, NOW + draw(HOURS) * HOUR]))
    amounts = (draw(st.integers(0, most)) for most in (900, 90, 1, 70))
    resources = Resources(*amounts)
    return Commitment(draw(st.sampled_from([*NODES, "gone"])), resources, start, end)


BOOKS = st.sampled_from([NODES, NODES, ("n1", "n2"), ("a0", *NODES), ("n2", "n0"), ()])
"""The nodes for sale, from step to step: some come, some go, some are lost and found."""

changes = st.lists(
    st.tuples(st.integers(0, 5), st.none() | commitments(), HOURS, BOOKS), max_size=25
)


def slowly(commitment, now, slot):
    """Say whether a commitment takes a slot: the definition, word by word."""
    left = slot_of(now).start + slot * HOUR
    begins_before_the_end = commitment.start < left + HOUR
    if slot == 0 and begins_before_the_end:
        return True
    start, end = commitment.start, commitment.end
    first, after = start // HOUR, None if end is None else -(-end // HOUR)
    return begins_before_the_end and (after is None or max(first, left // HOUR) < after)


@settings(max_examples=300, deadline=None)
@given(changes)
def test_it_gives_what_counting_anew_gives_whatever_came_and_went(steps):
    kept, there = Occupancy(), {}
    for key, commitment, hours, nodes in steps:
        now = NOW + hours * HOUR
        if commitment is None:
            kept.drop(key)
            there.pop(key, None)
        else:
            kept.put(key, commitment)
            there[key] = commitment
        known = book(kept, nodes)
        free = known.free(make_axis((), now, now + 4 * HOUR))
        for slot in range(len(free)):
            for i, name in enumerate(known.columns.node_names):
                left = CAPACITY
                for taken in there.values():
                    if taken.node == name and slowly(taken, now, slot):
                        left = left.minus(taken.resources)
                assert free[slot, :, i].tolist() == list(left)
        assert list(kept) == list(Occupancy.of(there.values()))
