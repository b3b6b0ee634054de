"""What only the exchange (or an operator) may write: assignments that would buy without paying.

A Pod with a node set by hand would run without a contract; an epoch raised by hand would break
the fence; a bearer token's Secret would be a key to the door. Next: `immutable.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from busbar.apis.kubernetes.admission.change import Change
from busbar.model.objects import Object, annotations_of, name_of, spec_of
from busbar.model.wellknown import (
    ANN_CAP,
    ANN_DURATION,
    ANN_EGRESS_CAP,
    ANN_GANG,
    ANN_GANG_PLACES,
    ANN_GANG_SIZE,
    ANN_MAY_MOVE,
    ANN_MAY_WAIT,
    ANN_NOT_AFTER,
    ANN_NOT_BEFORE,
    ANN_READ,
    ANN_REGION,
    ANN_RESERVATION,
    ANN_RESTRICTIONS,
    ANN_SCRIPT,
    ANN_TERM,
    ANN_VENDOR,
    ANN_WRITE,
    NAMESPACE_LEASES,
    NAMESPACE_SYSTEM,
)

ORDER_TERMS: Final = frozenset(
    {
        ANN_CAP,
        ANN_REGION,
        ANN_VENDOR,
        ANN_RESTRICTIONS,
        ANN_NOT_BEFORE,
        ANN_NOT_AFTER,
        ANN_MAY_WAIT,
        ANN_DURATION,
        ANN_SCRIPT,
        ANN_RESERVATION,
        ANN_MAY_MOVE,
        ANN_TERM,
        ANN_GANG,
        ANN_GANG_SIZE,
        ANN_GANG_PLACES,
        ANN_READ,
        ANN_WRITE,
        ANN_EGRESS_CAP,
    }
)
"""What whoever orders may say of an order; all other annotations of ours are the exchange's."""
TEMPLATED: Final = (("batch", "jobs"), ("apps", "deployments"), ("apps", "replicasets"))
"""Kinds whose `spec.template` becomes Pods."""
_OURS: Final = "busbar.dev/"
RESERVED_SECRETS: Final = "busbar.dev/"
PROTECTED_NAMESPACES: Final = ("default", "kube-system", NAMESPACE_LEASES, NAMESPACE_SYSTEM)

_HOST_FLAGS: Final = ("hostNetwork", "hostPID", "hostIPC")
_CONTAINERS: Final = ("containers", "initContainers", "ephemeralContainers")
_VOLUMES: Final = ("hostPath", "local")


def reserved(change: Change) -> str:
    """Say what the caller may not write, as a clause; "" where there is nothing of it."""
    if change.by_operator:
        return ""
    if change.resource.collection == ("", "secrets"):
        return _secret(change)
    for path, pod, before in _pods(change):
        refusal = _annotations(path, pod, before) or _spec(path, spec_of(pod), before)
        if refusal:
            return refusal
    return ""


def _pods(change: Change) -> Iterator[tuple[str, Object, Object | None]]:
    """Give what is or will become a Pod: (path prefix, now, before)."""
    if change.resource.collection == ("", "pods"):
        yield "", change.new, change.old
    elif change.resource.collection in TEMPLATED:
        before = spec_of(change.old).get("template") if change.old is not None else None
        yield "spec.template.", spec_of(change.new).get("template") or {}, before


def _secret(change: Change) -> str:
    before = (change.old or {}).get("type", "")
    for kind in (change.new.get("type", ""), before):
        if str(kind).startswith(RESERVED_SECRETS) and change.new != change.old:
            return f"Secrets of the type {kind} are written by the exchange or an operator"
    return ""


def _annotations(path: str, pod: Object, before: Object | None) -> str:
    new, old = annotations_of(pod), annotations_of(before or {})
    for key in sorted({*new, *old}):
        is_ours = key.startswith(_OURS) and key not in ORDER_TERMS
        if is_ours and new.get(key) != old.get(key):
            return f"{path}metadata.annotations[{key}] is written by the exchange alone"
    return ""


def _spec(path: str, spec: Mapping[str, Any], before: Object | None) -> str:
    old = spec_of(before or {})
    if spec.get("nodeName") != old.get("nodeName"):
        return (
            f"{path}spec.nodeName is set by the exchange when it makes a contract; "
            "to choose where to run, set the annotations busbar.dev/region and busbar.dev/vendor"
        )
    if before is not None and spec == old:
        return ""
    for flag in _HOST_FLAGS:
        if spec.get(flag):
            return f"{path}spec.{flag}: a workload may not enter the namespaces of its host"
    for index, volume in enumerate(spec.get("volumes") or ()):
        for kind in _VOLUMES:
            if kind in volume:
                return f"{path}spec.volumes[{index}].{kind}: a workload may not mount its host"
    return _privileges(path, spec)


def _privileges(path: str, spec: Mapping[str, Any]) -> str:
    for field in _CONTAINERS:
        for index, container in enumerate(spec.get(field) or ()):
            security = container.get("securityContext") or {}
            at = f"{path}spec.{field}[{index}]"
            if security.get("privileged"):
                return f"{at}.securityContext.privileged: privileged containers are not offered"
            if (security.get("capabilities") or {}).get("add"):
                return f"{at}.securityContext.capabilities.add: no capabilities may be added"
            if any(port.get("hostPort") for port in container.get("ports") or ()):
                return f"{at}.ports: a workload may not take ports of its host"
    return ""


def may_not_delete(change: Change) -> str:
    """Say why an object must stay; "" where it may go. `new` is the object."""
    collection = change.resource.collection
    if collection == ("", "namespaces") and name_of(change.new) in PROTECTED_NAMESPACES:
        return "this namespace may not be deleted"
    if collection == ("busbar.dev", "accounts") and not change.by_operator:
        return "the account of a namespace goes with the namespace"
    return ""
