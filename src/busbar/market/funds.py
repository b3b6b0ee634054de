"""Money as a limit on a batch: a namespace's orders together may not hold more than it has.

The ledger enforces it at commit; counting here as well keeps an order that cannot be paid from
taking room, and from setting the price, of those that can. Next: `clearing.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from busbar.market.reasons import Reason
from busbar.model.money import format_euro

if TYPE_CHECKING:
    from busbar.market.matching import Placement

_MICRO_EURO = 1_000


class Funds(NamedTuple):
    """What a namespace may still commit: its balance, and what is left of its budget if any."""

    balance: int
    budget_left: int | None = None


_NO_FUNDS = Funds(0)


class Short(NamedTuple):
    """It cannot be paid: the reason and one clause."""

    reason: Reason
    message: str


class LastCost:
    """Costs of placements: orders alike share one and come one after the other."""

    def __init__(self, cost: Callable[[Placement], int]) -> None:
        self._cost = cost
        self._last: tuple[Placement, int] | None = None

    def __call__(self, placement: Placement) -> int:
        """Give what a placement costs."""
        if self._last is None or self._last[0] is not placement:
            self._last = placement, self._cost(placement)
        return self._last[1]


class Purse:
    """What is left of each namespace's funds as a batch goes on; a namespace not named has none."""

    def __init__(self, funds: Mapping[str, Funds]) -> None:
        self._funds = funds
        self._held: dict[str, int] = {}

    def hold(self, namespace: str, cost: int) -> Short | None:
        """Hold the cost of a term, or say what is missing and hold nothing."""
        held = self._held.get(namespace, 0)
        balance, budget = self._funds.get(namespace, _NO_FUNDS)
        if held + cost > balance:
            left = _left(balance - held)
            message = f"the term costs {_cost(cost)} and {left} of the balance is left"
            return Short(Reason.INSUFFICIENT_FUNDS, message)
        if budget is not None and held + cost > budget:
            left = _left(budget - held)
            message = f"the term costs {_cost(cost)} and {left} of the budget is left"
            return Short(Reason.BUDGET_EXCEEDED, message)
        self._held[namespace] = held + cost
        return None


def short_of(funds: Funds) -> Short:
    """Say what kept orders from taking part that could not be paid together."""
    balance, budget = funds
    if budget is not None and budget < balance:
        return Short(Reason.BUDGET_EXCEEDED, f"{_left(budget)} of the budget is left")
    return Short(Reason.INSUFFICIENT_FUNDS, f"{_left(balance)} of the balance is left")


def _cost(nano: int) -> str:
    """Write a cost to the micro-euro, rounded up: what is missing never looks like enough."""
    return f"{format_euro(-(-nano // _MICRO_EURO) * _MICRO_EURO)} €"


def _left(nano: int) -> str:
    """Write what is left to the micro-euro, rounded down."""
    return f"{format_euro(max(nano, 0) // _MICRO_EURO * _MICRO_EURO)} €"
