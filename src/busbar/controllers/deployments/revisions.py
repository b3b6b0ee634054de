"""The ReplicaSets of a Deployment: which is of its template, their revisions, a new one.

A template has the same ReplicaSet for ever: going back to an old template takes its ReplicaSet up
again, under the next revision. Next: `rollout.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from busbar.controllers.names import (
    ANN_DESIRED,
    ANN_MOST,
    ANN_REVISION,
    LABEL_TEMPLATE_HASH,
)
from busbar.controllers.parts.writes import new_object
from busbar.model.ids import derived_suffix, derived_uid
from busbar.model.objects import (
    Key,
    Object,
    annotate,
    annotations_of,
    labels_of,
    metadata,
    name_of,
    namespace_of,
    owner_reference,
    spec_of,
    status_of,
    uid_of,
)
from busbar.model.time import Instant

_NOT_COPIED: Final = (
    "kubectl.kubernetes.io/last-applied-configuration",
    ANN_REVISION,
    ANN_DESIRED,
    ANN_MOST,
)
_NAME_MAX: Final = 240


def by_age(sets: Iterable[Object]) -> list[Object]:
    """Give ReplicaSets from the oldest on."""
    return sorted(sets, key=lambda s: (metadata(s)["creationTimestamp"], name_of(s)))


def of_template(deployment: Object, sets: Iterable[Object]) -> Object | None:
    """Give the ReplicaSet of the present template; the oldest where there are several."""
    wanted = _plain(spec_of(deployment).get("template") or {})
    return next((s for s in by_age(sets) if _plain(spec_of(s)["template"]) == wanted), None)


def _plain(template: dict[str, Any]) -> dict[str, Any]:
    """Give a template without the label that only tells ReplicaSets apart."""
    meta = dict(template.get("metadata") or {})
    labels = {k: v for k, v in labels_of(template).items() if k != LABEL_TEMPLATE_HASH}
    meta.pop("creationTimestamp", None)
    for field, value in (("labels", labels), ("annotations", annotations_of(template))):
        meta.pop(field, None)
        if value:
            meta[field] = value
    return {"metadata": meta, "spec": template.get("spec") or {}}


def revision_of(obj: Object) -> int:
    """Give the revision an object states, 0 where it states none."""
    text = annotations_of(obj).get(ANN_REVISION, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0


def next_revision(others: Iterable[Object]) -> int:
    """Give the revision after those of other ReplicaSets."""
    return 1 + max((revision_of(other) for other in others), default=0)


def template_hash(deployment: Object) -> str:
    """Give the label that tells this template's ReplicaSet from the others."""
    template = json.dumps(_plain(spec_of(deployment).get("template") or {}), sort_keys=True)
    collisions = status_of(deployment).get("collisionCount") or 0
    return derived_suffix(template, collisions, length=10)


def set_key(deployment: Object) -> Key:
    """Give the key that the ReplicaSet of the present template has where it is made anew."""
    name = f"{name_of(deployment)[:_NAME_MAX]}-{template_hash(deployment)}"
    return Key("apps", "replicasets", namespace_of(deployment), name)


def new_set(deployment: Object, replicas: int, most: int, revision: int, now: Instant) -> Object:
    """Make the ReplicaSet of the present template."""
    spec, mark = spec_of(deployment), {LABEL_TEMPLATE_HASH: template_hash(deployment)}
    template, selector = spec.get("template") or {}, spec.get("selector") or {}
    labels = {**labels_of(template), **mark}
    key = set_key(deployment)
    fresh = new_object(
        key,
        derived_uid("replicaset", uid_of(deployment), key.name, now),
        now,
        labels=labels,
        annotations=told(deployment, revision, most),
        ownerReferences=[owner_reference(deployment)],
    )
    matched = {**(selector.get("matchLabels") or {}), **mark}
    inside = {**(template.get("metadata") or {}), "labels": labels}
    wanted: dict[str, Any] = {
        "replicas": replicas,
        "selector": {**selector, "matchLabels": matched},
        "template": {**template, "metadata": inside},
    }
    if spec.get("minReadySeconds"):
        wanted["minReadySeconds"] = spec["minReadySeconds"]
    return {**fresh, "spec": wanted}


def told(deployment: Object, revision: int, most: int) -> dict[str, str]:
    """Give the annotations of the present template's ReplicaSet."""
    copied = {k: v for k, v in annotations_of(deployment).items() if k not in _NOT_COPIED}
    desired = str(spec_of(deployment).get("replicas", 1))
    return {**copied, ANN_REVISION: str(revision), ANN_DESIRED: desired, ANN_MOST: str(most)}


def scaled(replica_set: Object, replicas: int) -> Object:
    """Copy with another number of Pods: a new generation."""
    if spec_of(replica_set).get("replicas") == replicas:
        return replica_set
    generation = int(metadata(replica_set).get("generation") or 1) + 1
    meta = {**metadata(replica_set), "generation": generation}
    return {
        **replica_set,
        "metadata": meta,
        "spec": {**spec_of(replica_set), "replicas": replicas},
    }


def annotated(replica_set: Object, notes: dict[str, str]) -> Object:
    """Copy with annotations set."""
    return annotate(replica_set, dict(notes))
