"""Which Pod a batch Job's template means. Next: `controller.py`."""

from __future__ import annotations

from typing import Any

from busbar.controllers.names import (
    ANN_LOSSES,
    ENV_INDEX,
    FINALIZER_TRACKING,
    LABEL_INDEX,
    LABEL_JOB_NAME,
    LABEL_JOB_NAME_OLD,
    LABEL_JOB_UID,
    LABEL_JOB_UID_OLD,
)
from busbar.controllers.parts.pods import pod_key
from busbar.controllers.parts.writes import new_object
from busbar.model.ids import derived_suffix, derived_uid
from busbar.model.objects import (
    Object,
    annotations_of,
    labels_of,
    name_of,
    namespace_of,
    owner_reference,
    spec_of,
    uid_of,
)
from busbar.model.time import Instant
from busbar.model.wellknown import ANN_AVOID


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
    suffix = derived_suffix(uid_of(job), now, number, index)
    stem = name_of(job) if index is None else f"{name_of(job)}-{index}"
    key = pod_key(namespace_of(job), f"{stem[:57].rstrip('.-')}-{suffix}")
    pod = new_object(
        key,
        derived_uid("pod", uid_of(job), key.name, now),
        now,
        labels={**labels_of(template), **_labels(job, index)},
        annotations={
            **annotations_of(template),
            **({LABEL_INDEX: str(index)} if index is not None else {}),
            **({ANN_LOSSES: str(losses)} if losses else {}),
            **({ANN_AVOID: avoid} if avoid else {}),
        },
        ownerReferences=[owner_reference(job)],
        finalizers=[FINALIZER_TRACKING],
    )
    return {**pod, "spec": _spec(job, template, index), "status": {"phase": "Pending"}}


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
