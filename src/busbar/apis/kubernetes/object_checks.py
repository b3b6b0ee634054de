"""What a table cannot decide: whether an object is the caller's. Pure predicates over objects.

`authorization.py` names the check, the handlers bring the objects, this module answers.
Next: `service_accounts.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from busbar.apis.kubernetes.authorization import Check, Role
from busbar.apis.kubernetes.selectors import Predicate
from busbar.model.dtu import RATING_RANGE
from busbar.model.errors import InvalidField
from busbar.model.objects import (
    Object,
    annotations_of,
    is_deleting,
    labels_of,
    metadata,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from busbar.model.quantities import parse_quantity
from busbar.model.time import parse_instant
from busbar.model.wellknown import (
    ANN_JOINED_RATING,
    ANN_RATED_AT,
    ANN_RATING,
    ANN_RECLAIM,
    CSI_BUCKET,
    LABEL_GPU_PRODUCT,
    LABEL_VENDOR,
)

RATED = frozenset({ANN_RATING, ANN_RATED_AT})
"""What a node measures of itself again."""
MAY_HIDE = frozenset({Check.BOUND_POD, Check.BOUND_AND_ENDING})
"""Checks whose no is told as 404: whether the object exists is not the caller's business."""


def visible(role: Role, check: Check) -> Predicate | None:
    """Give what a caller sees of a collection; None where that is everything."""
    if check is Check.BOUND_POD:
        return lambda pod: is_bound(pod, role.name)
    if check is Check.OWN_OFFER:
        return lambda offer: _vendor(offer) == role.name
    if check is Check.OWN_NAME:
        return lambda obj: name_of(obj) == role.name
    if check in (Check.OWN_NODES, Check.OWN_NODES_BACK):
        return lambda node: labels_of(node).get(LABEL_VENDOR) == role.name
    if check is Check.OWN_NAMESPACE:
        return lambda namespace: name_of(namespace) in role.namespaces
    return None


def refusal_of_write(role: Role, check: Check, old: Object | None, new: Object | None) -> str:
    """Say why a write is not the caller's to make; "" where it is."""
    if check is Check.OWN_OFFER:
        if any(obj is not None and _vendor(obj) != role.name for obj in (old, new)):
            return f"vendor {role.name} may write only what has its spec.vendor: {role.name}"
        return ""
    if check is Check.OWN_NAME:
        named = new if new is not None else old
        return "" if named is not None and name_of(named) == role.name else "it is not yours"
    if check is Check.NODE_LIMITS:
        return _node_limits(role, old, new)
    if check is Check.OWN_NODES_BACK:
        return _taking_back(role, old, new)
    if check is Check.BOUND_POD:
        bound = old is not None and is_bound(old, role.name)
        return "" if bound else f"the Pod is not bound to node {role.name}"
    if check is Check.BOUND_AND_ENDING:
        bound = old is not None and is_bound(old, role.name)
        if bound and old is not None and is_deleting(old):
            return ""
        return f"node {role.name} may remove only Pods bound to it whose deletion was asked for"
    return ""


def is_bound(pod: Object, node: str) -> bool:
    """Say whether a Pod is bound to a node."""
    return bool(node) and spec_of(pod).get("nodeName") == node


def _vendor(offer: Object) -> object:
    return spec_of(offer).get("vendor")


def _node_limits(role: Role, old: Object | None, new: Object | None) -> str:
    """Hold a node to what joining wrote: identity, place; rating and size at most as joined."""
    if old is None or new is None or name_of(old) != role.name:
        return f"node {role.name} may touch only its own Node"
    for what, before, after in (
        ("label", labels_of(old), labels_of(new)),
        ("annotation", annotations_of(old), annotations_of(new)),
    ):
        for key in sorted({*before, *after}):
            if key in RATED and what == "annotation":
                continue
            if before.get(key) != after.get(key) and _is_reserved(key):
                return f"the {what} {key} is written when a node joins; a node may not change it"
    refused = _rating_refused(annotations_of(old), annotations_of(new))
    if refused:
        return refused
    if spec_of(old) != spec_of(new):
        return "a node may not change its spec"
    for field in ("capacity", "allocatable"):
        before, after = status_of(old).get(field) or {}, status_of(new).get(field) or {}
        for name in sorted(after):
            if _exceeds(after[name], before.get(name)):
                return f"status.{field}.{name} may not grow beyond what the node joined with"
    return ""


def _rating_refused(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """Say why a node may not say so of its speed: it may have become slower, never faster.

    A rating is what the vendor is paid by, so it is no higher than the one it joined with.
    """
    rating, rated_at = after.get(ANN_RATING, ""), after.get(ANN_RATED_AT)
    if rated_at != before.get(ANN_RATED_AT):
        try:
            parse_instant(rated_at, f"metadata.annotations[{ANN_RATED_AT}]")
        except InvalidField as error:
            return str(error)
    if rating == before.get(ANN_RATING, ""):
        return ""
    joined = before.get(ANN_JOINED_RATING) or before.get(ANN_RATING) or "0"
    is_number = rating.isascii() and rating.isdigit() and len(rating) <= 9
    if is_number and RATING_RANGE[0] <= int(rating) <= int(joined):
        return ""
    return (
        f"metadata.annotations[{ANN_RATING}] must be from {RATING_RANGE[0]} to {joined}, "
        "what the node joined with; one that became faster joins anew"
    )


def _taking_back(role: Role, old: Object | None, new: Object | None) -> str:
    """Hold a vendor to what takes a node back: cordon it, and say with or without notice."""
    if old is None or new is None or labels_of(old).get(LABEL_VENDOR) != role.name:
        return f"vendor {role.name} may change only its own nodes"
    if _without_reclaim(old) != _without_reclaim(new):
        return (
            f"a vendor may change only spec.unschedulable and metadata.annotations[{ANN_RECLAIM}] "
            "of its nodes"
        )
    return ""


def _without_reclaim(node: Object) -> tuple[object, ...]:
    """Give what of a Node is not the vendor's to write."""
    notes = {k: v for k, v in annotations_of(node).items() if k != ANN_RECLAIM}
    spec = {k: v for k, v in spec_of(node).items() if k != "unschedulable"}
    kept = ("ownerReferences", "finalizers")
    owned = [metadata(node).get(field) or None for field in kept]
    return labels_of(node), notes, spec, status_of(node), owned


def _is_reserved(key: str) -> bool:
    prefix = key.partition("/")[0]
    own = prefix.endswith(("busbar.dev", "kubernetes.io")) and "/" in key
    return own or key == LABEL_GPU_PRODUCT


def _exceeds(after: object, before: object) -> bool:
    if after == before:
        return False
    try:
        return before is None or parse_quantity(after, "") > parse_quantity(before, "")
    except InvalidField:
        return True


def concerns(event: Object, role: Role, pods: Iterable[Object]) -> bool:
    """Say whether an Event is about the node itself or one of the Pods (those bound to it)."""
    about = event.get("involvedObject") or {}
    if about.get("kind") == "Node":
        return about.get("name") == role.name
    if about.get("kind") != "Pod" or about.get("namespace") != namespace_of(event):
        return False
    return any(
        name_of(pod) == about.get("name") and about.get("uid") in (None, "", uid_of(pod))
        for pod in pods
        if namespace_of(pod) == namespace_of(event)
    )


def references(pods: Iterable[Object], resource: str, name: str) -> bool:
    """Say whether any of the Pods names a ConfigMap, Secret or Bucket (plural, name)."""
    return any((resource, name) in set(named_by(pod)) for pod in pods)


def named_by(pod: Object) -> Iterator[tuple[str, str]]:
    """Give the (resource, name) pairs that a Pod names: volumes, environment, pull secrets."""
    spec = spec_of(pod)
    for secret in spec.get("imagePullSecrets") or ():
        yield "secrets", str(secret.get("name"))
    for volume in spec.get("volumes") or ():
        yield from _by_volume(volume)
    for field in ("containers", "initContainers", "ephemeralContainers"):
        for container in spec.get(field) or ():
            yield from _by_environment(container)


def _by_volume(volume: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from _by_source(volume)
    for source in (volume.get("projected") or {}).get("sources") or ():
        yield from _by_source(source)
    csi = volume.get("csi") or {}
    if csi.get("driver") == CSI_BUCKET:
        yield "buckets", str((csi.get("volumeAttributes") or {}).get("bucket"))
    if secret := (csi.get("nodePublishSecretRef") or {}).get("name"):
        yield "secrets", str(secret)


def _by_source(source: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    secret, config_map = source.get("secret") or {}, source.get("configMap") or {}
    if name := secret.get("secretName") or secret.get("name"):
        yield "secrets", str(name)
    if name := config_map.get("name"):
        yield "configmaps", str(name)


def _by_environment(container: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for source in container.get("envFrom") or ():
        yield "secrets", str((source.get("secretRef") or {}).get("name"))
        yield "configmaps", str((source.get("configMapRef") or {}).get("name"))
    for variable in container.get("env") or ():
        origin = variable.get("valueFrom") or {}
        yield "secrets", str((origin.get("secretKeyRef") or {}).get("name"))
        yield "configmaps", str((origin.get("configMapKeyRef") or {}).get("name"))
