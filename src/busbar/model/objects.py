"""The shape of everything declared: Kubernetes objects as plain JSON dicts.

Stored objects are shared and must not be changed in place: copy, then change. This module has
the few readers that every room needs. Next: `resources.py`, which resource serves which kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

Object = dict[str, Any]
"""apiVersion, kind, metadata, spec, status, as JSON."""


class Key(NamedTuple):
    """Where an object lives: group ("" for core), resource plural, namespace ("" if none), name."""

    group: str
    resource: str
    namespace: str
    name: str

    def __str__(self) -> str:
        kind = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{kind} {self.namespace}/{self.name}" if self.namespace else f"{kind} {self.name}"


def metadata(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Give the metadata, an empty dict where there is none."""
    return obj.get("metadata") or {}


def name_of(obj: Mapping[str, Any]) -> str:
    """Give metadata.name or ""."""
    return str(metadata(obj).get("name") or "")


def namespace_of(obj: Mapping[str, Any]) -> str:
    """Give metadata.namespace or ""."""
    return str(metadata(obj).get("namespace") or "")


def uid_of(obj: Mapping[str, Any]) -> str:
    """Give metadata.uid or ""."""
    return str(metadata(obj).get("uid") or "")


def labels_of(obj: Mapping[str, Any]) -> dict[str, str]:
    """Give metadata.labels, an empty dict where there are none."""
    return metadata(obj).get("labels") or {}


def annotations_of(obj: Mapping[str, Any]) -> dict[str, str]:
    """Give metadata.annotations, an empty dict where there are none."""
    return metadata(obj).get("annotations") or {}


def spec_of(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Give spec, an empty dict where there is none."""
    return obj.get("spec") or {}


def status_of(obj: Mapping[str, Any]) -> dict[str, Any]:
    """Give status, an empty dict where there is none."""
    return obj.get("status") or {}


def containers_of(spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the containers of a Pod's spec, those that begin before the others first."""
    return [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]


def is_deleting(obj: Mapping[str, Any]) -> bool:
    """Say whether deletion was asked for and finalizers or a grace period still hold it."""
    return bool(metadata(obj).get("deletionTimestamp"))


def controller_of(obj: Mapping[str, Any]) -> dict[str, Any] | None:
    """Give the owner reference marked as controller, if any."""
    for owner in metadata(obj).get("ownerReferences") or ():
        if owner.get("controller"):
            found: dict[str, Any] = owner
            return found
    return None


def with_metadata(obj: Object, **fields: Any) -> Object:
    """Copy with metadata fields replaced; a value of None removes the field."""
    meta = {k: v for k, v in {**metadata(obj), **fields}.items() if v is not None}
    return {**obj, "metadata": meta}


def annotate(obj: Object, changes: Mapping[str, str | None]) -> Object:
    """Copy with annotations changed; None removes one."""
    notes = {k: v for k, v in {**annotations_of(obj), **changes}.items() if v is not None}
    return with_metadata(obj, annotations=notes or None)


def stamped(obj: Object, uid: str, created: str) -> Object:
    """Copy with the metadata that a created object has: uid and creationTimestamp."""
    return with_metadata(obj, uid=uid, creationTimestamp=created)


def owner_reference(owner: Mapping[str, Any], *, controller: bool = True) -> dict[str, Any]:
    """Give the reference that makes `owner` the owner of another object."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name_of(owner),
        "uid": uid_of(owner),
        "controller": controller,
        "blockOwnerDeletion": controller,
    }


def condition(obj: Mapping[str, Any], kind: str) -> dict[str, Any] | None:
    """Give the status condition of a type, if any."""
    for entry in status_of(obj).get("conditions") or ():
        if entry.get("type") == kind:
            return dict(entry)
    return None
