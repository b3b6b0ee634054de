"""I11: each clearing follows from the published book by the published rule, in whatever order.

The book is put together from the records, from one to the next, as an auditor does: what a record
says twice must be the same both times. It is computed again with everything in it shuffled; and,
where one is given, by an independent reference. Of large books some are computed, by lot.
Next: `gangs.py`, then `liveness.py`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from busbar.market.publish import recompute
from busbar.model.objects import status_of
from busbar.replay.assembly import Assembly
from busbar.replay.records import Record, Unsound, record_of
from busbar.simulator.checks.base import Broken, Step, insist

ALL_UP_TO = 100
"""Rows and orders of a book up to which each clearing is computed again; of one with twice as many
every other."""
OUTCOME = ("matches", "refusals", "prices", "matched", "unmatched")
MONEY = frozenset({"InsufficientFunds", "BudgetExceeded"})
Json = dict[str, Any]
Reference = Callable[[Json], tuple[list[Json], list[Json]]]
"""Gives matches and refusals of a published clearing, by code of its own."""


class ClearingCheck:
    """Recomputes what is published."""

    def __init__(self, seed: int, reference: Reference | None = None) -> None:
        self._chance = random.Random(f"clearings {seed}")
        self._reference = reference
        self._assembly = Assembly()

    def look(self, step: Step) -> None:
        """Check the clearings of one commit."""
        bodies = dict(step.transaction.records)
        for key, obj in step.put:
            if key.resource == "clearings":
                insist(key.name in bodies, "I11", f"clearing {key.name} comes without its record")
                self._follow(key.name, bodies[key.name], status_of(obj))

    def _follow(self, name: str, body: bytes, said: Json) -> None:
        try:
            record = record_of(name, body)
            self._assembly.follow(record)
            insist(self._assembly.is_whole, "I11", f"clearing {name}: its book is not whole")
            pinned = said.get("digest") == record.link.digest
            insist(pinned, "I11", f"clearing {name} pins another record")
            if self._is_drawn(record):
                self._check(name, self._assembly.status(), said)
        except Unsound as error:
            raise Broken("I11", str(error)) from error

    def _is_drawn(self, record: Record) -> bool:
        size = len(record.clearing["orders"]) + int(record.book["nodes"]["lines"])
        return size <= ALL_UP_TO or self._chance.random() < ALL_UP_TO / size

    def _check(self, name: str, status: Json, said: Json) -> None:
        for field in OUTCOME:
            insist(said[field] == status[field], "I11", f"clearing {name}: {field} differ")
        if self._reference is not None and self._chance.random() < 0.3:
            self._refer(self._reference, name, status)
        shuffled = {field: self._shuffled(value) for field, value in status.items()}
        again = recompute(shuffled)
        for field in OUTCOME:
            sentence = f"clearing {name}: {field} do not follow from the book"
            insist(again[field] == status[field], "I11", sentence)
        caps = {order["id"]: order["capNano"] for order in status["orders"]}
        for match in status["matches"]:
            for piece in match.get("later", ()):
                within = all(s["priceNano"] <= caps[match["order"]] for s in piece["segments"])
                insist(within, "I11", f"clearing {name}: {match['order']} trades beyond a limit")
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
