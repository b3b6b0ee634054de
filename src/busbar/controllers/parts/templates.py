"""The Pod that a template means: whoever owns Pods makes them here, and says what is its own.

Its name depends on its owner, the time and `mark` alone, so that the same decision taken twice
makes the same Pod. Next: `avoidance.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    uid_of,
)
from busbar.model.time import Instant
from busbar.model.wellknown import ANN_AVOID

_STEM_MAX = 57
"""A Pod's name is its host name, which ends at 63 characters; six are the suffix."""


def stem_of(name: str) -> str:
    """Give what a Pod's name begins with, its hyphen included."""
    return f"{name[:_STEM_MAX].rstrip('.-')}-"


def pod_of(
    owner: Object,
    template: Mapping[str, Any],
    now: Instant,
    mark: Sequence[object],
    *,
    stem: str = "",
    labels: Mapping[str, str] | None = None,
    notes: Mapping[str, str] | None = None,
    losses: int = 0,
    avoid: str = "",
    **meta: Any,
) -> Object:
    """Make a Pod of `template` (metadata and spec, as in a PodTemplateSpec) for its owner.

    `mark` tells it from the owner's other Pods, `stem` replaces the owner's name in its own.
    `labels` and `notes` (annotations) come on top of the template's, `meta` is further metadata.
    `losses` says how many nodes the work has lost, `avoid` what it keeps away from therefore.
    """
    suffix = derived_suffix(uid_of(owner), *mark)
    key = pod_key(namespace_of(owner), stem_of(stem or name_of(owner)) + suffix)
    pod = new_object(
        key,
        derived_uid("pod", uid_of(owner), key.name, now),
        now,
        labels={**labels_of(template), **(labels or {})},
        annotations={
            **annotations_of(template),
            **({ANN_LOSSES: str(losses)} if losses else {}),
            **({ANN_AVOID: avoid} if avoid else {}),
            **(notes or {}),
        },
        ownerReferences=[owner_reference(owner)],
        **meta,
    )
    return {**pod, "spec": dict(template.get("spec") or {}), "status": {"phase": "Pending"}}
