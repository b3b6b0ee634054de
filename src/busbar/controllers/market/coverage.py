"""What follows for a Pod that draws: the next hour of what is held, where there is any.

The market covers it, for one hand gives out what is held; only what has begun to be held covers,
so a Pod may run into an hour before it is covered, as into one that is rolled late. Where nothing
is held any more, its contract rolls at the market's price (`../contracts/running.py`).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from busbar.controllers.contracts.money import worth
from busbar.controllers.market.resale import ask_of
from busbar.controllers.parts.funds import budget_left, claim_budget
from busbar.controllers.parts.writes import unchanged, update, with_status
from busbar.controllers.pools import is_reserved, next_cover, resources_of, term_of, total
from busbar.controllers.procurement.asks import PROCUREMENTS
from busbar.controllers.standing import Standing
from busbar.ledger.entries import Entry, available
from busbar.ledger.settlement import hold
from busbar.model.kinds.contract import ContractSlot
from busbar.model.objects import Key, Object, name_of, namespace_of, spec_of, status_of, uid_of
from busbar.model.time import Instant, format_instant
from busbar.store.contract import Op, Snapshot, Transaction


class Coverage:
    """The next hours of all Pods in held room, and when to look again."""

    def __init__(self, standing: Standing, snapshot: Snapshot, ahead_ms: int, now: Instant) -> None:
        self._standing, self._snapshot = standing, snapshot
        self._ahead_ms, self._now = ahead_ms, now
        self.due: Instant | None = None
        self.transactions = tuple(self._covered())

    def _covered(self) -> Iterator[Transaction]:
        for pool_id in self._standing.pools.drawn():
            pool = self._standing.pools.pool(pool_id)
            given: list[Object] = []
            for contract in sorted(pool.drawn, key=lambda c: (term_of(c)[1], name_of(c))):
                start, end = next_cover(contract)
                if start - self._ahead_ms > self._now:
                    self._look_at(start - self._ahead_ms)
                    continue
                if not _goes_on(contract):
                    continue
                there = pool.held_through(start, end) if start < end else ()
                needs = pool.claimed(start, end).plus(total(given))
                if there and needs.plus(resources_of(contract)).fits_in(total(there)):
                    given.append(contract)
                    covered = self._cover(contract, start, end, there)
                    if covered is not None:
                        yield covered

    def _cover(
        self, contract: Object, start: Instant, end: Instant, there: tuple[Object, ...]
    ) -> Transaction | None:
        """Give the hour; who was sold the room pays the holder's ask for it, within its cap."""
        spec, price = spec_of(contract), 0
        if spec.get("seller"):
            price = self._ask(contract, there)
            if price > spec.get("capNano", 0):
                return None
        slot = ContractSlot(start, end, price, reserved=True)
        cost = worth(slot, spec["drawMicro"])
        slots = [*spec["slots"], msgspec.to_builtins(slot)]
        kept = {**contract, "spec": {**spec, "slots": slots}}
        kept = with_status(kept, ends=format_instant(end))
        ops: list[Op] = list(map(unchanged, there))
        entries: tuple[Entry, ...] = ()
        if cost:
            namespace = namespace_of(contract)
            spent = self._standing.contracts.spent(namespace, self._now)
            budget = budget_left(self._snapshot, namespace, spent)
            left = self._snapshot.balance(available(namespace))
            if cost > (left if budget is None else min(left, budget)):
                return None
            held = int(status_of(contract).get("heldNano") or 0)
            kept = with_status(kept, heldNano=held + cost)
            ops += claim_budget(self._snapshot, namespace, cost, spent)
            entries = (hold(uid_of(contract), namespace, cost, self._now, start),)
        return Transaction((*update(contract, kept), *ops), entries)

    def _ask(self, contract: Object, there: tuple[Object, ...]) -> int:
        """Give what the holder asks now; what was paid last where it asks for nothing more."""
        held = there[0]
        key = Key(*PROCUREMENTS, namespace_of(held), spec_of(held)["procurement"])
        procurement = self._snapshot.get(key)
        ask = ask_of(procurement) if procurement is not None else None
        return spec_of(contract)["slots"][-1]["priceNano"] if ask is None else ask

    def _look_at(self, at: Instant) -> None:
        self.due = at if self.due is None else min(self.due, at)


def _goes_on(contract: Object) -> bool:
    """Say whether it runs and may need a next hour: not what is for later, nor a piece that ends.

    Work that was sold a part and runs in pieces has its other pieces elsewhere.
    """
    spec = spec_of(contract)
    return not is_reserved(contract) and spec.get("piece", 0) >= spec.get("pieces", 0)
