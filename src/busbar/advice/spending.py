"""What each namespace spent in each hour, from its contracts. Next: `unusual.py`.

A contract has its slots with their prices and says until when it is settled; what is billed of an
hour follows. Contracts are kept for 35 days, the hours here for 28, so a memory that begins anew
finds the same. Only what changed since the last snapshot is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from busbar.model.dtu import amount
from busbar.model.objects import Object, namespace_of, spec_of, status_of
from busbar.model.time import HOUR, Instant


class Spending:
    """Nano-euro by namespace and hour since 1970."""

    def __init__(self) -> None:
        self._by: dict[str, Counter[int]] = {}

    def take(self, changes: Iterable[tuple[Object | None, Object | None]]) -> None:
        """Take in contracts that changed: as they were, and as they are."""
        for before, after in changes:
            for contract, sign in ((before, -1), (after, 1)):
                if contract is not None:
                    kept = self._by.setdefault(namespace_of(contract), Counter())
                    for hour, nano in billed_by_hour(contract):
                        kept[hour] += sign * nano

    def namespaces(self) -> list[str]:
        """Give the namespaces that ever spent something."""
        return sorted(self._by)

    def series(self, namespace: str, last: int, hours: int) -> dict[int, int]:
        """Give the hours up to one, from the first in which anything was spent: most are 0."""
        kept = self._by.get(namespace, Counter())
        begun = min((hour for hour, nano in kept.items() if nano), default=last + 1)
        return {hour: kept[hour] for hour in range(max(begun, last - hours), last + 1)}

    def forget(self, before: int) -> None:
        """Forget hours before one."""
        for kept in self._by.values():
            for hour in [hour for hour in kept if hour < before]:
                del kept[hour]


def billed_by_hour(contract: Object) -> Iterator[tuple[int, int]]:
    """Give what a contract was billed, by hour: of each slot the part that was delivered."""
    status, draw = status_of(contract), int(spec_of(contract).get("drawMicro") or 0)
    started, until = status.get("startedMs"), _until(contract)
    if not isinstance(started, int) or until is None:
        return
    for slot in spec_of(contract).get("slots") or ():
        begin, end = max(slot["startMs"], started), min(slot["endMs"], until)
        if begin < end:
            yield begin // HOUR, amount(int(slot["priceNano"]), draw, end - begin)


def _until(contract: Object) -> Instant | None:
    status = status_of(contract)
    known = [at for at in (status.get("finishedMs"), status.get("settledUntilMs")) if at]
    return min(known) if known else None
