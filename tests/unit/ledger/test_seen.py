"""What a journal's ids are remembered in: exact, and small."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from busbar.ledger.seen import SMALLEST, Seen


@given(st.lists(st.text(max_size=4)))
def test_it_says_of_each_id_whether_it_was_there_before(ids: list[str]) -> None:
    seen, known = Seen(), set[str]()
    for id_ in ids:
        assert seen.add(id_) == (id_ in known)
        known.add(id_)
    assert len(seen) == len(known)


def test_nothing_is_forgotten_while_it_grows() -> None:
    seen = Seen()
    assert not any(seen.add(str(n)) for n in range(5 * SMALLEST))
    assert all(seen.add(str(n)) for n in range(5 * SMALLEST))
    assert len(seen) == 5 * SMALLEST


def test_ids_whose_hashes_fall_on_the_same_place_are_told_apart(monkeypatch) -> None:
    """All keys want the same place: they lie behind each other, and wrap round at the end."""
    behind = lambda id_: int(id_) << 32 | SMALLEST - 1  # noqa: E731
    monkeypatch.setattr("busbar.ledger.seen.hash", behind, raising=False)
    seen = Seen()
    assert not any(seen.add(str(n)) for n in range(100))
    assert all(seen.add(str(n)) for n in range(100))
