"""Things that outlive their use: Events after an hour, Secrets that name their own end.

Next: `all.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from busbar.controllers.contract import NOTHING, Collection, Decision, decide
from busbar.controllers.names import ANN_EXPIRES
from busbar.controllers.parts.writes import remove
from busbar.controllers.settings import Settings
from busbar.model.errors import InvalidField
from busbar.model.objects import Key, Object, annotations_of, metadata
from busbar.model.time import Instant, parse_instant
from busbar.store.contract import Event, EventType, Snapshot


class ExpiryController:
    """Removes what has expired."""

    name = "expiry"
    watches: tuple[Collection, ...] = (("", "events"), ("", "secrets"))
    coalesce_ms = 0

    def __init__(self, settings: Settings) -> None:
        self._ttl = settings.event_ttl_ms

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake what may expire."""
        if event.type is EventType.DELETED or self._due(event.obj) is None:
            return ()
        return (event.key,)

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Remove it if its time has come, else come back then."""
        obj = snapshot.get(key)
        due = self._due(obj) if obj is not None else None
        if obj is None or due is None:
            return NOTHING
        if now < due:
            return Decision(requeue_at=due)
        note = "" if key.resource == "events" else f"{key} expired"
        return decide(remove(obj), note=note)

    def _due(self, obj: Object) -> Instant | None:
        try:
            if obj.get("kind") == "Event":
                said = obj.get("lastTimestamp") or obj.get("eventTime")
                said = said or metadata(obj).get("creationTimestamp")
                return parse_instant(said, "lastTimestamp") + self._ttl
            stated = annotations_of(obj).get(ANN_EXPIRES)
            return parse_instant(stated, "") if stated else None
        except InvalidField:
            return None
