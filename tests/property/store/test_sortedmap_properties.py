"""The sorted map against a dict, with snapshots taken at any time."""

from __future__ import annotations

from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from busbar.store import sortedmap
from busbar.store.sortedmap import Frozen, SortedMap

KEYS = st.text("abc", max_size=4)
STEPS = st.lists(st.tuples(st.sampled_from(["set", "remove", "freeze"]), KEYS), max_size=120)


@given(STEPS, KEYS, st.none() | KEYS)
def test_it_is_a_sorted_dict_whose_snapshots_stay(
    steps: list[tuple[str, str]], low: str, high: str | None
) -> None:
    with mock.patch.multiple(sortedmap, CHUNK_MAX=4, NOTED_MAX=24):
        found: SortedMap[int] = SortedMap()
        model: dict[str, int] = {}
        taken: list[tuple[Frozen[int], dict[str, int]]] = []
        for number, (step, key) in enumerate(steps):
            if step == "set":
                found.set(key, number)
                model[key] = number
            elif step == "remove":
                found.remove(key)
                model.pop(key, None)
            else:
                taken.append((found.freeze(), dict(model)))
    for state, expected in [*taken, (found, model)]:
        assert len(state) == len(expected)
        assert list(state.items()) == sorted(expected.items())
        assert all(state.get(key) == value for key, value in expected.items())
        inside = sorted(k for k in expected if k >= low and (high is None or k < high))
        assert state.values(low, high) == [expected[key] for key in inside]
        assert state.count(low, high) == len(inside)
    for since, was in taken:
        changes = {c.key: (c.before, c.after) for c in found.changes(since)}
        differs = {key for key in was.keys() | model.keys() if was.get(key) != model.get(key)}
        assert changes == {key: (was.get(key), model.get(key)) for key in differs}
