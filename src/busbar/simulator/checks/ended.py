"""Contracts that a commit closes, each with what was charged for its end. Next: `bonds.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from busbar.ledger.entries import Entry
from busbar.model.objects import Object, status_of, uid_of
from busbar.simulator.checks.base import Step, insist


class Ended(NamedTuple):
    """A contract as it was and as it is closed, and the entry that charged for it, if any."""

    before: Object
    after: Object
    entry: Entry | None


class Endings:
    """Follows contracts to their end."""

    def __init__(self, invariant: str, kind: str) -> None:
        """`kind` is that of the entries which charge; without an end they break `invariant`."""
        self._invariant, self._kind = invariant, kind
        self.contracts: dict[str, Object] = {}
        """Each as it was seen last, by uid."""

    def of(self, step: Step) -> Iterator[Ended]:
        """Give those of one commit; asked to the end, it insists that nothing else is charged."""
        charged = {
            s.entry.reference.removeprefix("contract/"): s.entry
            for s in step.sealed
            if s.entry.kind == self._kind
        }
        for key, contract in step.put:
            if key.resource == "contracts":
                before = self.contracts.get(uid_of(contract))
                self.contracts[uid_of(contract)] = contract
                if before is not None and _has_closed(before, contract):
                    yield Ended(before, contract, charged.pop(uid_of(contract), None))
        insist(not charged, self._invariant, f"charged without an end: {sorted(charged)}")


def _has_closed(before: Object, after: Object) -> bool:
    return bool(status_of(before)["phase"] != "Closed" and status_of(after)["phase"] == "Closed")
