"""I11: each clearing follows from the published book by the published rule, in whatever order.

Computed again from the Clearing object alone, with everything in it shuffled; and, where one is
given, by an independent reference. Of clearings of large books some are looked at, by lot.
Next: `gangs.py`, then `liveness.py`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from busbar.market.publish import recompute
from busbar.model.objects import status_of
from busbar.simulator.checks.base import Step, insist

ALL_UP_TO = 100
"""Rows and orders of a book up to which each clearing is computed again; of one with twice as many
every other."""
MONEY = frozenset({"InsufficientFunds", "BudgetExceeded"})
Json = dict[str, Any]
Reference = Callable[[Json], tuple[list[Json], list[Json]]]
"""Gives matches and refusals of a published clearing, by code of its own."""


class ClearingCheck:
    """Recomputes what is published."""

    def __init__(self, seed: int, reference: Reference | None = None) -> None:
        self._chance = random.Random(f"clearings {seed}")
        self._reference = reference

    def look(self, step: Step) -> None:
        """Check the clearings of one commit."""
        for key, obj in step.put:
            if key.resource == "clearings" and not status_of(obj).get("omitted"):
                status = status_of(obj)
                if self._is_drawn(status):
                    self._check(key.name, status)

    def _is_drawn(self, status: Json) -> bool:
        size = len(status["orders"]) + sum(len(offer["nodes"]) for offer in status["supply"])
        return size <= ALL_UP_TO or self._chance.random() < ALL_UP_TO / size

    def _check(self, name: str, status: dict[str, Any]) -> None:
        if self._reference is not None and self._chance.random() < 0.3:
            self._refer(self._reference, name, status)
        shuffled = {field: self._shuffled(value) for field, value in status.items()}
        again = recompute(shuffled)
        for field in ("matches", "refusals", "prices", "matched", "unmatched"):
            sentence = f"clearing {name}: {field} do not follow from the book"
            insist(again[field] == status[field], "I11", sentence)
        caps = {order["id"]: order["capNano"] for order in status["orders"]}
        for match in status["matches"]:
            within = match["askNano"] <= match["segments"][0]["priceNano"]
            within &= all(s["priceNano"] <= caps[match["order"]] for s in match["segments"])
            insist(within, "I11", f"clearing {name}: {match['order']} trades beyond a limit")

    def _refer(self, reference: Reference, name: str, status: Json) -> None:
        """Ask the reference. Who could not pay took no part, so it is not told of them."""
        poor = {r["order"] for r in status["refusals"] if r["reason"] in MONEY}
        orders = [order for order in status["orders"] if order["id"] not in poor]
        matches, refusals = reference({**status, "orders": orders})
        told = [r for r in status["refusals"] if r["order"] not in poor]
        sentence = f"clearing {name}: the reference finds another outcome"
        insist((matches, refusals) == (status["matches"], told), "I11", sentence)

    def _shuffled(self, value: Any) -> Any:
        """Copy with lists in another order: none of them means anything by its order."""
        if not isinstance(value, list):
            return value
        return self._chance.sample(value, len(value))
