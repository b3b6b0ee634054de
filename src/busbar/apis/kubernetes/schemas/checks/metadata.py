"""Names, labels, annotations, owners: what every kind has.

Source: k8s.io/apimachinery/pkg/api/validation (objectmeta.go). Next: `containers.py`.
"""

from __future__ import annotations

from typing import Any, Final

from busbar.apis.kubernetes.schemas import names
from busbar.apis.kubernetes.schemas.refusals import (
    FieldError,
    forbidden,
    invalid,
    required,
    shown,
    too_long,
)
from busbar.model.objects import Object, metadata
from busbar.model.resources import Resource

_LABEL_NAMED: Final = ("Namespace",)
_IMMUTABLE: Final = ("name", "namespace", "uid", "creationTimestamp")


def check_name(resource: Resource, obj: Object) -> list[FieldError]:
    """Check that there is a name, and that it is one for this kind."""
    name = metadata(obj).get("name")
    if not name:
        return [required("metadata.name", "name or generateName is required")]
    if resource.kind in _LABEL_NAMED and (wrong := names.wrong_label_name(name)):
        return [invalid("metadata.name", name, wrong)]
    return []


def check_metadata(meta: dict[str, Any]) -> list[FieldError]:
    """Check the form of all metadata; for objects that the fast path did not take."""
    errors = []
    if (name := meta.get("name")) and (wrong := names.wrong_subdomain(name)):
        errors.append(invalid("metadata.name", name, wrong))
    if (space := meta.get("namespace")) and (wrong := names.wrong_label_name(space)):
        errors.append(invalid("metadata.namespace", space, wrong))
    prefix = (meta.get("generateName") or "").rstrip("-.")
    if prefix and (wrong := names.wrong_subdomain(prefix)):
        errors.append(invalid("metadata.generateName", meta["generateName"], wrong))
    errors += check_labels(meta.get("labels") or {}, "metadata.labels")
    errors += _check_annotations(meta.get("annotations") or {})
    for index, finalizer in enumerate(meta.get("finalizers") or ()):
        if wrong := names.wrong_qualified_name(finalizer):
            errors.append(invalid(f"metadata.finalizers[{index}]", finalizer, wrong))
    for index, owner in enumerate(meta.get("ownerReferences") or ()):
        for field in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(field):
                errors.append(required(f"metadata.ownerReferences[{index}].{field}"))
    return errors


def check_labels(labels: dict[str, str], path: str) -> list[FieldError]:
    """Check keys and values of labels."""
    errors = []
    for key, value in labels.items():
        if wrong := names.wrong_qualified_name(key):
            errors.append(invalid(path, key, wrong))
        if wrong := names.wrong_label_value(value):
            errors.append(invalid(path, value, wrong))
    return errors


def _check_annotations(annotations: dict[str, str]) -> list[FieldError]:
    errors = []
    for key in annotations:
        if wrong := names.wrong_qualified_name(key.lower()):
            errors.append(invalid("metadata.annotations", key, wrong))
    size = sum(len(key) + len(value.encode()) for key, value in annotations.items())
    if size > names.ANNOTATIONS_MAX:
        errors.append(too_long("metadata.annotations", names.ANNOTATIONS_MAX))
    return errors


def check_metadata_update(obj: Object, old: Object) -> list[FieldError]:
    """Check what an update may not change."""
    meta, before = metadata(obj), metadata(old)
    errors = [
        invalid(f"metadata.{field}", meta.get(field), "field is immutable")
        for field in _IMMUTABLE
        if meta.get(field) != before.get(field)
    ]
    if before.get("deletionTimestamp"):
        added = set(meta.get("finalizers") or ()) - set(before.get("finalizers") or ())
        if added:
            why = "no new finalizers can be added if the object is being deleted, found new "
            why += f"finalizers {shown(sorted(added)[0])}"
            errors.append(forbidden("metadata.finalizers", why))
    return errors
