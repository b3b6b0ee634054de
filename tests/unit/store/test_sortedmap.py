"""The sorted map behaves as a dict that is sorted, and its snapshots never change."""

from __future__ import annotations

from busbar.store.sortedmap import CHUNK_MAX, SortedMap


def filled(count: int) -> SortedMap[int]:
    found: SortedMap[int] = SortedMap()
    for n in range(count):
        found.set(f"{n * 7919 % count:06d}", n * 7919 % count)
    return found


def test_values_come_in_order_over_many_chunks() -> None:
    count = CHUNK_MAX * 5
    found = filled(count)
    assert len(found) == count
    assert found.values() == list(range(count))
    assert found.values("000010", "000020") == list(range(10, 20))
    assert found.count("000010", f"{count - 1:06d}") == count - 11


def test_a_range_between_two_keys_is_empty() -> None:
    found = filled(10)
    assert found.values("0000035", "0000036") == []
    assert found.count("a", "b") == 0
    assert found.values("", "") == []


def test_a_snapshot_keeps_what_is_overwritten_and_removed() -> None:
    found = filled(CHUNK_MAX * 2)
    frozen = found.freeze()
    found.set("000001", -1)
    found.remove("000002")
    assert (frozen.get("000001"), frozen.get("000002")) == (1, 2)
    assert (found.get("000001"), found.get("000002")) == (-1, None)
    assert len(frozen) == len(found) + 1


def test_a_write_copies_one_chunk_and_no_more() -> None:
    found = filled(CHUNK_MAX * 8)
    frozen = found.freeze()
    found.set("000000", 0)
    shared = [a is b for a, b in zip(frozen._chunks, found._chunks, strict=True)]
    assert shared.count(False) == 1


def test_it_can_be_emptied_and_filled_again() -> None:
    found = filled(CHUNK_MAX + 1)
    for n in range(CHUNK_MAX + 1):
        found.remove(f"{n:06d}")
    found.remove("none")
    assert (len(found), found.values(), found.get("000000")) == (0, [], None)
    found.set("x", 1)
    assert list(found.items()) == [("x", 1)]


def test_changes_since_a_snapshot_are_what_differs_and_no_more() -> None:
    found = filled(CHUNK_MAX * 4)
    before = found.freeze()
    found.set("000001", -1)
    found.remove("000002")
    found.set("new", 7)
    changes = {(c.key, c.before, c.after) for c in found.freeze().changes(before)}
    assert changes == {("000001", 1, -1), ("000002", 2, None), ("new", None, 7)}
    assert {(c.key, c.after) for c in before.changes(found.freeze())} == {
        ("000001", 1),
        ("000002", 2),
        ("new", None),
    }
    assert list(before.changes(before)) == []
