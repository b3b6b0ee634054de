"""What follows for a Pod that draws: the next hour of what is held, where there is any.

The market covers it, for one hand gives out what is held; only what has begun to be held covers,
so a Pod may run into an hour before it is covered, as into one that is rolled late. Where nothing
is held any more, its contract rolls at the market's price (`../contracts/controller.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from busbar.controllers.parts.writes import unchanged, update
from busbar.controllers.pools import next_cover, resources_of, term_of, total
from busbar.controllers.standing import Standing
from busbar.model.kinds.contract import ContractSlot
from busbar.model.objects import Object, name_of, spec_of
from busbar.model.time import Instant
from busbar.store.contract import Op, Transaction


class Coverage:
    """The next hours of all Pods that draw, and when to look again."""

    def __init__(self, standing: Standing, ahead_ms: int, now: Instant) -> None:
        self._standing, self._ahead_ms, self._now = standing, ahead_ms, now
        self.due: Instant | None = None
        self.transactions = tuple(self._covered())

    def _covered(self) -> Iterator[Transaction]:
        for key in self._standing.drawn_pools():
            pool = self._standing.pool(key)
            given: list[Object] = []
            for contract in sorted(pool.drawn, key=lambda c: (term_of(c)[1], name_of(c))):
                start, end = next_cover(contract)
                if start - self._ahead_ms > self._now:
                    self._look_at(start - self._ahead_ms)
                    continue
                there = pool.held_through(start, end) if start < end else ()
                needs = pool.claimed(start, end).plus(total(given))
                if there and needs.plus(resources_of(contract)).fits_in(total(there)):
                    given.append(contract)
                    yield Transaction((*_with(contract, start, end), *map(unchanged, there)))

    def _look_at(self, at: Instant) -> None:
        self.due = at if self.due is None else min(self.due, at)


def _with(contract: Object, start: Instant, end: Instant) -> tuple[Op, ...]:
    slot = msgspec.to_builtins(ContractSlot(start, end, 0, reserved=True))
    spec = spec_of(contract)
    return update(contract, {**contract, "spec": {**spec, "slots": [*spec["slots"], slot]}})
