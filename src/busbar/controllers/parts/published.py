"""Publishing a view of the market: one object a zone, written where more than the time changed.

Next: `pods.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from busbar.controllers.contract import Collection
from busbar.controllers.parts.writes import create, new_object, remove, update, with_status
from busbar.model.ids import derived_uid
from busbar.model.objects import Key, status_of
from busbar.model.time import Instant
from busbar.store.contract import Snapshot, Transaction


def publish(
    snapshot: Snapshot,
    collection: Collection,
    what: str,
    statuses: Mapping[str, dict[str, Any]],
    now: Instant,
) -> Iterator[Transaction]:
    """Write the statuses, by zone, that changed; remove objects of zones that are gone.

    `what` is the first part of what a new object's uid is derived from.
    """
    for zone, status in statuses.items():
        key = Key(*collection, "", zone_name(zone))
        known = snapshot.get(key)
        if known is None:
            fresh = new_object(key, derived_uid(what, zone, now), now)
            yield Transaction((create({**fresh, "status": status}),))
        elif {**status_of(known), "updated": ""} != {**status, "updated": ""}:
            yield Transaction(update(known, with_status(known, **status)))
    for obj in snapshot.list(*collection):
        if status_of(obj).get("zone") not in statuses:
            yield Transaction((remove(obj),))


def zone_name(zone: str) -> str:
    """Give the name of a zone's object: its letters and digits in lower case."""
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in zone.lower())
    return plain.strip("-") or "zone"
