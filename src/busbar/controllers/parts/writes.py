"""Turning decisions about objects into ops that carry the revision they were decided on.

Next: `conditions.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from busbar.model.objects import Key, Object, metadata, status_of
from busbar.model.resources import BY_COLLECTION, key_of
from busbar.model.time import Instant, format_instant
from busbar.store.contract import ABSENT, Delete, Op, Put, Require, Revision


def revision_of(obj: Mapping[str, Any]) -> Revision:
    """Give the revision at which a stored object was read."""
    return int(metadata(obj)["resourceVersion"])


def update(old: Object, new: Object) -> tuple[Op, ...]:
    """Replace an object as it was read; nothing where nothing differs."""
    if new == old:
        return ()
    return (Put(key_of(old), new, revision_of(old)),)


def update_status(obj: Object, **changes: Any) -> tuple[Op, ...]:
    """Change fields of the status; None removes one. Nothing where nothing differs."""
    return update(obj, with_status(obj, **changes))


def with_status(obj: Object, **changes: Any) -> Object:
    """Copy with status fields replaced; None removes one."""
    status = {k: v for k, v in {**status_of(obj), **changes}.items() if v is not None}
    return {**obj, "status": status} if status else {k: v for k, v in obj.items() if k != "status"}


def create(obj: Object) -> Put:
    """Create an object that must not exist yet."""
    return Put(key_of(obj), obj, ABSENT)


def remove(obj: Object) -> Delete:
    """Remove an object as it was read."""
    return Delete(key_of(obj), revision_of(obj))


def unchanged(obj: Object) -> Require:
    """Insist that an object the decision rests on is still as it was read."""
    return Require(key_of(obj), revision_of(obj))


def new_object(key: Key, uid: str, now: Instant, **meta: Any) -> Object:
    """Begin an object: type and metadata as the API would set them."""
    resource = BY_COLLECTION[(key.group, key.resource)]
    named = {"name": key.name, **({"namespace": key.namespace} if key.namespace else {})}
    fields = {
        **named,
        "uid": uid,
        "creationTimestamp": format_instant(now),
        "generation": 1,
        **{k: v for k, v in meta.items() if v},
    }
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": fields}
