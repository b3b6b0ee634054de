"""The bench: a batch cleared again and again with one order changed, and what is said of it.

Next: `limits.py`, the first of the changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from busbar.market.book import Book
from busbar.market.clearing import clear
from busbar.market.orders import Order
from busbar.market.outcome import Match
from busbar.market.words import price
from busbar.model.time import Instant

ZONES_MAX = 16
"""Zones, vendors and labels that are tried one by one; beyond, only all of them at once."""
BESIDE_MAX = 100
"""Orders beside this one up to which they take part; more would take seconds."""

Find = Callable[[Order, Sequence[Order]], Match | None]
"""Gives the contract that an order would have among others; None where it would have none."""


class Change(StrEnum):
    """What of an order was changed. A closed list."""

    RESERVATION = "reservation"
    CAP = "cap"
    WAIT = "mayWait"
    DEADLINE = "notAfter"
    REGION = "region"
    VENDOR = "vendor"
    SELECTOR = "nodeSelector"
    RESTRICTION = "restrictions"
    SIGNATURE = "signedBy"
    BOND = "bond"
    TOLERATIONS = "tolerations"
    CPU = "cpu"
    MEMORY = "memory"
    EPHEMERAL_STORAGE = "ephemeral-storage"
    PLACES = "gang-places"
    EGRESS = "maxEgressEuro"
    EVERYTHING = "everything"


class Alternative(NamedTuple):
    """A change that would have matched, in words, and the contract that it would have made."""

    change: Change
    advice: str
    match: Match

    @property
    def sentence(self) -> str:
        """Give it as one sentence."""
        found = self.match
        where = f"{found.vendor} in {found.zone or 'no region'}"
        return f"{self.advice}: {where} at {price(found.highest_nano)}"


class Bench:
    """Clears a batch again and again with one order changed."""

    def __init__(
        self,
        book: Book,
        order: Order,
        waiting: Iterable[Order],
        now: Instant,
        find: Find | None = None,
    ) -> None:
        self.book, self.order, self.now = book, order, now
        self._find = self._cleared if find is None else find
        beside = [other for other in waiting if other.id != order.id]
        if len(beside) > BESIDE_MAX:
            gang = order.gang.name if order.gang is not None else None
            beside = [other for other in beside if gang and other.gang and other.gang.name == gang]
        self.beside = beside

    def match(self, order: Order) -> Match | None:
        """Give the contract that an order would have; None where it would have none."""
        return self._find(order, self.beside)

    def _cleared(self, order: Order, beside: Sequence[Order]) -> Match | None:
        found = clear(self.book, [*beside, order], self.now)
        return next((match for match in found.matches if match.order == order.id), None)

    def cheapest(self, changed: Iterable[tuple[str, Order]]) -> tuple[str, Order, Match] | None:
        """Give the change that comes to the least per DTU, of equal ones the first."""
        best: tuple[str, Order, Match] | None = None
        for name, order in changed:
            match = self.match(order)
            if match is not None and (best is None or match.highest_nano < best[2].highest_nano):
                best = name, order, match
        return best


def told(change: Change, words: str, found: tuple[str, Order, Match] | None) -> Alternative | None:
    """Say of the change that comes to the least what it is; None where there is none."""
    return None if found is None else Alternative(change, words.format(found[0]), found[2])
