"""The fees of a batch's contracts, by the schedules as they stand. Next: `../market/matches.py`."""

from __future__ import annotations

from collections.abc import Iterator

from busbar.controllers.standing import Standing
from busbar.ledger.fees import Fee, fee_for
from busbar.model.errors import InvalidField
from busbar.model.fees import Schedule, parse_schedule
from busbar.model.time import Instant
from busbar.model.wellknown import GROUP
from busbar.store.contract import Snapshot


class Fees:
    """What contracts made now have as their fee."""

    def __init__(
        self, standing: Standing, snapshot: Snapshot, default_ppm: int, now: Instant
    ) -> None:
        self._standing, self._now, self._default_ppm = standing, now, default_ppm
        self._schedules = tuple(_readable(snapshot))
        self._known: dict[tuple[str, str], Fee] = {}

    def of(self, namespace: str, vendor: str) -> Fee:
        """Give the fee between a namespace and a vendor."""
        if not self._schedules:
            return Fee(self._default_ppm)
        pair = namespace, vendor
        if pair not in self._known:
            volume = self._standing.contracts.spent(namespace, self._now)
            self._known[pair] = fee_for(
                self._schedules, namespace, vendor, volume, self._now, self._default_ppm
            )
        return self._known[pair]

    def terms(self, namespace: str, vendor: str) -> dict[str, object]:
        """Give the fee as a contract's spec says it."""
        fee = self.of(namespace, vendor)
        return {"feePpm": fee.ppm, **({"feeSchedule": fee.schedule} if fee.schedule else {})}


def _readable(snapshot: Snapshot) -> Iterator[Schedule]:
    """Read the schedules; one that cannot be read holds for nobody."""
    for obj in snapshot.list(GROUP, "feeschedules"):
        try:
            yield parse_schedule(obj)
        except InvalidField:
            continue
