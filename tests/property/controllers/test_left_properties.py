"""What is left of held capacity, hour by hour, against counting it the slow way."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from busbar.controllers.contracts.ground import is_sold_ahead, losing
from busbar.controllers.left import HOURS, left_of
from busbar.controllers.market.resale import for_sale, not_for_sale, row_of
from busbar.controllers.pools import NOTHING, Pool, PoolKey, total
from busbar.market.axis import make_axis
from busbar.market.book import Book
from busbar.market.calendar import Calendar
from busbar.market.offers import Supply
from busbar.model.dtu import Resources
from busbar.model.objects import Object, uid_of
from busbar.model.time import HOUR, MINUTE

FIRST = 500_000 * HOUR
POOL = PoolKey("xyz", "web", "n1")
MINE, THEIRS = {"procurement": "web"}, {"seller": "s"}


def contract(number: int, phase: str, start: int, end: int, size: int, **spec: Any) -> Object:
    """Write an open contract of the pool; times are minutes from the present hour."""
    cuts = [start, *range((start // 60 + 1) * 60, end, 60), end]
    slots = [
        {
            "startMs": FIRST + left * MINUTE,
            "endMs": FIRST + right * MINUTE,
            "reserved": "procurement" not in spec,
        }
        for left, right in pairwise(cuts)
    ]
    room = {"cpuMilli": size, "memoryBytes": size, "gpus": 0, "ephemeralBytes": 0}
    return {
        "metadata": {
            "name": f"c{number}",
            "namespace": "xyz",
            "uid": f"u{number:03d}",
            "creationTimestamp": "2026-11-23T12:00:00Z",
        },
        "spec": {"node": "n1", "pool": POOL.id, "slots": slots, **room, **spec},
        "status": {"phase": phase},
    }


@st.composite
def holding(draw: st.DrawFn, number: int) -> Object:
    begun = draw(st.booleans())
    start = draw(st.integers(-90, 25)) if begun else 60 * draw(st.integers(1, 50))
    end = 60 * draw(st.integers(1, 5)) + max(0, start // 60 * 60)
    found = contract(number, "Held" if begun else "Reserved", start, end, 2, **MINE)
    if draw(st.integers(0, 9)) == 0:
        found["status"]["reclaimAtMs"] = FIRST + draw(st.integers(1, 300)) * MINUTE
    return found


@st.composite
def drawing(draw: st.DrawFn, number: int) -> Object:
    begun, size = draw(st.booleans()), draw(st.integers(1, 3))
    if not begun:
        start = 60 * draw(st.integers(1, 50))
        end = start + draw(st.integers(1, 200))
        return contract(number, "Reserved", start, end, size, **THEIRS)
    found = contract(number, "Running", 0, draw(st.integers(26, 400)), size, **THEIRS)
    deadline = draw(st.none() | st.integers(26, 400))
    found["spec"]["notAfterMs"] = None if deadline is None else FIRST + deadline * MINUTE
    if draw(st.booleans()):
        found["spec"] |= {"piece": 1, "pieces": 2}
    return found


@st.composite
def pools(draw: st.DrawFn) -> Pool:
    held = tuple(draw(holding(number)) for number in range(draw(st.integers(0, 6))))
    drawn = tuple(draw(drawing(50 + number)) for number in range(draw(st.integers(0, 4))))
    return Pool(held, drawn)


NOW = FIRST + 25 * MINUTE


@given(pools())
def test_what_is_left_of_each_hour_is_what_counting_it_alone_gives(pool: Pool) -> None:
    left = left_of(pool, NOW)
    for hour, room in enumerate(left.room):
        start, end = FIRST + hour * HOUR, FIRST + (hour + 1) * HOUR
        begun = total(pool.held_through(NOW, end)).minus(total(pool.drawing(NOW, end)))
        assert room == (pool.left(start, end) if hour else begun), hour
        ahead = [c for c in pool.drawing(start, end) if is_sold_ahead(c)]
        assert (hour in left.sold) == bool(ahead)


@given(pools(), st.sampled_from((NOTHING, Resources(1, 1))))
def test_the_row_and_its_commitments_say_what_is_left(pool: Pool, taken: Resources) -> None:
    left = left_of(pool, NOW)
    hours = for_sale(left, taken)
    if not hours:
        return
    procurement = {"metadata": {"name": "web", "namespace": "xyz", "generation": 1}}
    bare = Supply("n1", "v", "z", "o", 1, Calendar(1), NOTHING)
    row = row_of(bare, POOL, procurement, 7, left, hours)
    commitments = tuple(not_for_sale(row, left, hours))
    assert len(commitments) <= HOURS
    axis = make_axis((), NOW, FIRST + HOURS * HOUR)
    alone = Book.build((row,), commitments).free(axis)
    for hour in range(HOURS):
        at = max(NOW, FIRST + hour * HOUR)
        assert row.calendar.ask_at(at) == (7 if hour in hours else None)
        if hour in hours:
            assert Resources(*alone[hour, :, 0].tolist()) == hours[hour]


@given(pools(), st.data())
def test_who_loses_the_ground_is_who_bought_last_and_nobody_more(
    pool: Pool, data: st.DataObject
) -> None:
    if not pool.held:
        return
    gone = data.draw(st.sampled_from(pool.held))
    there = (*pool.held, *pool.drawn)
    lost = losing(there, gone, NOW)
    assert all(is_sold_ahead(c) for c in lost)
    names = [uid_of(c) for c in lost]
    # Less is lost where more is held: with one of them kept, somebody has too little.
    kept = [c for c in there if uid_of(c) not in names]
    assert losing(kept, gone, NOW) == []
    if lost:
        assert losing([*kept, lost[-1]], gone, NOW) == [lost[-1]]
