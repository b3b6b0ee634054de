"""What a broken invariant is, and what every checker looks at. Next: `money.py`."""

from __future__ import annotations

from typing import NamedTuple

from busbar.ledger.entries import Sealed
from busbar.model.objects import Key, Object
from busbar.model.time import Instant
from busbar.store.contract import Transaction
from busbar.store.view import View


class Broken(AssertionError):
    """An invariant does not hold: its number and one sentence."""

    def __init__(self, invariant: str, sentence: str) -> None:
        super().__init__(f"{invariant}: {sentence}")
        self.invariant = invariant


class Step(NamedTuple):
    """One commit, as the checkers see it."""

    now: Instant
    transaction: Transaction
    view: View
    sealed: tuple[Sealed, ...]
    put: tuple[tuple[Key, Object], ...]
    deleted: tuple[Key, ...]


def insist(holds: bool, invariant: str, sentence: str) -> None:
    """Raise where an invariant does not hold."""
    if not holds:
        raise Broken(invariant, sentence)
