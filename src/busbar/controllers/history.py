"""Price history: each clearing counted once into rows that outlive it. Next: `advice/`.

A PriceHistory holds one zone's day. Clearings are counted in the order of their revisions, all new
ones in one transaction, so the highest `throughRevision` says which have been: nothing else need
be remembered. Clearings are dropped, the oldest first; where some may have gone uncounted (the
exchange was away for longer than it keeps them), the rows say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from busbar.controllers.contract import NOTHING, Collection, Decision, decide
from busbar.controllers.parts.published import zone_name
from busbar.controllers.parts.writes import create, new_object, remove, revision_of, update
from busbar.controllers.settings import Settings
from busbar.market.candles import Candle, Product, candle_of, day_of, row_of, traded
from busbar.model.ids import derived_uid
from busbar.model.objects import Key, Object, status_of
from busbar.model.resources import key_of
from busbar.model.time import DAY, HOUR, Instant, format_instant
from busbar.model.wellknown import GROUP
from busbar.store.contract import Event, EventType, Op, Snapshot

HISTORY: Collection = (GROUP, "pricehistories")
CLEARINGS: Collection = (GROUP, "clearings")
HISTORY_KEY = Key(*HISTORY, "", "all")


class HistoryController:
    """Counts clearings into the history, and drops what is too old."""

    name = "price-history"
    watches: tuple[Collection, ...] = (CLEARINGS,)

    def __init__(self, settings: Settings) -> None:
        self._kept_ms, self._clearings_kept = settings.history_kept_ms, settings.clearings_kept
        self.coalesce_ms = settings.history_ms

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake for what was cleared, not for what is dropped."""
        return () if event.type is EventType.DELETED else (HISTORY_KEY,)

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Count the clearings that have not been."""
        known = {key_of(obj): obj for obj in snapshot.list(*HISTORY)}
        through = max((_through(obj) for obj in known.values()), default=0)
        clearings = list(snapshot.list(*CLEARINGS))
        new = sorted((c for c in clearings if revision_of(c) > through), key=revision_of)
        if not new:
            return NOTHING
        full = len(clearings) >= self._clearings_kept
        may_lack = full and len(new) == len(clearings)
        latest = revision_of(new[-1])
        found = _fold(status_of(c).get("matches") or () for c in new)
        ops: list[Op] = []
        for (zone, day), candles in sorted(_by_day(found).items()):
            place = Key(*HISTORY, "", f"{zone_name(zone)}-{format_instant(day)[:10]}")
            before = known.get(place)
            status = _status(before, zone, day, candles, latest, may_lack)
            if before is not None:
                ops += update(before, {**before, "status": status})
            else:
                fresh = new_object(place, derived_uid("price-history", place.name), now)
                ops.append(create({**fresh, "status": status}))
        old = [obj for obj in known.values() if _day(obj) < format_instant(now - self._kept_ms)]
        ops += [remove(obj) for obj in old if ops]
        return decide(*ops)


def _through(obj: Object) -> int:
    return int(status_of(obj).get("throughRevision") or 0)


def _day(obj: Object) -> str:
    return str(status_of(obj).get("day") or "")


def _fold(clearings: Iterable[Iterable[Mapping[str, Any]]]) -> dict[Product, Candle]:
    found: dict[Product, Candle] = {}
    for matches in clearings:
        for product, candle in traded(matches).items():
            before = found.get(product)
            found[product] = candle if before is None else before.then(candle)
    return found


def _by_day(candles: Mapping[Product, Candle]) -> dict[tuple[str, Instant], dict[int, Candle]]:
    days: dict[tuple[str, Instant], dict[int, Candle]] = {}
    for (zone, start), candle in candles.items():
        days.setdefault((zone, start - start % DAY), {})[start] = candle
    return days


def _status(
    before: Object | None,
    zone: str,
    day: Instant,
    candles: Mapping[int, Candle],
    through: int,
    may_lack: bool,
) -> dict[str, Any]:
    said = status_of(before) if before is not None else {}
    rows = {row["startMs"]: candle_of(row) for row in said.get("rows") or ()}
    for start, candle in candles.items():
        rows[start] = rows[start].then(candle) if start in rows else candle
    written = [row_of(start, rows[start]) for start in range(day, day + DAY, HOUR) if start in rows]
    return {
        "zone": zone,
        "day": format_instant(day)[:10],
        **day_of(written),
        "rows": written,
        "throughRevision": through,
        "mayLack": bool(said.get("mayLack")) or may_lack,
    }
