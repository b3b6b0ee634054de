"""Forward curves: what each zone asks over the next 48 hours, published. Next: `history.py`."""

from __future__ import annotations

from collections.abc import Iterable

from busbar.controllers.contract import Collection, Decision
from busbar.controllers.market.resale import book_of
from busbar.controllers.parts.published import publish
from busbar.controllers.settings import Settings
from busbar.controllers.standing import Standing
from busbar.market.curve import forward_curves
from busbar.model.objects import Key
from busbar.model.time import Instant, slot_of
from busbar.model.wellknown import GROUP
from busbar.store.contract import Event, Snapshot

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
        curves = forward_curves(book_of(self._standing.at(snapshot), snapshot, now), now)
        done = publish(snapshot, CURVES, "forward-curve", curves, now)
        return Decision(tuple(done), slot_of(now).end if curves else None)
