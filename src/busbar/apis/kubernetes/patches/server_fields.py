"""The fields that are the server's: identity, times, generation, and who may write status.

Source: k8s.io/apiserver/pkg/registry/rest (BeforeCreate, BeforeUpdate) and the strategies of the
kinds. Next: `json_patch.py`.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from busbar.apis.kubernetes.schemas.definitions import is_own
from busbar.apis.kubernetes.schemas.refusals import MODIFIED, Refusal, bad_request, conflict
from busbar.apis.kubernetes.schemas.registry import Served
from busbar.model.objects import Object, metadata, name_of
from busbar.model.resources import Resource
from busbar.model.time import Instant, format_instant

_MAX_GENERATED: Final = 58
"""A generateName is cut so that with its suffix it is still a DNS label."""
_KEPT: Final = (
    "name",
    "generateName",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "resourceVersion",
)
_NOT_FOR_NEW: Final = ("selfLink", "deletionTimestamp", "deletionGracePeriodSeconds")
_WITH_GENERATION: Final = (
    ("", "Pod"),
    ("batch", "Job"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("policy", "PodDisruptionBudget"),
)
_STATUS_AT_CREATE: Final = (("", "Node"),)


class Fresh(NamedTuple):
    """What a new object gets from the server: its namespace, uid, and a suffix for generateName."""

    namespace: str
    uid: str
    suffix: str


def keeps_status(resource: Resource) -> bool:
    """Say whether status is written at the status endpoint only."""
    return resource.has_status


def stamp_new(resource: Resource, obj: Object, fresh: Fresh, now: Instant) -> Refusal | None:
    """Put the server's metadata on a new object, in place."""
    meta: dict[str, Any] = obj["metadata"]
    if meta.get("resourceVersion"):
        return bad_request("resourceVersion should not be set on objects to be created")
    if resource.namespaced and meta.get("namespace", fresh.namespace) != fresh.namespace:
        why = "the namespace of the provided object does not match the namespace sent on the "
        return bad_request(why + "request")
    for field in (*_NOT_FOR_NEW, "resourceVersion", "managedFields"):
        meta.pop(field, None)
    if resource.namespaced:
        meta["namespace"] = fresh.namespace
    else:
        meta.pop("namespace", None)
    if not meta.get("name") and meta.get("generateName"):
        meta["name"] = meta["generateName"][:_MAX_GENERATED] + fresh.suffix
    meta["uid"] = fresh.uid
    meta["creationTimestamp"] = format_instant(now)
    meta.pop("generation", None)
    if counts_generation(resource):
        meta["generation"] = 1
    if resource.has_status and (resource.group, resource.kind) not in _STATUS_AT_CREATE:
        obj.pop("status", None)
    return None


def check_identity(served: Served, obj: Object, old: Object) -> Refusal | None:
    """Refuse a write that means another object, or an older state of this one."""
    meta, before = metadata(obj), metadata(old)
    name = name_of(old)
    for field in ("name", "namespace"):
        stated = meta.get(field)
        if stated and stated != before.get(field):
            why = f"the {field} of the object ({stated}) does not match the {field} on the URL "
            return bad_request(f"{why}({before.get(field) or ''})")
    if meta.get("uid") and meta["uid"] != before.get("uid"):
        why = f"Precondition failed: UID in precondition: {meta['uid']}, UID in object meta: "
        return conflict(served.qualified, name, why + str(before.get("uid")))
    version = meta.get("resourceVersion")
    if version and version != before.get("resourceVersion"):
        return conflict(served.qualified, name, MODIFIED)
    return None


def take_over(resource: Resource, obj: Object, old: Object, subresource: str) -> Object:
    """Give the new object with what this endpoint does not write taken from the old one."""
    if subresource:
        whole = {key: value for key, value in old.items() if key != subresource}
        if subresource in obj:
            whole[subresource] = obj[subresource]
        return whole
    whole = obj
    if resource.has_status:
        whole = {key: value for key, value in obj.items() if key != "status"}
        if "status" in old:
            whole["status"] = old["status"]
    before = metadata(old)
    meta = {k: v for k, v in metadata(obj).items() if k not in _KEPT and k != "selfLink"}
    meta.update((field, before[field]) for field in _KEPT if field in before)
    whole["metadata"] = meta
    return whole


def counts_generation(resource: Resource) -> bool:
    """Say whether metadata.generation counts the changes of the spec."""
    return is_own(resource) or (resource.group, resource.kind) in _WITH_GENERATION


def count_generation(resource: Resource, obj: Object, old: Object) -> None:
    """Raise the generation where the spec has changed, in place."""
    if counts_generation(resource) and obj.get("spec") != old.get("spec"):
        obj["metadata"]["generation"] = int(metadata(old).get("generation") or 0) + 1
