"""What a Deployment tells of itself: counts, and the conditions Available and Progressing.

`kubectl rollout status` and `kubectl wait` go by these words. Source: kubernetes.io,
"Deployments", "Deployment status". Next: `controller.py`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from busbar.controllers.parts.conditions import Conditions
from busbar.model.errors import InvalidField
from busbar.model.objects import Object, condition, metadata, name_of, spec_of, status_of
from busbar.model.time import SECOND, Instant, format_instant, parse_instant

AVAILABLE, PROGRESSING = "Available", "Progressing"
DONE = "NewReplicaSetAvailable"
TIMED_OUT = "ProgressDeadlineExceeded"
PAUSED, RESUMED = "DeploymentPaused", "DeploymentResumed"
_COUNTED = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
_DEADLINE_NONE = 2**31 - 1


class Totals(NamedTuple):
    """The Pods of all ReplicaSets, as their status has them."""

    replicas: int
    updated: int
    ready: int
    available: int
    terminating: int


def totals(sets: list[Object], new: Object | None) -> Totals:
    """Add the counts up."""
    return Totals(
        _sum(sets, "replicas"),
        _sum([new] if new is not None else [], "replicas"),
        _sum(sets, "readyReplicas"),
        _sum(sets, "availableReplicas"),
        _sum(sets, "terminatingReplicas"),
    )


def _sum(sets: list[Object], field: str) -> int:
    return sum(int(status_of(one).get(field) or 0) for one in sets)


def told(
    deployment: Object, new: Object | None, found: Totals, wanted: int, least: int, now: Instant
) -> dict[str, Any]:
    """Give the fields of the status; `wanted` Pods now, `least` of them available."""
    conditions = _set(
        list(status_of(deployment).get("conditions") or ()), _available(found, least), now
    )
    progress = _progress(deployment, new, found, wanted, now)
    if progress is not None:
        conditions = _set(conditions, progress, now)
    return {
        "observedGeneration": metadata(deployment).get("generation"),
        "replicas": found.replicas or None,
        "updatedReplicas": found.updated or None,
        "readyReplicas": found.ready or None,
        "availableReplicas": found.available or None,
        "unavailableReplicas": max(0, max(wanted, found.replicas) - found.available) or None,
        "terminatingReplicas": found.terminating,
        "conditions": conditions,
    }


class _Said(NamedTuple):
    kind: str
    status: bool | None
    reason: str
    message: str
    moved: bool = False
    """Progress was made: `lastUpdateTime` starts anew, though the words are the same."""


def _available(found: Totals, least: int) -> _Said:
    if found.available >= least:
        message = "Deployment has minimum availability."
        return _Said(AVAILABLE, True, "MinimumReplicasAvailable", message)
    message = "Deployment does not have minimum availability."
    return _Said(AVAILABLE, False, "MinimumReplicasUnavailable", message)


def is_complete(found: Totals, wanted: int) -> bool:
    """Say whether all Pods are of the present template, as many as wanted, and available."""
    return (found.replicas, found.updated, found.available) == (wanted, wanted, wanted)


def _progress(
    deployment: Object, new: Object | None, found: Totals, wanted: int, now: Instant
) -> _Said | None:
    known = condition(deployment, PROGRESSING) or {}
    if spec_of(deployment).get("paused"):
        return _Said(PROGRESSING, None, PAUSED, "Deployment is paused")
    which = f'ReplicaSet "{name_of(new)}"' if new is not None else "The new ReplicaSet"
    if is_complete(found, wanted):
        return _Said(PROGRESSING, True, DONE, f"{which} has successfully progressed.")
    is_same = new is not None and f'"{name_of(new)}"' in str(known.get("message"))
    if known.get("reason") == DONE and found.replicas == found.updated and is_same:
        return None
    if not known or known.get("reason") == PAUSED or known.get("reason") == DONE:
        return _Said(PROGRESSING, True, "ReplicaSetUpdated", f"{which} is progressing.", True)
    if _has_moved(deployment, found):
        return _Said(PROGRESSING, True, "ReplicaSetUpdated", f"{which} is progressing.", True)
    due = deadline(deployment)
    if known.get("reason") == TIMED_OUT or (due is not None and due <= now):
        return _Said(PROGRESSING, False, TIMED_OUT, f"{which} has timed out progressing.")
    return None


def _has_moved(deployment: Object, found: Totals) -> bool:
    before, generation = status_of(deployment), metadata(deployment).get("generation")
    replicas, updated, ready, available = (int(before.get(field) or 0) for field in _COUNTED)
    return (
        before.get("observedGeneration") != generation
        or found.updated > updated
        or found.ready > ready
        or found.available > available
        or found.replicas - found.updated < replicas - updated
    )


def deadline(deployment: Object) -> Instant | None:
    """Give by when progress must be seen; None where none is awaited."""
    seconds = spec_of(deployment).get("progressDeadlineSeconds")
    known = condition(deployment, PROGRESSING)
    if known is None or known.get("reason") in (DONE, TIMED_OUT, PAUSED):
        return None
    if not isinstance(seconds, int) or seconds == _DEADLINE_NONE:
        return None
    try:
        return parse_instant(known.get("lastUpdateTime"), "lastUpdateTime") + seconds * SECOND
    except InvalidField:
        return None


def _set(conditions: Conditions, said: _Said, now: Instant) -> Conditions:
    """Set a condition as Deployments have them, with the time of the last news."""
    status = "Unknown" if said.status is None else str(said.status)
    entry = {
        "type": said.kind,
        "status": status,
        "reason": said.reason,
        "message": said.message,
        "lastUpdateTime": format_instant(now),
        "lastTransitionTime": format_instant(now),
    }
    for index, known in enumerate(conditions):
        if known.get("type") != said.kind:
            continue
        same = all(known.get(f) == entry[f] for f in ("status", "reason", "message"))
        if same and not said.moved:
            return conditions
        if known.get("status") == status and known.get("lastTransitionTime"):
            entry["lastTransitionTime"] = known["lastTransitionTime"]
        return [*conditions[:index], entry, *conditions[index + 1 :]]
    return [*conditions, entry]
