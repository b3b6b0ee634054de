"""Status conditions, changed only where their meaning changes.

A write that says the same again would wake every watcher for nothing. Next: `events.py`.
"""

from __future__ import annotations

from typing import Any

from busbar.model.objects import Object, status_of
from busbar.model.time import Instant, format_instant

Conditions = list[dict[str, Any]]


def with_condition(
    obj: Object, kind: str, status: bool | None, now: Instant, reason: str = "", message: str = ""
) -> Conditions:
    """Give the conditions with one set (None: Unknown); the list as it is where it says so already.

    lastTransitionTime moves only where the status does, as Kubernetes has it.
    """
    old: Conditions = list(status_of(obj).get("conditions") or ())
    said = "Unknown" if status is None else str(status)
    entry: dict[str, Any] = {"type": kind, "status": said}
    if reason:
        entry["reason"] = reason
    if message:
        entry["message"] = message
    for i, known in enumerate(old):
        if known.get("type") == kind:
            if all(known.get(k, "") == entry.get(k, "") for k in ("status", "reason", "message")):
                return old
            at = known.get("lastTransitionTime") if known.get("status") == said else None
            entry["lastTransitionTime"] = at or format_instant(now)
            return [*old[:i], entry, *old[i + 1 :]]
    entry["lastTransitionTime"] = format_instant(now)
    return [*old, entry]
