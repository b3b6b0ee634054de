"""Forward curves: what each zone asks over the next 48 hours, published. Next: `history.py`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from busbar.controllers.books import book_name
from busbar.controllers.contract import Collection, Decision
from busbar.controllers.parts.writes import create, new_object, remove, update, with_status
from busbar.controllers.settings import Settings
from busbar.controllers.standing import Standing
from busbar.market.curve import forward_curves
from busbar.model.ids import derived_uid
from busbar.model.objects import Key, status_of
from busbar.model.time import Instant, slot_of
from busbar.model.wellknown import GROUP
from busbar.store.contract import Event, Snapshot, Transaction

CURVES: Collection = (GROUP, "forwardcurves")
CURVES_KEY = Key(*CURVES, "", "all")
MS_A_ROW = 1
"""A row of the book costs some microseconds: a hundredth of a processor, however large it is."""


class CurveController:
    """Publishes a ForwardCurve for each zone, where something but the time changed."""

    name = "forward-curves"
    watches: tuple[Collection, ...] = (("", "nodes"), (GROUP, "offers"), (GROUP, "contracts"))

    def __init__(self, settings: Settings, standing: Standing) -> None:
        self._standing, self._curve_ms = standing, settings.curve_ms

    @property
    def coalesce_ms(self) -> int:
        """Wait longer where there is more to look at: it must not hold up the orders."""
        return max(self._curve_ms, len(self._standing.book.supplies) * MS_A_ROW)

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake all curves under one key: they are made from one look at the market."""
        return (CURVES_KEY,)

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Write the curves that changed."""
        curves = forward_curves(self._standing.at(snapshot).book, now)
        writes = (_write(snapshot, zone, status, now) for zone, status in curves.items())
        stale = [
            Transaction((remove(obj),))
            for obj in snapshot.list(*CURVES)
            if status_of(obj).get("zone") not in curves
        ]
        again = slot_of(now).end if curves else None
        return Decision((*(write for write in writes if write), *stale), again)


def _write(
    snapshot: Snapshot, zone: str, status: dict[str, Any], now: Instant
) -> Transaction | None:
    key = Key(*CURVES, "", book_name(zone))
    known = snapshot.get(key)
    if known is None:
        fresh = new_object(key, derived_uid("forward-curve", zone, now), now)
        return Transaction((create({**fresh, "status": status}),))
    if {**status_of(known), "updated": ""} == {**status, "updated": ""}:
        return None
    return Transaction(update(known, with_status(known, **status)))
