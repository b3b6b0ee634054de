"""I11: each clearing follows from the published book by the published rule, in whatever order.

Computed again from the Clearing object alone, orders and rows shuffled; and by an independent
reference where the book is small enough for one. Next: `liveness.py`.
"""

from __future__ import annotations

import random
from typing import Any

from busbar.market.publish import recompute
from busbar.model.objects import status_of
from busbar.simulator.checks.base import Step, insist


class ClearingCheck:
    """Recomputes what is published."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(f"clearings {seed}")

    def look(self, step: Step) -> None:
        """Check the clearings of one commit."""
        for key, obj in step.put:
            if key.resource == "clearings" and not status_of(obj).get("omitted"):
                self._check(key.name, status_of(obj))

    def _check(self, name: str, status: dict[str, Any]) -> None:
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

    def _shuffled(self, value: Any) -> Any:
        """Copy with lists in another order: none of them means anything by its order."""
        if not isinstance(value, list):
            return value
        return self._chance.sample(value, len(value))
