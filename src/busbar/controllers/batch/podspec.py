"""Which Pod a batch Job's template means. Next: `controller.py`."""

from __future__ import annotations

from typing import Any

from busbar.controllers.names import (
    ENV_INDEX,
    FINALIZER_TRACKING,
    LABEL_INDEX,
    LABEL_JOB_NAME,
    LABEL_JOB_NAME_OLD,
    LABEL_JOB_UID,
    LABEL_JOB_UID_OLD,
)
from busbar.controllers.parts.templates import pod_of
from busbar.model.objects import Object, name_of, spec_of, uid_of
from busbar.model.time import Instant


def next_pod(
    job: Object,
    now: Instant,
    number: int,
    *,
    index: int | None = None,
    losses: int = 0,
    avoid: str = "",
) -> Object:
    """Make the `number`-th Pod of one decision."""
    template: dict[str, Any] = spec_of(job).get("template") or {}
    return pod_of(
        job,
        {**template, "spec": _spec(job, template, index)},
        now,
        (now, number, index),
        stem=name_of(job) if index is None else f"{name_of(job)}-{index}",
        labels=_labels(job, index),
        notes=None if index is None else {LABEL_INDEX: str(index)},
        losses=losses,
        avoid=avoid,
        finalizers=[FINALIZER_TRACKING],
    )


def _labels(job: Object, index: int | None) -> dict[str, str]:
    name, uid = name_of(job)[:63].rstrip(".-_"), uid_of(job)
    labels = {
        LABEL_JOB_NAME: name,
        LABEL_JOB_NAME_OLD: name,
        LABEL_JOB_UID: uid,
        LABEL_JOB_UID_OLD: uid,
    }
    return labels if index is None else {**labels, LABEL_INDEX: str(index)}


def _spec(job: Object, template: dict[str, Any], index: int | None) -> dict[str, Any]:
    spec = dict(template.get("spec") or {})
    if index is None:
        return spec
    spec.setdefault("hostname", f"{name_of(job)}-{index}"[:63].rstrip(".-"))
    for field in ("initContainers", "containers"):
        if spec.get(field):
            spec[field] = [_with_index(container, index) for container in spec[field]]
    return spec


def _with_index(container: dict[str, Any], index: int) -> dict[str, Any]:
    env = container.get("env") or []
    if any(entry.get("name") == ENV_INDEX for entry in env):
        return container
    return {**container, "env": [*env, {"name": ENV_INDEX, "value": str(index)}]}
