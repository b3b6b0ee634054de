"""Things that outlive their use: Events after an hour, Secrets that name their own end.

Next: `all.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

from busbar.controllers.contract import NOTHING, Collection, Decision, decide
from busbar.controllers.names import ANN_EXPIRES
from busbar.controllers.parts.writes import remove
from busbar.controllers.settings import Settings
from busbar.model.errors import InvalidField
from busbar.model.objects import Key, Object, annotations_of, metadata
from busbar.model.time import MINUTE, Instant, parse_instant
from busbar.store.contract import Event, EventType, Snapshot, Transaction

EVENTS: Collection = ("", "events")
_ALL = Key(*EVENTS, "", "all")
SWEEP_MS = MINUTE
SWEPT_MAX = 1000
"""Events removed by one decision; the next follows at once."""


class EventExpiryController:
    """Sweeps Events away once they are old: all in one look, since every match makes one."""

    name = "event-expiry"
    watches: tuple[Collection, ...] = (EVENTS,)
    coalesce_ms = SWEEP_MS
    aside = True

    def __init__(self, settings: Settings) -> None:
        self._ttl = settings.event_ttl_ms

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake once there is any."""
        return () if event.type is EventType.DELETED else (_ALL,)

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Remove those whose time has come, the oldest first; come back when the next is due."""
        ends = [(_last_seen(obj) + self._ttl, obj) for obj in snapshot.list(*EVENTS)]
        ends.sort(key=itemgetter(0))
        gone = tuple(Transaction((remove(obj),)) for end, obj in ends[:SWEPT_MAX] if end <= now)
        left = ends[len(gone) :]
        return Decision(gone, max(now, left[0][0]) if left else None)


class SecretExpiryController:
    """Removes Secrets that name their own end."""

    name = "secret-expiry"
    watches: tuple[Collection, ...] = (("", "secrets"),)
    coalesce_ms = 0

    def __init__(self, settings: Settings) -> None:
        del settings

    def keys(self, event: Event) -> Iterable[Key]:
        """Wake what may expire."""
        gone = event.type is EventType.DELETED
        return () if gone or _expires(event.obj) is None else (event.key,)

    def reconcile(self, snapshot: Snapshot, key: Key, now: Instant) -> Decision:
        """Remove it if its time has come, else come back then."""
        obj = snapshot.get(key)
        due = _expires(obj) if obj is not None else None
        if obj is None or due is None:
            return NOTHING
        if now < due:
            return Decision(requeue_at=due)
        return decide(remove(obj), note=f"{key} expired")


def _last_seen(event: Object) -> Instant:
    """Give when an Event was seen last; where it does not say so, when it was made."""
    said = event.get("lastTimestamp") or event.get("eventTime")
    seen = _instant(said) if said else None
    return seen if seen is not None else _instant(metadata(event)["creationTimestamp"]) or 0


def _expires(secret: Object) -> Instant | None:
    stated = annotations_of(secret).get(ANN_EXPIRES)
    return _instant(stated) if stated else None


def _instant(said: object) -> Instant | None:
    try:
        return parse_instant(said, "")
    except InvalidField:
        return None
