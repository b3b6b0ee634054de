"""Events: what happened to an object, for `kubectl describe`.

The same thing said again raises the count of one Event. Next: `leases.py`.
"""

from __future__ import annotations

from busbar.model.ids import derived_suffix, derived_uid
from busbar.model.objects import Key, Object, name_of, namespace_of, uid_of
from busbar.model.time import Instant, format_instant
from busbar.store.contract import ANY, Put, Snapshot

from .writes import new_object, revision_of

COMPONENT = "busbar"
CLUSTER_EVENTS = "default"
"""The namespace for Events about objects that have none, as in Kubernetes."""


def event(
    snapshot: Snapshot,
    about: Object,
    now: Instant,
    reason: str,
    message: str,
    *,
    warning: bool = False,
) -> Put:
    """Record an Event about an object."""
    namespace = namespace_of(about) or CLUSTER_EVENTS
    mark = derived_suffix(uid_of(about), reason, message, length=16)
    key = Key("", "events", namespace, f"{name_of(about)[:200]}.{mark}")
    known = snapshot.get(key)
    if known is not None:
        count = int(known.get("count") or 1) + 1
        again = {**known, "count": count, "lastTimestamp": format_instant(now)}
        return Put(key, again, revision_of(known))
    fresh = new_object(key, derived_uid("event", mark, now), now)
    return Put(
        key,
        {
            **fresh,
            "involvedObject": _reference(about),
            "reason": reason,
            "message": message,
            "type": "Warning" if warning else "Normal",
            "count": 1,
            "firstTimestamp": format_instant(now),
            "lastTimestamp": format_instant(now),
            "source": {"component": COMPONENT},
            "reportingComponent": COMPONENT,
            "reportingInstance": COMPONENT,
        },
        ANY,
    )


def _reference(about: Object) -> dict[str, str]:
    named = {
        "apiVersion": str(about["apiVersion"]),
        "kind": str(about["kind"]),
        "name": name_of(about),
        "uid": uid_of(about),
    }
    namespace = namespace_of(about)
    return {**named, "namespace": namespace} if namespace else named
