"""Which Pod a ReplicaSet's template means. Next: `controller.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from busbar.controllers.names import ANN_LOSSES
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
    replica_set: Object,
    now: Instant,
    number: int,
    *,
    losses: int = 0,
    avoid: str = "",
    notes: Mapping[str, str] | None = None,
) -> Object:
    """Make the `number`-th Pod of one decision; `notes` are further annotations."""
    template: dict[str, Any] = spec_of(replica_set).get("template") or {}
    stem = f"{name_of(replica_set)[:57].rstrip('.-')}-"
    suffix = derived_suffix(uid_of(replica_set), now, number)
    key = pod_key(namespace_of(replica_set), stem + suffix)
    pod = new_object(
        key,
        derived_uid("pod", uid_of(replica_set), key.name, now),
        now,
        generateName=stem,
        labels=labels_of(template),
        annotations={
            **annotations_of(template),
            **({ANN_LOSSES: str(losses)} if losses else {}),
            **({ANN_AVOID: avoid} if avoid else {}),
            **(notes or {}),
        },
        ownerReferences=[owner_reference(replica_set)],
    )
    return {**pod, "spec": dict(template.get("spec") or {}), "status": {"phase": "Pending"}}
