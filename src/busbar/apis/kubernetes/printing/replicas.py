"""Deployments, ReplicaSets and disruption budgets, with the words of `kubectl get`.

Next: `own.py`.
"""

from __future__ import annotations

from typing import Any

from busbar.apis.kubernetes.printing.columns import AGE, NAME, NONE, Column, Printer, age
from busbar.model.labels import selector_text
from busbar.model.objects import Object, name_of, spec_of, status_of
from busbar.model.time import Instant

_UNLIMITED = "N/A"


def _deployment(obj: Object, now: Instant) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    return [
        name_of(obj),
        f"{status.get('readyReplicas') or 0}/{spec.get('replicas', 1)}",
        status.get("updatedReplicas") or 0,
        status.get("availableReplicas") or 0,
        age(obj, now),
        *_wide_cells(spec),
    ]


def _replica_set(obj: Object, now: Instant) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    return [
        name_of(obj),
        spec.get("replicas", 1),
        status.get("replicas") or 0,
        status.get("readyReplicas") or 0,
        age(obj, now),
        *_wide_cells(spec),
    ]


def _wide_cells(spec: dict[str, Any]) -> list[Any]:
    containers = ((spec.get("template") or {}).get("spec") or {}).get("containers") or []
    return [
        ",".join(str(one.get("name")) for one in containers),
        ",".join(str(one.get("image")) for one in containers),
        selector_text(spec.get("selector")) or NONE,
    ]


def _budget(obj: Object, now: Instant) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    return [
        name_of(obj),
        str(spec.get("minAvailable", _UNLIMITED)),
        str(spec.get("maxUnavailable", _UNLIMITED)),
        status.get("disruptionsAllowed") or 0,
        age(obj, now),
    ]


_WIDE = tuple(Column(name, priority=1) for name in ("Containers", "Images", "Selector"))

PRINTERS: dict[tuple[str, str], Printer] = {
    ("apps", "deployments"): Printer(
        (
            NAME,
            Column("Ready", description="Pods that are ready, of those that are wanted."),
            Column("Up-to-date", description="Pods of the latest template."),
            Column("Available", description="Pods that have been ready for minReadySeconds."),
            AGE,
            *_WIDE,
        ),
        _deployment,
    ),
    ("apps", "replicasets"): Printer(
        (
            NAME,
            Column("Desired", "integer"),
            Column("Current", "integer"),
            Column("Ready", "integer"),
            AGE,
            *_WIDE,
        ),
        _replica_set,
    ),
    ("policy", "poddisruptionbudgets"): Printer(
        (
            NAME,
            Column("Min Available"),
            Column("Max Unavailable"),
            Column("Allowed Disruptions", "integer"),
            AGE,
        ),
        _budget,
    ),
}
