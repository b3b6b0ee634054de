"""Event, Lease and Node: the little that is checked beyond their schema. Next: `../../patches/`."""

from __future__ import annotations

from busbar.apis.kubernetes.schemas import names
from busbar.apis.kubernetes.schemas.refusals import FieldError, invalid, required, unsupported
from busbar.model.objects import Object, namespace_of, spec_of

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def check_event(obj: Object, _old: Object | None) -> list[FieldError]:
    """Check that the event lies in the namespace of what it is about."""
    about = (obj.get("involvedObject") or {}).get("namespace") or ""
    if about and about != namespace_of(obj):
        return [invalid("involvedObject.namespace", about, "does not match event.namespace")]
    return []


def check_lease(obj: Object, _old: Object | None) -> list[FieldError]:
    """Check a lease's duration and transitions."""
    spec, errors = spec_of(obj), []
    duration, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if duration is not None and duration <= 0:
        errors.append(invalid("spec.leaseDurationSeconds", duration, "must be greater than 0"))
    if transitions is not None and transitions < 0:
        why = "must be greater than or equal to 0"
        errors.append(invalid("spec.leaseTransitions", transitions, why))
    return errors


def check_node(obj: Object, _old: Object | None) -> list[FieldError]:
    """Check a node's taints."""
    errors = []
    for index, taint in enumerate(spec_of(obj).get("taints") or ()):
        path = f"spec.taints[{index}]"
        if not taint.get("key"):
            errors.append(required(f"{path}.key"))
        elif wrong := names.wrong_qualified_name(taint["key"]):
            errors.append(invalid(f"{path}.key", taint["key"], wrong))
        if taint.get("effect") not in _EFFECTS:
            errors.append(unsupported(f"{path}.effect", taint.get("effect") or "", _EFFECTS))
    return errors
