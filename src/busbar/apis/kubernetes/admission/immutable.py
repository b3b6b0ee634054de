"""What may not change any more once it is there. Next: `terms.py`.

A contract was made for a Pod as it was: its size, image source and command are what was sold.
Source of the Pod's mutable fields: ValidatePodUpdate of the Kubernetes API server.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from busbar.apis.kubernetes.admission.change import Change
from busbar.apis.kubernetes.schemas.refusals import FieldError, forbidden, invalid
from busbar.model.objects import spec_of

_POD_MUTABLE: Final = ("activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations")
_JOB_FIXED: Final = ("selector", "template", "completionMode")
_FIXED: Final = "field is immutable"


def immutable(change: Change) -> list[FieldError]:
    """Give what was changed and may not be."""
    if change.old is None:
        return []
    collection = change.resource.collection
    before, after = spec_of(change.old), spec_of(change.new)
    if collection == ("", "pods"):
        return _pod(before, after)
    if collection == ("batch", "jobs"):
        wrong = [field for field in _JOB_FIXED if before.get(field) != after.get(field)]
        return [FieldError(f"spec.{field}", f"Invalid value: {_FIXED}") for field in wrong]
    if collection[0] == "apps" and before.get("selector") != after.get("selector"):
        return [invalid("spec.selector", after.get("selector"), _FIXED)]
    if collection == ("busbar.dev", "offers") and before.get("vendor") != after.get("vendor"):
        return [invalid("spec.vendor", after.get("vendor"), _FIXED)]
    if collection == ("busbar.dev", "attestations") and before != after:
        return [FieldError("spec", f"Invalid value: {_FIXED}; what is signed never changes")]
    if collection in (("", "secrets"), ("", "configmaps")):
        return _data(change.old, change.new)
    return []


def _pod(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[FieldError]:
    if before == after or _frozen(before) == _frozen(after):
        return []
    allowed = "spec.containers[*].image, spec.initContainers[*].image, spec.activeDeadlineSeconds, "
    allowed += "spec.tolerations or spec.terminationGracePeriodSeconds"
    return [forbidden("spec", f"pod updates may not change fields other than {allowed}")]


def _frozen(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Give the part of a Pod's spec that may not change. The image a container starts from may."""
    kept = {key: value for key, value in spec.items() if key not in _POD_MUTABLE and value != []}
    for field in ("containers", "initContainers"):
        if field in kept:
            kept[field] = [{**one, "image": ""} for one in kept[field]]
    return kept


def _data(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[FieldError]:
    wrong = []
    if "type" in old and old.get("type") != new.get("type"):
        wrong.append(invalid("type", new.get("type"), _FIXED))
    if old.get("immutable"):
        if not new.get("immutable"):
            wrong.append(forbidden("immutable", "field is immutable when `immutable` is set"))
        for field in ("data", "binaryData"):
            if (old.get(field) or {}) != (new.get(field) or {}):
                why = "field is immutable when `immutable` is set"
                wrong.append(forbidden(field, why))
    return wrong
